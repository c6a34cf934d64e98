"""The formulas: NBR, dNBR, RBR, severity classes and their statistics. Pure numpy; no files, no Dask.

All arrays are (rows, cols) float32 with NaN where there is no value, unless said otherwise. Functions that take `out`
and `scratch` write into them, so that a caller who works strip by strip allocates nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]

RBR_SHIFT = 1.001
"""Keeps the denominator of RBR off zero for every NBR in [-1, 1]. Source: Parks et al. (2014), Remote Sensing 6(3)."""


@dataclass(frozen=True, slots=True)
class SeverityClass:
    """One class of burn severity: dNBR in [lower, upper)."""

    value: int
    """The pixel value in severity.tif."""
    name: str
    label: str
    colour: tuple[int, int, int]
    """Red, green, blue in 0..255, after ColorBrewer's YlGn and YlOrRd."""
    lower: float
    upper: float


SEVERITY_CLASSES = (
    SeverityClass(1, "regrowth-high", "Enhanced regrowth, high", (35, 132, 67), -0.500, -0.250),
    SeverityClass(2, "regrowth-low", "Enhanced regrowth, low", (173, 221, 142), -0.250, -0.100),
    SeverityClass(3, "unburned", "Unburned", (240, 240, 232), -0.100, 0.100),
    SeverityClass(4, "low", "Low severity", (254, 217, 118), 0.100, 0.270),
    SeverityClass(5, "moderate-low", "Moderate-low severity", (253, 141, 60), 0.270, 0.440),
    SeverityClass(6, "moderate-high", "Moderate-high severity", (227, 26, 28), 0.440, 0.660),
    SeverityClass(7, "high", "High severity", (128, 0, 38), 0.660, 1.300),
)
"""Source: Key & Benson (2006), FIREMON Landscape Assessment, RMRS-GTR-164-CD; made for Landsat: calibrate locally."""
SEVERITY_BREAKS = (*(c.lower for c in SEVERITY_CLASSES), SEVERITY_CLASSES[-1].upper)
SEVERITY_NODATA = 255
"""The pixel value in severity.tif where there is no dNBR, or one outside every class (which is suspicious)."""

HISTOGRAM_LOWER, HISTOGRAM_UPPER, HISTOGRAM_BINS = -2.0, 2.0, 200
HISTOGRAM_EDGES = tuple(
    round(HISTOGRAM_LOWER + i * (HISTOGRAM_UPPER - HISTOGRAM_LOWER) / HISTOGRAM_BINS, 9)
    for i in range(HISTOGRAM_BINS + 1)
)
"""Edges of the histogram's bins; values beyond them are counted in the first and the last bin."""


@dataclass(frozen=True, slots=True)
class Statistics:
    """Pixel counts of a window or of a whole raster; `+` merges them."""

    total: int
    """All pixels."""
    masked: int
    """Pixels without a value: nodata, masked, or a zero denominator."""
    outside: int
    """Pixels whose dNBR is outside every severity class."""
    classes: tuple[int, ...]
    """Pixels per class, in the order of SEVERITY_CLASSES."""
    histogram: tuple[int, ...]
    """Pixels of the written index (dNBR or RBR) per bin of HISTOGRAM_EDGES."""

    @classmethod
    def empty(cls) -> Statistics:
        """Return the counts of no pixels, the neutral element of `+`."""
        return cls(0, 0, 0, (0,) * len(SEVERITY_CLASSES), (0,) * HISTOGRAM_BINS)

    def __add__(self, other: Statistics) -> Statistics:
        """Merge the counts of two areas that do not overlap."""
        return Statistics(
            self.total + other.total,
            self.masked + other.masked,
            self.outside + other.outside,
            tuple(a + b for a, b in zip(self.classes, other.classes, strict=True)),
            tuple(a + b for a, b in zip(self.histogram, other.histogram, strict=True)),
        )


def nbr(nir: Floats, swir2: Floats, out: Floats | None = None, scratch: Floats | None = None) -> Floats:
    """Compute the Normalized Burn Ratio, (NIR - SWIR2) / (NIR + SWIR2).

    Args:
        nir: Reflectance of Sentinel-2 B08, or that times any constant shared with `swir2`.
        swir2: Reflectance of B12 on the same grid.
        out: Where to write; may be `nir` or `swir2` only when `scratch` is neither.
        scratch: Overwritten; same shape.

    Returns:
        NBR, dimensionless; NaN where either input is NaN or the denominator is zero.
    """
    total = np.add(nir, swir2, out=scratch)
    return _divide(np.subtract(nir, swir2, out=out), total)


