"""The dNBR offset: how much unburned ground differs between two dates, measured around the burn.

Vegetation that dries between the dates changes the NBR of ground that did not burn. The mean dNBR of unburned ground of
the same kind around the fire is this difference, and is subtracted from every dNBR.

Source: Key & Benson (2006), FIREMON Landscape Assessment, RMRS-GTR-164-CD; the Monitoring Trends in Burn Severity
programme (MTBS) publishes an offset with each fire.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bai.errors import InputError
from bai.files import limited
from bai.grid import Shape
from bai.nbr import SEVERITY_CLASSES
from bai.overview import read_bands, read_numbers

if TYPE_CHECKING:
    import numpy.typing as npt

    from bai.aoi import Shapes
    from bai.nbr import Floats
    from bai.reader import Plan

SURROUNDINGS_M = 10_000
"""Distance in metres around the map in which unburned ground is searched."""
BUFFER_M = 300
"""Width of the belt around burned pixels that is left out, because its pixels may be partly burned, in metres."""
PIXELS = 1024
"""Pixels along the longer side of the overview in which the offset is measured."""
FEWEST = 100
"""Unburned pixels of the overview that a mean needs."""
ROUNDS = 5
"""Rounds of finding unburned ground with the last round's offset; the offset changes little after three."""
UNBURNED = next(c for c in SEVERITY_CLASSES if c.name == "unburned")


@dataclass(frozen=True, slots=True)
class Offset:
    """A dNBR offset and where it comes from."""

    value: float
    pixels: int
    """Unburned pixels of the overview that were averaged."""


def measure_offset(plan: Plan, mask_classes: tuple[int, ...], area: Shapes | None) -> Offset:
    """Return the mean dNBR of unburned ground around the burn, weighted like the classes of land that burned.

    Args:
        plan: Inputs of the map and its surroundings.
        mask_classes: Scene classes to leave out, on either date.
        area: The burned area if the user named one; ground inside counts as burned.

    Raises:
        InputError: A file cannot be read, or there is too little unburned ground.
        TemporaryError: A server does not answer.
    """
    grid = plan.grid
    scale = max(1.0, max(grid.shape.rows, grid.shape.cols) / PIXELS)
    shape = Shape(max(1, round(grid.shape.rows / scale)), max(1, round(grid.shape.cols / scale)))
    ratios, land = [], None
    for date in (plan.pre, plan.post):
        with limited(plan.timeout_s):
            bands = read_bands(date, grid, shape, whole=True)
            classes = None if date.scl is None else read_numbers(date.scl, grid, shape, whole=True)
        ratio = bands.ratio() if bands else np.full((shape.rows, shape.cols), np.nan, np.float32)
        if classes is not None:
            ratio[np.isin(classes, mask_classes)] = np.nan
        land = classes if land is None else land
        ratios.append(ratio)
    difference = ratios[0] - ratios[1]
    kinds = np.zeros(difference.shape, np.uint8) if land is None else land
    known = None if area is None else area.coarse(grid, shape)
    belt = max(1, round(BUFFER_M / (grid.transform.a * scale)))
    return average_unburned(difference, kinds, known, belt)


def average_unburned(
    difference: Floats, kinds: npt.NDArray[np.uint8], known: npt.NDArray[np.bool_] | None, belt: int
) -> Offset:
    """Return the mean of unburned pixels, weighted like the kinds of land among the burned ones.

    Args:
        difference: dNBR without an offset, (rows, cols); NaN where there is no value.
        kinds: Class of land before the fire, same shape.
        known: Pixels that burned, in addition to those found; None when nobody knows.
        belt: Pixels around burned ones to leave out.

    Raises:
        InputError: There are fewer than FEWEST unburned pixels.
    """
    valid = np.isfinite(difference)
    value = float(np.median(difference[valid])) if valid.any() else 0.0
    count = 0
    for _ in range(ROUNDS):
        shifted = difference - value
        burned = valid & (shifted >= UNBURNED.upper)
        if known is not None:
            burned |= known
        near = _widened(_opened(burned) if known is None else burned, belt)
        unburned = valid & ~near & (shifted >= UNBURNED.lower) & (shifted < UNBURNED.upper)
        means, weights = [], []
        for kind in np.unique(kinds[burned & valid]):
            if (one := unburned & (kinds == kind)).any():
                means.append(float(difference[one].mean(dtype=np.float64)))
                weights.append(int(np.count_nonzero(burned & (kinds == kind))))
        count = int(np.count_nonzero(unburned))
        if count < FEWEST:
            raise InputError(
                f"cannot measure the dNBR offset: {count} unburned pixels around the burn, {FEWEST} are needed",
                hint="give --dnbr-offset a number, or none",
            )
        value = float(np.average(means, weights=weights)) if means else float(difference[unburned].mean())
    return Offset(round(value, 4), count)


def _opened(burned: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Return burned pixels without single ones: noise would otherwise surround itself with belts everywhere."""
    neighbours = np.zeros(burned.shape, np.uint8)
    padded = np.pad(burned, 1).view(np.uint8)
    rows, cols = burned.shape
    for row in range(3):
        for col in range(3):
            neighbours += padded[row : row + rows, col : col + cols]
    return burned & (neighbours >= 5)  # noqa: PLR2004 - the pixel and half of its neighbours


def _widened(mask: npt.NDArray[np.bool_], belt: int) -> npt.NDArray[np.bool_]:
    """Return a mask grown by `belt` pixels along rows and columns."""
    out = mask.copy()
    for axis in (0, 1):
        source = out.copy()
        for step in range(1, belt + 1):
            for target, origin in ((np.s_[step:], np.s_[:-step]), (np.s_[:-step], np.s_[step:])):
                if axis == 0:
                    out[target] |= source[origin]
                else:
                    out[:, target] |= source[:, origin]
    return out
