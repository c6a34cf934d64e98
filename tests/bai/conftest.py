"""Fixtures that write small real rasters and the items that refer to them."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import numpy as np
import pytest
import rasterio
from rasterio import Affine

from bai.files import close_all
from bai.radiometry import SILENT, Stated
from bai.stac.item import Item, Source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

LEFT, TOP = 499980, 4500000


@pytest.fixture(autouse=True)
def _no_open_datasets() -> Iterator[None]:
    """Close datasets after each test, because the next test may use the same paths."""
    yield
    close_all()


@pytest.fixture
def write_band(tmp_path: Path) -> Callable[..., Path]:
    """Write one band as a tiled GeoTIFF whose corner is `east`, `south` metres off the usual one."""

    def write(
        name: str,
        pixels: np.ndarray,
        resolution: float,
        east: float = 0,
        south: float = 0,
        crs: str = "EPSG:32610",
        block: int = 64,
    ) -> Path:
        path = tmp_path / name
        bands = pixels if pixels.ndim == 3 else pixels[None]
        with rasterio.open(
            path, "w", driver="GTiff", height=bands.shape[1], width=bands.shape[2], count=bands.shape[0], dtype=bands.dtype, crs=crs,
            transform=Affine(resolution, 0, LEFT + east, 0, -resolution, TOP - south), nodata=0,
            tiled=True, blockxsize=block, blockysize=block, compress="deflate",
        ) as file:  # fmt: skip
            file.write(bands)
        return path

    return write


@pytest.fixture
def make_item(write_band: Callable[..., Path]) -> Callable[..., Item]:
    """Write an item's bands and return the item; everything but the pixels has a default."""

    def make(
        date: str,
        nir: np.ndarray,
        swir2: np.ndarray,
        scl: np.ndarray | None = None,
        *,
        scale: float = 1e-4,
        offset: float = 0.0,
        **place: object,
    ) -> Item:
        def source(band: str, pixels: np.ndarray, resolution: float) -> Source:
            path = write_band(f"{date}-{band}.tif", pixels, resolution, **place)
            mask = band == "scl"
            return Source(
                band=band,
                key=band,
                href=str(path),
                scale=1.0 if mask else scale,
                offset=0.0 if mask else offset,
                stated=SILENT if mask else Stated(scale, offset),
            )

        return Item(
            id=f"item-{date}", href=f"/items/{date}.json", collection="sentinel-2-l2a",
            datetime=dt.datetime(2021, 7, 13 if date == "pre" else 18, tzinfo=dt.UTC), platform="sentinel-2a", baseline="05.09",
            nir=source("nir", nir, 10.0), swir2=source("swir2", swir2, 20.0),
            scl=None if scl is None else source("scl", scl, 20.0),
        )  # fmt: skip

    return make


@pytest.fixture
def numbers() -> Callable[..., np.ndarray]:
    """Make digital numbers of one size: mostly valid, some zero, from a seed."""

    def make(rows: int, cols: int, seed: int, high: int = 9000) -> np.ndarray:
        rng = np.random.default_rng(seed)
        return (rng.integers(1, high, (rows, cols)) * (rng.random((rows, cols)) > 0.03)).astype(np.uint16)

    return make
