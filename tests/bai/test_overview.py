"""Inputs at a picture's size: the right place, nodata, and no large reads."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from bai import overview
from bai.grid import Shape
from bai.overview import read_bands, read_numbers
from bai.reader import plan

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    from bai.stac.item import Item


def test_bands_at_any_size(make_item: Callable[..., Item]) -> None:
    nir = np.tile(np.arange(1, 129, dtype=np.uint16) * 10, (128, 1))
    nir[:16] = 0
    pair = plan(*(make_item(date, nir, nir[::2, ::2], offset=-0.01) for date in ("pre", "post")))
    bands = read_bands(pair.pre, pair.grid, Shape(32, 32))
    assert bands is not None
    assert bands.nir.shape == bands.swir2.shape == (32, 32)
    assert np.isnan(bands.nir[:4]).all()
    assert np.isfinite(bands.nir[4:]).all()
    np.testing.assert_allclose(bands.nir[10], np.arange(32) * 40 + 30 - 100, atol=20)
    assert np.nanmax(np.abs(bands.ratio())) <= 1


def test_the_crop_of_a_plan_is_read(make_item: Callable[..., Item]) -> None:
    nir = np.tile(np.arange(1, 129, dtype=np.uint16), (128, 1))
    pre, post = make_item("pre", nir, nir[::2, ::2]), make_item("post", nir, nir[::2, ::2], east=320)
    pair = plan(pre, post)
    assert pair.grid.shape.cols == 96
    before = read_numbers(pair.pre.nir, pair.grid, Shape(32, 24))
    after = read_numbers(pair.post.nir, pair.grid, Shape(32, 24))
    assert before is not None
    assert after is not None
    assert 32 < before[0, 0] <= 36
    assert 0 < after[0, 0] <= 4


def test_nodata_where_a_file_ends(make_item: Callable[..., Item]) -> None:
    nir = np.full((64, 64), 7, np.uint16)
    pair = plan(*(make_item(date, nir, nir[::2, ::2]) for date in ("pre", "post")))
    short = replace(pair.pre.nir, fit=replace(pair.pre.nir.fit, row_off=-32, col_off=-16))
    numbers = read_numbers(short, pair.grid, Shape(16, 16))
    assert numbers is not None
    assert (numbers[:8] == 0).all()
    assert (numbers[:, :4] == 0).all()
    assert (numbers[8:, 4:] == 7).all()
    away = replace(pair.pre.nir, fit=replace(pair.pre.nir.fit, row_off=64))
    assert not np.any(read_numbers(away, pair.grid, Shape(16, 16)))


def test_large_files_without_overviews_only_when_asked(
    make_item: Callable[..., Item], monkeypatch: pytest.MonkeyPatch
) -> None:
    nir = np.full((64, 64), 7, np.uint16)
    pair = plan(*(make_item(date, nir, nir[::2, ::2]) for date in ("pre", "post")))
    monkeypatch.setattr(overview, "LARGEST_WHOLE", 32)
    assert read_bands(pair.pre, pair.grid, Shape(16, 16)) is None
    assert read_bands(pair.pre, pair.grid, Shape(16, 16), whole=True) is not None
