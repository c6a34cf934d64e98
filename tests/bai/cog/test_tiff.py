"""Directories: GDAL's tags come through, and large files become BigTIFF."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from rasterio import Affine
from rasterio.crs import CRS

from bai.cog.tiff import CLASSIC_LIMIT, COLOUR_MAP, NODATA, Level, Raster, header, tags
from bai.grid import Grid, Shape

GRID = Grid(CRS.from_epsg(32610), Affine(10, 0, 600000, 0, -10, 4500000), Shape(512, 512))
RASTER = Raster("uint8", 255, "severity", "deflate", 1, colours={1: (1, 2, 3)}, tags={"PRE_ITEM": "a"})


def test_tags_of_a_raster() -> None:
    found = {tag.code: tag for tag in tags(RASTER, GRID, 512)}
    assert found[NODATA].value.startswith(b"255")
    assert found[COLOUR_MAP].count == 3 * 256
    assert b"PRE_ITEM" in found[42112].value
    assert struct.unpack("<3d", found[33550].value)[:2] == (10, 10)


@pytest.mark.parametrize(("size", "magic"), [(1000, 42), (CLASSIC_LIMIT + 1, 43)])
def test_big_files_are_bigtiff(size: int, magic: int) -> None:
    level = Level(512, 512, np.array([4]), np.array([size]))
    head = header(tags(RASTER, GRID, 512), [level])
    assert struct.unpack_from("<2sH", head) == (b"II", magic)
    assert len(head) % 8 == 0
