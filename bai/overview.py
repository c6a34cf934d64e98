"""Read the inputs of a plan at the size of a picture, from the overviews of their files.

For pictures and for estimates over the whole map; the map itself is computed from full pixels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from rasterio.windows import Window as FileWindow

from bai.files import use
from bai.nbr import Floats, nbr
from bai.radiometry import NODATA

if TYPE_CHECKING:
    from bai.files import Dataset
    from bai.grid import Grid, Shape
    from bai.reader import Date, Input

LARGEST_WHOLE = 4096
"""Pixels along the side of a file without overviews that is small enough to be read whole."""


@dataclass(frozen=True, slots=True)
class Bands:
    """One date at the size of a picture."""

    nir: Floats
    """Reflectance times a constant, (rows, cols); NaN where there is no value."""
    swir2: Floats

    def ratio(self) -> Floats:
        """Return the NBR; NaN where there is no value."""
        with np.errstate(invalid="ignore"):
            return nbr(self.nir, self.swir2)


def read_bands(date: Date, grid: Grid, shape: Shape, *, whole: bool = False) -> Bands | None:
    """Read both bands of a date.

    Args:
        date: The inputs.
        grid: The grid of the plan that the inputs belong to.
        shape: Rows and columns to return.
        whole: Read large files without overviews too, which takes as long as computing the map.

    Returns:
        The bands, or None when a file is large, has no overviews, and `whole` is false.

    Raises:
        InputError: A file is damaged.
        TemporaryError: A server does not answer.
    """
    bands = []
    for source in (date.nir, date.swir2):
        if (numbers := read_numbers(source, grid, shape, whole=whole)) is None:
            return None
        values = numbers.astype(np.float32) * np.float32(source.gain) + np.float32(source.bias)
        values[numbers == NODATA] = np.nan
        bands.append(values)
    return Bands(*bands)


def read_numbers(source: Input, grid: Grid, shape: Shape, *, whole: bool = False) -> npt.NDArray[Any] | None:
    """Read the digital numbers of one input, NODATA also where its file ends. Arguments and errors as `read_bands`."""
    return use(source.href, lambda dataset: _decimated(dataset, source, grid, shape, whole=whole), source.warp)


def _decimated(dataset: Dataset, source: Input, grid: Grid, shape: Shape, *, whole: bool) -> npt.NDArray[Any] | None:
    if not (whole or dataset.file.overviews(1) or max(dataset.file.shape) <= LARGEST_WHOLE):
        return None
    out = np.full((shape.rows, shape.cols), NODATA, dataset.file.dtypes[0])
    fit = source.fit
    rows = _share(fit.row_off, fit.factor, grid.shape.rows, source.shape.rows, shape.rows)
    cols = _share(fit.col_off, fit.factor, grid.shape.cols, source.shape.cols, shape.cols)
    if rows is None or cols is None:
        return out
    window = FileWindow(cols.begin, rows.begin, cols.length, rows.length)
    size = rows.last - rows.first, cols.last - cols.first
    numbers = dataset.band.read(1, window=window, out_shape=size)
    if dataset.masked:
        numbers[dataset.band.read_masks(1, window=window, out_shape=size) == 0] = NODATA
    numbers[np.isin(numbers, source.nodata)] = NODATA
    out[rows.first : rows.last, cols.first : cols.last] = numbers
    return out


@dataclass(frozen=True, slots=True)
class _Share:
    """The part of an axis that a file covers."""

    first: int
    """Pixels of the picture."""
    last: int
    begin: float
    """Pixels of the file."""
    length: float


def _share(offset: int, factor: int, pixels: int, held: int, size: int) -> _Share | None:
    """Return which pixels of a picture lie in a file, along one axis; None when no pixel does.

    Args:
        offset: Pixels of the grid before the file's first one is `-offset`.
        factor: Pixels of the grid for one of the file.
        pixels: Pixels of the grid.
        held: Pixels of the file.
        size: Pixels of the picture.
    """
    scale = pixels / size
    first = max(0, math.ceil(-offset / scale))
    last = min(size, math.floor((held * factor - offset) / scale))
    if last <= first:
        return None
    begin = max(0.0, (first * scale + offset) / factor)
    return _Share(first, last, begin, min(held - begin, (last - first) * scale / factor))
