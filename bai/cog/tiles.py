"""Encode the tiles of a Cloud-Optimized GeoTIFF window by window, in any process.

Overview pixel (r, c) of level k is pixel (r << k, c << k) of the raster, so a window's overviews need no other window,
down to the level at which the window is one tile. The writer makes the coarser levels, each tile from four tiles.
"""

from __future__ import annotations

import struct
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from isal import isal_zlib

from bai.buffers import buffer
from bai.grid import Shape

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

if TYPE_CHECKING:
    import numpy.typing as npt

    from bai.cog.tiff import Raster
    from bai.grid import Window

ISAL_LEVEL, ZSTD_LEVEL = 1, 1
"""Fast levels: the low bits of dNBR are noise, so slower levels save up to 3 % for twice the work."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The division of a raster: tiles of block x block pixels in the file, window x window pixels for each task."""

    shape: Shape
    block: int = 512
    window: int = 2048
    """`block` times a power of two."""

    @property
    def levels(self) -> list[Shape]:
        """The full raster and its overviews, each half of the one before, until one tile holds all."""
        levels = [self.shape]
        while max(levels[-1].rows, levels[-1].cols) > self.block:
            levels.append(Shape((levels[-1].rows + 1) // 2, (levels[-1].cols + 1) // 2))
        return levels

    @property
    def owned(self) -> int:
        """Levels whose tiles lie within one window."""
        return (self.window // self.block).bit_length()

    def tiles(self, level: int) -> Shape:
        """Tiles of a level in each direction."""
        shape = self.levels[level]
        return Shape(-(-shape.rows // self.block), -(-shape.cols // self.block))


@dataclass(frozen=True, slots=True)
class Tiles:
    """The encoded tiles of one window."""

    blob: npt.NDArray[np.uint8]
    """Tiles as they are stored in the file, one after another: size, data, the last four bytes repeated.
    An array, because Dask sends arrays without a copy."""
    index: tuple[tuple[int, int, int, int], ...]
    """Level, tile row, tile column and bytes of each."""
    rest: npt.NDArray[Any] | None
    """The window's pixels in the first level whose tiles are larger than a window; None when there is no such level."""


def encode_window(pixels: npt.NDArray[Any], window: Window, layout: Layout, raster: Raster) -> Tiles:
    """Encode the tiles of the raster and of its overviews that lie in a window.

    Args:
        pixels: The window's pixels, (rows, cols).
        window: Its place.
        layout: How the raster is cut.
        raster: How pixels are stored.
    """
    parts: list[bytes] = []
    index = []
    levels, block = len(layout.levels), layout.block
    for level in range(min(layout.owned, levels)):
        for row in range(0, pixels.shape[0], block):
            for col in range(0, pixels.shape[1], block):
                tile = encode_tile(pixels[row : row + block, col : col + block], block, raster)
                place = ((window.row_off >> level) + row) // block, ((window.col_off >> level) + col) // block
                index.append((level, *place, sum(map(len, tile))))
                parts += tile
        pixels = np.ascontiguousarray(pixels[::2, ::2])
    return Tiles(np.frombuffer(b"".join(parts), np.uint8), tuple(index), pixels if levels > layout.owned else None)


def encode_tile(pixels: npt.NDArray[Any], block: int, raster: Raster) -> tuple[bytes, bytes, bytes]:
    """Encode one tile, padded with nodata; returns its size, its data and their last four bytes."""
    if pixels.shape != (block, block):
        tile = buffer("tile", (block, block), raster.dtype)
        tile[...] = raster.nodata
        tile[: pixels.shape[0], : pixels.shape[1]] = pixels
        pixels = tile
    raw: Any = _predict(pixels) if raster.predictor == 3 else np.ascontiguousarray(pixels)  # noqa: PLR2004 - TIFF 6.0
    data = zstd.compress(raw, level=ZSTD_LEVEL) if raster.compress == "zstd" else isal_zlib.compress(raw, ISAL_LEVEL)
    return struct.pack("<I", len(data)), data, data[-4:]


def _predict(tile: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """Apply TIFF's floating point predictor: bytes of a row by significance, then differences (Adobe, TechNote 3)."""
    rows, cols = tile.shape
    planes = buffer("planes", (rows, 4, cols), np.uint8)
    for plane in range(4):
        np.right_shift(tile.view(np.uint32), 24 - 8 * plane, out=planes[:, plane], casting="unsafe")
    flat = planes.reshape(rows, 4 * cols)
    differences = buffer("differences", flat.shape, np.uint8)
    differences[:, 0] = flat[:, 0]
    np.subtract(flat[:, 1:], flat[:, :-1], out=differences[:, 1:])
    return differences
