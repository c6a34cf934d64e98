"""Plan how the bands of two items are placed on one grid, then read windows of that plan."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from rasterio.crs import CRS
from rasterio.windows import Window as FileWindow

from bai.files import use
from bai.grid import Bounds, Fit, Grid, Shape, Window
from bai.headers import at_once, read_grid
from bai.kernel import Layer, Layers
from bai.radiometry import NODATA
from bai.stac.credentials import gdal_variables
from bai.stac.href import public

if TYPE_CHECKING:
    import numpy.typing as npt

    from bai.files import Dataset
    from bai.stac.item import Item, Source

WGS84 = CRS.from_epsg(4326)


@dataclass(frozen=True, slots=True)
class Input:
    """One band's file, and how its pixels are placed on the result's grid."""

    href: str = field(repr=False)
    shape: Shape
    """Rows and columns of the file, or of the grid onto which the file is warped."""
    fit: Fit
    gain: float
    bias: float
    """Digital number * gain + bias is reflectance times a constant shared by the bands of a date."""
    nodata: tuple[int, ...] = (NODATA,)
    """Digital numbers of pixels without data; reading replaces all of them with NODATA."""
    warp: Grid | None = None
    """The grid to warp onto by nearest neighbour; None when pixels coincide without warping."""


@dataclass(frozen=True, slots=True)
class Date:
    """The inputs of one item."""

    nir: Input
    swir2: Input
    scl: Input | None


@dataclass(frozen=True, slots=True)
class Plan:
    """What to read for a result: everything that a worker needs to know, already checked."""

    grid: Grid
    """The result's grid: whole pixels of the pre-fire item's NIR band."""
    pre: Date
    post: Date
    warnings: tuple[str, ...] = ()
    """Which inputs are warped."""
    credentials: dict[str, str] = field(default_factory=gdal_variables, repr=False)
    """GDAL's variables with the user's credentials, for workers that do not have them."""
    tags: dict[str, str] = field(default_factory=dict)
    """Tags of the result's files: items and times in UTC."""
    timeout_s: float | None = None
    """Seconds that a server may be silent; GDAL's options decide when None."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The pixels of one window."""

    pre: Layers
    post: Layers
    bytes_read: int
    """Compressed size in bytes of the blocks that were read."""


def plan(pre: Item, post: Item, *, bbox: Bounds | None = None, timeout_s: float | None = None) -> Plan:
    """Open the headers of all inputs and decide how each comes onto the result's grid.

    The result lies on the pre-fire NIR band's pixels: those that both items cover, within the bounding box if any.

    Args:
        pre: The item before the fire.
        post: The item after the fire.
        bbox: West, south, east, north in degrees (WGS 84) to crop to, widened to whole pixels.
        timeout_s: Seconds that a server may be silent; GDAL's options decide when None.

    Raises:
        InputError: A file cannot be used, or the items (or the box) do not overlap.
        TemporaryError: A server does not answer.
    """
    items = (pre, post)
    sources = [source for item in items for source in item.sources]
    grids = dict(zip(sources, at_once(read_grid, sources, timeout_s), strict=True))
    full = grids[pre.nir]
    window = full.cover(grids[post.nir].bounds, grids[post.nir].crs, "the post-fire item")
    grid = full.crop(window)
    if bbox is not None:
        grid = grid.crop(grid.cover(bbox, WGS84, "the bounding box"))
    dates = [
        Date(
            _input(item.nir, item, grid, grids),
            _input(item.swir2, item, grid, grids),
            _input(item.scl, item, grid, grids) if item.scl is not None else None,
        )
        for item in items
    ]
    warped = [
        f"{public(s.href)} ({grids[s].crs}) does not lie on the pre-fire item's pixels ({grid.crs}): warped by nearest "
        "neighbour"
        for s in sources
        if grid.fit(grids[s]) is None
    ]
    tags = {
        "PRE_ITEM": pre.id,
        "PRE_DATETIME": f"{pre.datetime:%Y-%m-%dT%H:%M:%SZ}",
        "POST_ITEM": post.id,
        "POST_DATETIME": f"{post.datetime:%Y-%m-%dT%H:%M:%SZ}",
        "TIFFTAG_DATETIME": f"{post.datetime:%Y:%m:%d %H:%M:%S}",
    }
    return Plan(grid, dates[0], dates[1], tuple(warped), tags=tags, timeout_s=timeout_s)


