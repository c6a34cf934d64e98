"""Test what the picture shows: classes read from overviews, and land only if reading it is cheap."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import rasterio
from rasterio import Affine
from rasterio.crs import CRS

from bai.grid import Grid, Shape
from bai.output import picture as preview
from bai.output.picture import read_classes, read_light
from bai.stac.item import Source

if TYPE_CHECKING:
    from pathlib import Path

GRID = Grid(CRS.from_epsg(32610), Affine(10, 0, 600000, 0, -10, 4500000), Shape(64, 64))


def make_band(path: Path, size: int = 64, crs: str = "EPSG:32610") -> Source:
    numbers = np.tile(np.arange(1, size + 1, dtype=np.uint16), (size, 1)) * 10
    with rasterio.open(
        path, "w", driver="GTiff", width=size, height=size, count=1, dtype="uint16", crs=crs, nodata=0,
        transform=Affine(10, 0, 600000, 0, -10, 4500000),
    ) as file:  # fmt: skip
        file.write(numbers, 1)
    return Source("nir", "nir", str(path), 1e-4, 0.0, 0)


def test_light_is_the_bands_brightness(tmp_path: Path) -> None:
    light = read_light(make_band(tmp_path / "a.tif"), GRID, (16, 16))
    assert light is not None
    assert light.shape == (16, 16)
    assert light[0, 0] < 20
    assert light[0, -1] > 235
    half = read_light(make_band(tmp_path / "b.tif"), replace(GRID, shape=Shape(32, 32)), (16, 16))
    assert half is not None


def test_no_light_from_other_grids_large_files_or_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_light(make_band(tmp_path / "a.tif", crs="EPSG:32611"), GRID, (16, 16)) is None
    assert read_light(Source("nir", "nir", str(tmp_path / "none.tif"), 1e-4, 0.0, 0), GRID, (16, 16)) is None
    monkeypatch.setattr(preview, "SMALL", 32)
    assert read_light(make_band(tmp_path / "b.tif"), GRID, (16, 16)) is None


@pytest.mark.parametrize(("size", "shown"), [(64, 64), (1081, 1081), (2159, 2159), (2160, 1080), (5000, 1250)])
def test_classes_are_read_at_the_pictures_size(tmp_path: Path, size: int, shown: int) -> None:
    source = make_band(tmp_path / "a.tif", size)
    classes = read_classes(tmp_path / "a.tif")
    assert classes.shape == (shown, shown)
    assert source.nodata not in classes
