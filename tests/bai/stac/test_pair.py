"""Test that two items of one overpass, in the wrong order, or equal are noticed."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest

from bai.errors import InputError
from bai.stac.pair import check_pair


@pytest.fixture
def pair(make_item):
    pixels = np.ones((16, 16), np.uint16)
    return [make_item(date, pixels, pixels[:8, :8]) for date in ("pre", "post")]


def test_a_pair_without_a_warning(pair):
    assert check_pair(*pair) == ()


def test_swapped_items_are_a_warning(pair):
    assert "are they swapped?" in check_pair(pair[1], pair[0])[0]


@pytest.mark.parametrize("milliseconds", [0, 1, -1, 25_000])
def test_one_overpass_is_a_warning(pair, milliseconds):
    pre, post = pair
    post = replace(post, datetime=pre.datetime + dt.timedelta(milliseconds=milliseconds))
    assert "one overpass (2021-07-13 00:00:00 and" in check_pair(pre, post)[0]


def test_the_next_orbit_is_another_overpass(pair):
    pre, post = pair
    assert check_pair(pre, replace(post, datetime=pre.datetime + dt.timedelta(minutes=100))) == ()


def test_a_sensing_processed_again_is_a_warning(pair):
    """The items' times may differ, for example by what a catalogue takes for the time of a product."""
    name = "S2A_MSIL2A_20200305T103021_{}_R108_T32TMT_20200305T{}"
    pre = replace(pair[0], product=name.format("N0214", "142711"))
    post = replace(pair[1], id=name.format("N0500", "235959"))
    assert "one overpass" in check_pair(pre, post)[0]
    assert check_pair(pre, replace(post, id=post.id.replace("S2A", "S2B"))) == ()


def test_the_same_item_is_refused(pair):
    with pytest.raises(InputError, match="both items are item-pre"):
        check_pair(pair[0], replace(pair[0], href="/elsewhere.json"))