def _input(source: Source, item: Item, grid: Grid, grids: dict[Source, Grid]) -> Input:
    """Return how to read a source onto the grid: its scale factor and shift, or the grid to warp to."""
    gain, bias = (1.0, 0.0) if source.band == "scl" else _whole(source, item.nir.scale)
    fit, warp, shape = grid.fit(grids[source]), None, grids[source].shape
    if fit is None:
        fit, warp, shape = Fit(1, 0, 0), grid, grid.shape
    return Input(source.href, shape, fit, gain, bias, source.nodata, warp)


def _whole(source: Source, unit: float) -> tuple[float, float]:
    """Return gain and bias in units of the NIR band's scale.

    NBR is a ratio, so a constant cancels; digital numbers then stay whole numbers, which float32 subtracts exactly, and
    a zero denominator is a zero.
    """
    return round(source.scale / unit, 9), round(source.offset / unit, 6)


def read(plan: Plan, window: Window, *, masked: bool) -> Reading:
    """Read a window of all inputs, at once; the scene classification only when `masked`.

    Raises:
        InputError: A file is damaged.
        TemporaryError: A server does not answer.
    """
    for name, value in plan.credentials.items():
        os.environ.setdefault(name, value)
    dates = [d if masked else replace(d, scl=None) for d in (plan.pre, plan.post)]
    inputs = [i for date in dates for i in (date.nir, date.swir2, date.scl) if i is not None]
    layers = dict(zip(inputs, at_once(lambda one: _read(one, window), inputs, plan.timeout_s), strict=True))
    pre, post = (
        Layers(layers[d.nir][0], layers[d.swir2][0], None if d.scl is None else layers[d.scl][0]) for d in dates
    )
    return Reading(pre, post, sum(size for _, size in layers.values()))


def _read(source: Input, window: Window) -> tuple[Layer, int]:
    """Read what lies under a window of the grid, NODATA beyond the file; return also the bytes of the blocks read."""
    fit = source.fit
    top, left = window.row_off + fit.row_off, window.col_off + fit.col_off
    rows = range(top // fit.factor, (top + window.height - 1) // fit.factor + 1)
    cols = range(left // fit.factor, (left + window.width - 1) // fit.factor + 1)
    inside_rows = range(max(rows.start, 0), min(rows.stop, source.shape.rows))
    inside_cols = range(max(cols.start, 0), min(cols.stop, source.shape.cols))
    pixels, size = use(source.href, lambda dataset: _pixels(dataset, inside_rows, inside_cols), source.warp)
    for number in source.nodata:
        if number != NODATA:
            pixels[pixels == number] = NODATA
    if (inside_rows, inside_cols) != (rows, cols):
        whole = np.full((len(rows), len(cols)), NODATA, pixels.dtype)
        top_gap, left_gap = inside_rows.start - rows.start, inside_cols.start - cols.start
        whole[top_gap : top_gap + len(inside_rows), left_gap : left_gap + len(inside_cols)] = pixels
        pixels = whole
    row_phase, col_phase = top - rows.start * fit.factor, left - cols.start * fit.factor
    return Layer(pixels, fit.factor, row_phase, col_phase, source.gain, source.bias, NODATA), size


def _pixels(dataset: Dataset, rows: range, cols: range) -> tuple[npt.NDArray[Any], int]:
    """Read a rectangle of a dataset; masked pixels become NODATA. Return also the size of its blocks in the file."""
    if not (rows and cols):
        return np.empty((len(rows), len(cols)), dataset.file.dtypes[0]), 0
    window = FileWindow(cols.start, rows.start, len(cols), len(rows))
    pixels = dataset.band.read(1, window=window)
    if dataset.masked:
        pixels[dataset.band.read_masks(1, window=window) == 0] = NODATA
    if dataset.band is not dataset.file or dataset.file.driver != "GTiff":
        return pixels, pixels.nbytes
    height, width = dataset.file.block_shapes[0]
    blocks = [
        (row, col)
        for row in range(rows.start // height, (rows.stop - 1) // height + 1)
        for col in range(cols.start // width, (cols.stop - 1) // width + 1)
    ]
    return pixels, sum(_block_size(dataset, row, col) for row, col in blocks)


def _block_size(dataset: Dataset, row: int, col: int) -> int:
    """Return the compressed size of a block in bytes; 0 for a block that a sparse file does not store."""
    return int(dataset.file.get_tag_item(f"BLOCK_SIZE_{col}_{row}", "TIFF", bidx=1) or 0)