def dnbr(pre: Floats, post: Floats, out: Floats | None = None) -> Floats:
    """Subtract post-fire NBR from pre-fire NBR: positive where it burned, negative where it grew."""
    return np.subtract(pre, post, out=out)


def rbr(difference: Floats, pre: Floats, out: Floats | None = None, scratch: Floats | None = None) -> Floats:
    """Compute the Relativized Burn Ratio, dNBR / (NBR(pre) + 1.001).

    Args:
        difference: dNBR.
        pre: Pre-fire NBR.
        out: Where to write; may be `difference`.
        scratch: Overwritten; may be `pre`.
    """
    total = np.add(pre, np.float32(RBR_SHIFT), out=scratch)
    return _divide(np.positive(difference, out=out), total)


def _divide(numerator: Floats, denominator: Floats) -> Floats:
    """Divide in place; NaN where the denominator is zero."""
    zero = denominator == 0
    if zero.any():
        np.copyto(denominator, np.nan, where=zero)
    return np.divide(numerator, denominator, out=numerator)


def severity(difference: Floats, out: Bytes | None = None) -> tuple[Bytes, Statistics]:
    """Sort dNBR into the severity classes.

    Comparing with each break in turn is faster than a binary search per pixel, and also gives the counts.

    Args:
        difference: dNBR.
        out: Where to write, uint8.

    Returns:
        The class of each pixel (1..7, or SEVERITY_NODATA), and the counts, with an empty histogram.
    """
    classes = np.empty(difference.shape, np.uint8) if out is None else out
    classes[...] = 0
    reached = np.empty(difference.shape, np.bool_)
    above = []
    for lower in SEVERITY_BREAKS:
        np.greater_equal(difference, np.float32(lower), out=reached)
        above.append(int(np.count_nonzero(reached)))
        classes += reached.view(np.uint8)  # adding a view is four times as fast as adding a cast
    counts = tuple(a - b for a, b in pairwise(above))
    valid = difference.size - int(np.count_nonzero(np.isnan(difference, out=reached)))
    if sum(counts) != difference.size:
        unclassified = (classes == 0) | (classes > len(SEVERITY_CLASSES))
        classes |= unclassified.view(np.uint8) * np.uint8(SEVERITY_NODATA)  # all bits: avoids a slow masked copy
    empty = Statistics.empty().histogram
    return classes, Statistics(difference.size, difference.size - valid, valid - sum(counts), counts, empty)


def round_to(values: Floats, precision: float) -> None:
    """Round values in place to multiples of the largest power of two that is not above a precision; NaN stays.

    No value moves by more than half of the precision. Multiples of a power of two end in zero bits, which compress;
    those of 0.0001 do not, since binary numbers have no exact tenth.
    """
    steps = np.float32(2.0 ** math.ceil(-math.log2(precision)))
    np.multiply(values, steps, out=values)
    np.rint(values, out=values)
    np.divide(values, steps, out=values)


def histogram(index: Floats, scratch: Floats | None = None) -> npt.NDArray[np.intp]:
    """Count the values of dNBR or RBR per bin of HISTOGRAM_EDGES.

    Args:
        index: The values; NaN is not counted.
        scratch: Overwritten; same shape.

    Returns:
        Counts, shape (HISTOGRAM_BINS,).
    """
    scale = HISTOGRAM_BINS / (HISTOGRAM_UPPER - HISTOGRAM_LOWER)
    place = np.clip(index, HISTOGRAM_LOWER, HISTOGRAM_UPPER - 0.01 / scale, out=scratch)
    np.multiply(place, np.float32(scale), out=place)
    np.add(place, np.float32(1 - HISTOGRAM_LOWER * scale), out=place)
    np.fmax(place, np.float32(0), out=place)  # bin 0 takes the NaN
    return np.bincount(place.astype(np.uint8).ravel(), minlength=HISTOGRAM_BINS + 1)[1:]
