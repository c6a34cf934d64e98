"""Grids, windows, and the position of one grid's pixels on another grid. Pure arithmetic; no file is opened here.

Offsets and sizes count pixels; `col` grows eastwards, `row` southwards.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rasterio import Affine
from rasterio.errors import CRSError, RasterioError
from rasterio.warp import transform_bounds

from bai.errors import InputError

if TYPE_CHECKING:
    from rasterio.crs import CRS

PIXEL_TOLERANCE = 1e-3
"""Grids count as aligned when no pixel lies off by more than this share of a pixel: resampling moves pixels more."""
Bounds = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Shape:
    """Size of a raster in pixels."""

    rows: int
    cols: int


@dataclass(frozen=True, slots=True)
class Window:
    """A rectangle of pixels."""

    col_off: int
    row_off: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Fit:
    """How a raster lies under a grid: the grid's pixel (r, c) is in the raster's ((r + row_off) // factor, ...)."""

    factor: int
    row_off: int
    col_off: int


@dataclass(frozen=True, slots=True)
class Grid:
    """A north-up raster's place on Earth."""

    crs: CRS
    transform: Affine
    """Pixel (col, row) corner to coordinates (x, y)."""
    shape: Shape

    @property
    def bounds(self) -> Bounds:
        """West, south, east, north in the grid's CRS."""
        width, _, west, _, height, north = self.transform[:6]
        return west, north + height * self.shape.rows, west + width * self.shape.cols, north

    @property
    def pixel_hectares(self) -> float:
        """Area of a pixel in hectares, for a CRS in metres."""
        return float(abs(self.transform.a * self.transform.e)) / 10_000

    def crop(self, window: Window) -> Grid:
        """Return the part of the grid that a window covers; its pixels keep their coordinates to the last bit."""
        a, _, c, _, e, f = self.transform[:6]
        moved = Affine(a, 0, c + a * window.col_off, 0, e, f + e * window.row_off)
        return Grid(self.crs, moved, Shape(window.height, window.width))

    def _pixel(self, x: float, y: float) -> tuple[float, float]:
        """Return the column and row of a place."""
        a, _, c, _, e, f = self.transform[:6]
        return (x - c) / a, (y - f) / e

    def cover(self, bounds: Bounds, crs: CRS, name: str) -> Window:
        """Return the window of all pixels that a rectangle in any CRS touches.

        Args:
            bounds: West, south, east, north in `crs`; in degrees, west is above east across the antimeridian.
            crs: CRS of the bounds.
            name: What the rectangle is, for the error.

        Raises:
            InputError: The rectangle does not touch the grid.
        """
        try:
            west, south, east, north = bounds if crs == self.crs else transform_bounds(crs, self.crs, *bounds)
        except (CRSError, RasterioError) as error:
            raise InputError(f"{name} {_text(bounds)} cannot be placed on {self.crs}: {error}") from error
        (left, top), (right, bottom) = self._pixel(west, north), self._pixel(east, south)
        col, row = max(0, _floor(left)), max(0, _floor(top))
        width, height = min(self.shape.cols, _ceil(right)) - col, min(self.shape.rows, _ceil(bottom)) - row
        if not (width > 0 and height > 0):
            raise InputError(
                f"{name} {_text(bounds)} ({crs}) does not overlap the pre-fire grid {_text(self.bounds)} ({self.crs})",
                hint="give two items of the same tile, and a bounding box inside it",
            )
        return Window(col, row, width, height)

    def fit(self, raster: Grid) -> Fit | None:
        """Return how a raster lies under this grid, or None when the raster must be warped.

        A raster lies under the grid when CRS and orientation are the same, one of its pixels covers n x n pixels of
        the grid, and pixel corners meet within PIXEL_TOLERANCE.
        """
        (a, _, _, _, e, _), (ra, rb, rc, rd, re, rf) = self.transform[:6], raster.transform[:6]
        factor = round(ra / a)
        if raster.crs != self.crs or rb or rd or factor < 1:
            return None
        col, row = self._pixel(rc, rf)
        slip = max(
            abs(ra / a - factor) * raster.shape.cols,
            abs(re / e - factor) * raster.shape.rows,
            abs(col - round(col)),
            abs(row - round(row)),
        )
        return Fit(factor, -round(row), -round(col)) if slip < PIXEL_TOLERANCE else None


def windows(shape: Shape, size: int) -> list[Window]:
    """Cut a raster into windows of at most size x size pixels, row by row, from its upper left corner."""
    return [
        Window(col, row, min(size, shape.cols - col), min(size, shape.rows - row))
        for row in range(0, shape.rows, size)
        for col in range(0, shape.cols, size)
    ]


def _floor(value: float) -> int:
    """Round down, but to the next whole number within the tolerance; infinity becomes a large number."""
    return math.floor(value + PIXEL_TOLERANCE) if math.isfinite(value) else 2**62


def _ceil(value: float) -> int:
    return math.ceil(value - PIXEL_TOLERANCE) if math.isfinite(value) else -(2**62)


def _text(bounds: Bounds) -> str:
    return "[" + ", ".join(f"{value:.10g}" for value in bounds) + "]"
