"""Open the files of two items, and add the scale, offset and nodata of the files to those that the items state."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from rasterio.enums import ColorInterp

from bai.errors import BaiError, InputError
from bai.files import limited, use
from bai.grid import Grid, Shape
from bai.stac.href import public
from bai.stac.item import with_radiometry
from bai.stac.itemtext import RIGHT_ITEMS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bai.radiometry import Stated
    from bai.stac.item import Item, Source

log = logging.getLogger(__name__)
A = TypeVar("A")
B = TypeVar("B")

READS_AT_ONCE = 8
"""Threads of a process that read files, so that a task's six reads wait at the same time."""


def examine(pre: Item, post: Item, timeout_s: float | None = None) -> tuple[Item, Item, tuple[str, ...]]:
    """Open all files, and add their scale, offset and nodata where the items state none.

    Returns:
        Both items, with scale, offset and nodata as decided, and with hrefs that can be read; and a warning for each
        doubt.

    Raises:
        InputError: A file cannot be used, or item and file state impossible values.
        TemporaryError: A server does not answer.
    """
    sources = [source for item in (pre, post) for source in item.sources]
    answers = at_once(_first_readable, sources, timeout_s)
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
            log.info("%s; trying the next href of asset %s", error, source.key)
    raise AssertionError("the last href returns or raises")


def read_grid(source: Source) -> Grid:
    """Return the grid of a source's file, which must be one band of numbers with a place on Earth.

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


def at_once(function: Callable[[A], B], values: Sequence[A], timeout_s: float | None) -> list[B]:
    """Return a function's results for several values, computed in threads with a limit on a server's silence."""

    def call(value: A) -> B:
        with limited(timeout_s):
            return function(value)

    return list(_reads().map(call, values))


@cache
def _reads() -> ThreadPoolExecutor:
    """Return the process's threads for reading."""
    return ThreadPoolExecutor(READS_AT_ONCE, thread_name_prefix="bai-read")
