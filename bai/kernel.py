"""Compute index, severity and statistics of one window from its digital numbers, strip by strip. Pure numpy.

Whole-window temporaries cost 2.5 to 6 times the arithmetic in page faults, so everything happens in strips that stay
in the second-level cache, in buffers that each thread keeps. Every operation is elementwise: cutting a raster into
windows and windows into strips cannot change a bit of the result.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from bai.buffers import buffer
from bai.nbr import HISTOGRAM_BINS, Bytes, Floats, Statistics, dnbr, histogram, nbr, rbr, severity

STRIP_ROWS = 64
"""Rows of a strip. Fewer rows need more calls, during which threads wait for each other."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One band in a window, as read: possibly coarser than the window by a whole factor."""

    pixels: npt.NDArray[Any]
    """Digital numbers, (rows, cols); pixel (r, c) of the window is pixels[(r + row_phase) // factor, ...]."""
    factor: int = 1
    row_phase: int = 0
    col_phase: int = 0
    gain: float = 1.0
    bias: float = 0.0
    """Reflectance, up to a constant shared by the bands of a date, is pixels * gain + bias."""
    nodata: int = 0


@dataclass(frozen=True, slots=True)
class Layers:
    """The bands of one date in a window, and its scene classification if pixels are masked by it."""

    nir: Layer
    swir2: Layer
    scl: Layer | None = None


def _spread(coarse: npt.NDArray[Any], layer: Layer, top: int, out: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Repeat coarse pixels onto the rows `top`.. of the window; `coarse` starts at the row that holds `top`."""
    rows, cols = out.shape
    if layer.factor == 1:
        return coarse[:rows, layer.col_phase : layer.col_phase + cols]
    wide = buffer(f"wide{coarse.dtype.char}", (len(coarse), coarse.shape[1], layer.factor), coarse.dtype)
    for i in range(layer.factor):
        wide[:, :, i] = coarse
    wide = wide.reshape(len(coarse), -1)[:, layer.col_phase : layer.col_phase + cols]
    first = (top + layer.row_phase) // layer.factor
    return np.take(
        wide, (np.arange(top, top + rows) + layer.row_phase) // layer.factor - first, axis=0, out=out, mode="clip"
    )


def _rows(layer: Layer, top: int, rows: int) -> npt.NDArray[Any]:
    """Return the layer's own rows under the window's rows `top`.. (a view)."""
    first = (top + layer.row_phase) // layer.factor
    return layer.pixels[first : (top + rows - 1 + layer.row_phase) // layer.factor + 1]


def _reflectance(layer: Layer, top: int, out: Floats) -> Floats:
    """Convert rows of digital numbers to float32 (times a constant), NaN where nodata, on the window's grid."""
    numbers = _rows(layer, top, len(out))
    values = out if layer.factor == 1 and numbers.shape == out.shape else buffer("coarse", numbers.shape, np.float32)
    values[...] = numbers
    if layer.gain != 1:
        values *= np.float32(layer.gain)
    if layer.bias:
        values += np.float32(layer.bias)
    empty = numbers == layer.nodata
    if empty.any():
        np.copyto(values, np.nan, where=empty)
    return values if values is out else _spread(values, layer, top, out)


def _ratio(date: Layers, masks: npt.NDArray[np.bool_], top: int, out: Floats, scratch: Floats) -> Floats:
    """Compute the NBR of one date for the rows `top`.. of the window; `masks[class]` is True where SCL masks."""
    nir = _reflectance(date.nir, top, buffer("nir", out.shape, np.float32))
    swir2 = _reflectance(date.swir2, top, buffer("swir2", out.shape, np.float32))
    ratio = nbr(nir, swir2, out=out, scratch=scratch)
    if date.scl is not None:
        hidden = masks[_rows(date.scl, top, len(out))]
        if hidden.any():
            hidden = _spread(hidden, date.scl, top, buffer("hidden", out.shape, np.bool_))
            np.copyto(ratio, np.nan, where=hidden)
    return ratio


def compute_window(
    pre: Layers,
    post: Layers,
    index: Literal["dnbr", "rbr"],
    mask_classes: tuple[int, ...],
    *,
    offset: float = 0.0,
    inside: npt.NDArray[np.bool_] | None = None,
) -> tuple[Floats, Bytes, Statistics]:
    """Compute index, severity and statistics of one window.

    Args:
        pre: The date before the fire; its `nir` has the window's shape.
        post: The date after the fire.
        index: What the first result holds; severity is always that of dNBR, for which the classes are defined.
        mask_classes: Classes of the scene classification that hide a pixel on either date.
        offset: dNBR of unburned ground, subtracted from every dNBR.
        inside: Which pixels belong to the map, (rows, cols); all when None. Other pixels get no value and are not
            counted.

    Returns:
        Index (rows, cols) float32 with NaN, severity (rows, cols) uint8, and the counts.
    """
    rows, cols = pre.nir.pixels.shape
    values, classes = np.empty((rows, cols), np.float32), np.empty((rows, cols), np.uint8)
    masks = np.zeros(256, np.bool_)
    masks[list(mask_classes)] = True
    total, counts = Statistics.empty(), np.zeros(HISTOGRAM_BINS, np.intp)
    with np.errstate(invalid="ignore"):
        for top in range(0, rows, STRIP_ROWS):
            strip = values[top : top + STRIP_ROWS]
            before, scratch = (buffer(name, strip.shape, np.float32) for name in ("before", "scratch"))
            _ratio(pre, masks, top, before, scratch)
            _ratio(post, masks, top, strip, scratch)
            dnbr(before, strip, out=strip)
            if offset:
                strip -= np.float32(offset)
            if inside is not None:
                np.copyto(strip, np.nan, where=~inside[top : top + STRIP_ROWS])
            total += severity(strip, out=classes[top : top + STRIP_ROWS])[1]
            if index == "rbr":
                rbr(strip, before, out=strip, scratch=scratch)
            counts += histogram(strip, scratch=scratch)
    outside = 0 if inside is None else inside.size - int(np.count_nonzero(inside))
    total = replace(total, total=total.total - outside, masked=total.masked - outside)
    return values, classes, replace(total, histogram=tuple(counts.tolist()))
