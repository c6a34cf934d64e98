"""Tiles: what is encoded is decoded again, and the predictor is TIFF's."""

from __future__ import annotations

import struct
import zlib
from dataclasses import replace

import numpy as np
import pytest

from bai.cog.tiff import Raster
from bai.cog.tiles import Layout, encode_tile, encode_window, zstd
from bai.grid import Shape, Window

FLOATS = Raster("float32", float("nan"), "dNBR", "deflate", 3)
BYTES = Raster("uint8", 255, "severity", "deflate", 1)


def decode(data: bytes, raster: Raster, block: int) -> np.ndarray:
    """Undo compression and the floating point predictor, as TechNote 3 writes them."""
    raw = zstd.decompress(data) if raster.compress == "zstd" else zlib.decompress(data)
    if raster.predictor == 1:
        return np.frombuffer(raw, np.uint8).reshape(block, block)
    planes = np.cumsum(np.frombuffer(raw, np.uint8).reshape(block, 4 * block), axis=1, dtype=np.uint8)
    return np.ascontiguousarray(planes.reshape(block, 4, block).transpose(0, 2, 1)).view(">f4")[..., 0]


@pytest.mark.parametrize("compress", ["deflate", "zstd"])
def test_a_tile_is_decoded_again(compress: str) -> None:
    values = np.random.default_rng(1).normal(size=(64, 64)).astype(np.float32)
    raster = replace(FLOATS, compress=compress)
    size, data, tail = encode_tile(values, 64, raster)
    assert struct.unpack("<I", size) == (len(data),)
    assert tail == data[-4:]
    np.testing.assert_array_equal(decode(data, raster, 64), values)


def test_a_tile_at_the_edge_is_padded_with_nodata() -> None:
    _, data, _ = encode_tile(np.zeros((3, 5), np.uint8), 16, BYTES)
    tile = decode(data, BYTES, 16)
    assert (tile[:3, :5] == 0).all()
    assert (tile[3:] == 255).all()
    assert (tile[:, 5:] == 255).all()


def test_levels_of_a_window() -> None:
    layout = Layout(Shape(128, 128), block=16, window=64)
    assert [(level.rows, level.cols) for level in layout.levels] == [(128, 128), (64, 64), (32, 32), (16, 16)]
    pixels = np.arange(64 * 64, dtype=np.uint8).reshape(64, 64)
    tiles = encode_window(pixels, Window(64, 0, 64, 64), layout, BYTES)
    assert [entry[:3] for entry in tiles.index if entry[0] == 2] == [(2, 0, 1)]
    assert sum(entry[3] for entry in tiles.index) == len(tiles.blob)
    np.testing.assert_array_equal(tiles.rest, pixels[::8, ::8])
