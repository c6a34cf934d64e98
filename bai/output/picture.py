"""What the picture shows, read at its size: the classes, the land under them, and the words of the legend."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import rasterio
from rasterio.windows import Window

from bai.errors import BaiError
from bai.files import close_all, lend
from bai.output.drawing import MAP, Legend
from bai.output.report import crs_code

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from rasterio import Affine

    from bai.grid import Grid
    from bai.output.report import Report
    from bai.stac.item import Source

SMALL = 4096
"""Pixels along the side of a file that is read whole for its brightness."""


def read_classes(path: Path) -> NDArray[np.uint8]:
    """Read the classes of severity.tif, at least at the picture's size, by the overviews' own steps."""
    with rasterio.open(path) as file:
        step = 1
        while max(file.shape) >= 2 * step * MAP:
            step *= 2
        rows, cols = file.shape
        classes: NDArray[np.uint8] = file.read(1, out_shape=(-(-rows // step), -(-cols // step)))
        return classes


def read_light(source: Source, grid: Grid, shape: tuple[int, int]) -> NDArray[np.uint8] | None:
    """Read how bright the ground is in a band, to see land under the classes.

    Only where it costs little: from overviews, or from a small file. A picture without it is a picture too, so what
    cannot be read is left out.

    Args:
        source: The band.
        grid: The map's grid.
        shape: Rows and columns to read the grid at.

    Returns:
        Brightness, stretched to 0..255, `shape`; None when there is none to have.
    """
    try:
        with lend(source.href) as dataset:
            file = dataset.file
            if file.crs != grid.crs or (not file.overviews(1) and max(file.shape) > SMALL):
                return None
            numbers = file.read(1, window=_window(file.transform, grid), out_shape=shape).astype(np.float32)
    except BaiError:
        return None
    finally:
        close_all()
    known = numbers[~np.isin(numbers, source.nodata)]
    if not known.size:
        return None
    low, high = np.percentile(known, (1, 99))
    stretched: NDArray[np.uint8] = (np.clip((numbers - low) / max(high - low, 1), 0, 1) * 255).astype(np.uint8)
    return stretched


def _window(transform: Affine, grid: Grid) -> Window:
    """Return where the grid is in a raster of the same CRS."""
    west, _, _, north = grid.bounds
    step = grid.transform.a / transform.a
    cols, rows = grid.shape.cols * step, grid.shape.rows * step
    return Window((west - transform.c) / transform.a, (north - transform.f) / transform.e, cols, rows)


def make_legend(done: Report) -> Legend:
    """Put the findings of a run into the words beside the map."""
    pre, post = (f"{when.day} {when:%B %Y}" for when in (done.pre.datetime, done.post.datetime))
    code = crs_code(done.grid) or "own CRS"
    return Legend(
        title="Burned area intensity",
        dates=f"Sentinel-2  ·  {pre} to {post}",
        areas=done.areas,
        histogram=done.histogram,
        axis="dNBR" if done.parameters["index"] == "dnbr" else "RBR",
        notes=(done.pre.id, done.post.id, f"{code}, {done.grid.transform.a:g} m; classes of Key & Benson (2006)"),
        warnings=done.warnings,
    )
