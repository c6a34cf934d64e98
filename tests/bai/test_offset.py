"""The dNBR offset: found where ground did not burn, of the kind that burned."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from bai.errors import InputError
from bai.offset import average_unburned, measure_offset
from bai.reader import plan

if TYPE_CHECKING:
    from collections.abc import Callable

    from bai.stac.item import Item


def scene(shift: float) -> tuple[np.ndarray, np.ndarray]:
    """Make dNBR with a burn of 0.6 in forest (4), unburned bare ground (5) that changed by 0.05 more."""
    rng = np.random.default_rng(1)
    difference = rng.normal(shift, 0.01, (100, 100)).astype(np.float32)
    kinds = np.full((100, 100), 4, np.uint8)
    kinds[:, 50:] = 5
    difference[:, 50:] += 0.05
    difference[20:50, 10:40] += 0.6
    return difference, kinds


@pytest.mark.parametrize("shift", [0.0, 0.08, -0.12, 0.3])
def test_the_shift_of_unburned_ground_of_the_burned_kind(shift: float) -> None:
    difference, kinds = scene(shift)
    found = average_unburned(difference, kinds, None, 2)
    assert found.value == pytest.approx(shift, abs=0.003)
    assert found.pixels > 5000


def test_partly_burned_pixels_around_the_burn_do_not_count() -> None:
    difference, kinds = scene(0.02)
    difference[18:20, 8:42] += 0.09  # would still count as unburned
    assert average_unburned(difference, kinds, None, 3).value == pytest.approx(0.02, abs=0.002)


def test_the_users_footprint_counts_as_burned() -> None:
    difference, kinds = scene(0.0)
    difference[60:90, 10:40] = 0.06
    known = np.zeros(difference.shape, bool)
    known[55:95, 5:45] = True
    assert average_unburned(difference, kinds, known, 1).value == pytest.approx(0.0, abs=0.003)


def test_no_burn_at_all() -> None:
    difference = np.full((40, 40), 0.03, np.float32)
    assert average_unburned(difference, np.zeros((40, 40), np.uint8), None, 1).value == pytest.approx(0.03)


@pytest.mark.parametrize("value", [np.nan, 0.5])
def test_too_little_unburned_ground(value: float) -> None:
    difference = np.full((40, 40), value, np.float32)
    difference[:4, :4] = 0
    with pytest.raises(InputError, match="unburned pixels"):
        average_unburned(difference, np.zeros((40, 40), np.uint8), np.ones((40, 40), bool), 1)


def test_measured_on_the_overview_of_a_pair(make_item: Callable[..., Item]) -> None:
    """A drier post-fire date: SWIR2 is higher by the same share everywhere, and clouds are left out."""
    shape = (200, 200)
    nir, swir2 = np.full(shape, 3000, np.uint16), np.full((100, 100), 1000, np.uint16)
    classes = np.full((100, 100), 4, np.uint8)
    cloudy = classes.copy()
    cloudy[:20] = 9
    later = np.full((100, 100), 1100, np.uint16)
    later[:20] = 3000
    pair = plan(make_item("pre", nir, swir2, classes), make_item("post", nir, later, cloudy))
    found = measure_offset(pair, (0, 9), None)
    assert found.value == pytest.approx(0.5 - 1900 / 4100, abs=1e-4)
