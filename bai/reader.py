"""From two items to pixels: headers checked into a plan, then the plan's windows read."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from rasterio.crs import CRS
from rasterio.enums import ColorInterp
from rasterio.windows import Window as FileWindow

from bai.errors import BaiError, InputError
from bai.files import use
from bai.grid import Bounds, Fit, Grid, Shape, Window
from bai.kernel import Layer, Layers
from bai.radiometry import NODATA
from bai.stac.href import public
from bai.stac.item import with_radiometry
from bai.stac.itemtext import RIGHT_ITEMS

if TYPE_CHECKING:
    import numpy.typing as npt

    from bai.files import Dataset
    from bai.radiometry import Stated
    from bai.stac.item import Item, Source

log = logging.getLogger(__name__)

READS_AT_ONCE = 8
"""In a process, so that a task's reads share the latency; six are one task's."""
WGS84 = CRS.from_epsg(4326)


@dataclass(frozen=True, slots=True)
class Input:
    """One band's file, and how its pixels come onto the result's grid."""

    href: str = field(repr=False)
    shape: Shape
    """Of what is read: the file, or the grid that it is warped onto."""
    fit: Fit
    gain: float
    bias: float
    """Digital number * gain + bias is reflectance times a constant shared by the bands of a date."""
    nodata: tuple[int, ...] = (NODATA,)
    """Digital numbers of pixels without data; what is read holds NODATA for all of them."""
    warp: Grid | None = None
    """The grid to warp onto by nearest neighbour; None when whole pixels meet."""


@dataclass(frozen=True, slots=True)
class Date:
    """The inputs of one item."""

    nir: Input
    swir2: Input
    scl: Input | None


@dataclass(frozen=True, slots=True)
class Plan:
    """What to read for a result, all checked: everything that a worker needs to know."""

    grid: Grid
    """The result's grid: whole pixels of the pre-fire item's."""
    pre: Date
    post: Date
    warnings: tuple[str, ...] = ()
    """What the user should know: which inputs are warped."""
    tags: dict[str, str] = field(default_factory=dict)
    """What the result says of its origin: items and times."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The pixels of one window."""

    pre: Layers
    post: Layers
    bytes_read: int
    """Compressed size of the blocks that were needed."""


def plan(pre: Item, post: Item, *, bbox: Bounds | None = None) -> Plan:
    """Open the headers of all inputs and decide how each comes onto the result's grid.

    The result lies on the pre-fire NIR band's pixels: those that both items cover, within the bounding box if any.

    Args:
        pre: The item before the fire.
        post: The item after the fire.
        bbox: West, south, east, north in degrees (WGS 84) to crop to, widened to whole pixels.

    Raises:
        InputError: A file cannot be used, or the items (or the box) do not overlap.
        TemporaryError: A server does not answer.
    """
    items = (pre, post)
    sources = [source for item in items for source in item.sources]
    grids = dict(zip(sources, _reads().map(_header, sources), strict=True))
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
        f"{public(s.href)} ({grids[s].crs}) is off the pre-fire item's pixels ({grid.crs}): warped by nearest neighbour"
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
    return Plan(grid, dates[0], dates[1], tuple(warped), tags)


def examine(pre: Item, post: Item) -> tuple[Item, Item, tuple[str, ...]]:
    """Open all files, and complete what the items state with what the files state.

    Returns:
        Both items, with scale, offset and nodata as decided, and with hrefs that can be read; and a warning for each
        doubt.

    Raises:
        InputError: A file cannot be used, or what item and file state cannot be.
        TemporaryError: A server does not answer.
    """
    sources = [source for item in (pre, post) for source in item.sources]
    answers = list(_reads().map(_first_readable, sources))
    read_from = {source: here for source, (here, _) in zip(sources, answers, strict=True)}
    stated = dict(answers)
    found: list[Item] = []
    warnings: tuple[str, ...] = ()
    for item in (pre, post):
        here = replace(item, nir=read_from[item.nir], swir2=read_from[item.swir2], scl=item.scl and read_from[item.scl])
        complete, doubts = with_radiometry(here, stated)
        found.append(complete)
        warnings += doubts
    return found[0], found[1], warnings


def _first_readable(source: Source) -> tuple[Source, Stated]:
    """Return a source at the first of its hrefs that can be read, and what the file there states.

    Raises:
        BaiError: none can be read; the error is that of the last one.
    """
    for number, href in enumerate((source.href, *source.alternates), 1):
        here = replace(source, href=href, alternates=())
        try:
            return here, use(href, lambda dataset: dataset.stated)
        except BaiError as error:
            if number > len(source.alternates):
                raise
            log.warning("%s; trying the next href of asset %s", error, source.key)
    raise AssertionError("the last href returns or raises")


def _header(source: Source) -> Grid:
    """Check that a source's file is one band of numbers with a place on Earth.

    Raises:
        InputError: the file is something else.
        TemporaryError: A server does not answer.
    """
    return use(source.href, lambda dataset: _checked(source, dataset.file))


def _checked(source: Source, file: Any) -> Grid:
    found = f"{public(source.href)}: {file.count} band(s) of {file.dtypes[0]}, {file.width} x {file.height}, {file.crs}"
    wanted = ("uint8",) if source.band == "scl" else ("uint8", "uint16")  # what the products are
    bands = file.count - (file.count > 1 and file.colorinterp[-1] == ColorInterp.alpha)
    if bands != 1 or file.dtypes[0] not in wanted:
        raise InputError(
            f"cannot use {found}: {source.band} must be one band of {' or '.join(wanted)}",
            hint=f"give the digital numbers of Level-2A as {wanted[-1]}, as the items of {RIGHT_ITEMS} have them",
        )
    west, _, _, _, north, _ = file.transform[:6]
    if file.crs is None or not (west > 0 > north and file.transform.is_rectilinear):
        hint = "add its CRS and place: gdal_translate -a_srs EPSG:CODE -a_ullr WEST NORTH EAST SOUTH"
        raise InputError(f"cannot use {found}: it has no place on Earth, or is not north-up", hint=hint)
    if source.band == "nir" and file.crs.linear_units not in {"metre", "meter"}:
        raise InputError(f"cannot use {found}: its grid is not in metres", hint="give items of a UTM tile")
    return Grid(file.crs, file.transform, Shape(file.height, file.width))


def _input(source: Source, item: Item, grid: Grid, grids: dict[Source, Grid]) -> Input:
    """Decide how a source comes onto the grid."""
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
    dates = [d if masked else replace(d, scl=None) for d in (plan.pre, plan.post)]
    inputs = [i for date in dates for i in (date.nir, date.swir2, date.scl) if i is not None]
    layers = dict(zip(inputs, _reads().map(_read, inputs, [window] * len(inputs)), strict=True))
    pre, post = (
        Layers(layers[d.nir][0], layers[d.swir2][0], None if d.scl is None else layers[d.scl][0]) for d in dates
    )
    return Reading(pre, post, sum(size for _, size in layers.values()))


def _read(source: Input, window: Window) -> tuple[Layer, int]:
    """Read what lies under a window of the grid; nodata where the file ends. Returns also the bytes it took."""
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


@cache
def _reads() -> ThreadPoolExecutor:
    """Return the process's threads for reading."""
    return ThreadPoolExecutor(READS_AT_ONCE, thread_name_prefix="bai-read")
