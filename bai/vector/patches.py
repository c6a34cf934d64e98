"""Find the burned patches of one window: connected pixels of the same severity class become polygons. Pure numpy.

A patch holds pixels of one class that are connected along their sides, not only at corners. Coordinates are the corners
of pixels, whole numbers of columns and rows, so that areas are exact and patches of two windows fit together.

Everything works on runs, the neighbouring pixels of one class in a row: a window of 4 million pixels has some ten
thousand of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bai.nbr import SEVERITY_CLASSES
from bai.vector.trace import Numbers, Ring, Sides, trace

if TYPE_CHECKING:
    from bai.grid import Window
    from bai.nbr import Bytes

FIRST, LAST = next(c.value for c in SEVERITY_CLASSES if c.name == "low"), SEVERITY_CLASSES[-1].value
"""The classes that count as burned, from low to high severity."""


@dataclass(frozen=True, slots=True)
class Patch:
    """A polygon of one severity class."""

    value: int
    """The class, as in severity.tif."""
    pixels: int
    """Its area."""
    rings: tuple[Ring, ...]
    """The outline, then the holes. On a map the outline runs counter-clockwise and holes run clockwise."""


@dataclass(frozen=True, slots=True)
class _Runs:
    """Runs of burned pixels, row by row; places count along all rows, each one column longer than the window."""

    value: Bytes
    begin: Numbers
    end: Numbers
    """The place after the last pixel."""
    width: int
    """Places of a row."""


def find_patches(classes: Bytes, window: Window, smallest: int) -> tuple[Patch, ...]:
    """Return the burned patches of a window.

    Args:
        classes: Severity of the window's pixels, (rows, cols).
        window: Where the window lies in the raster; coordinates count from the raster's corner.
        smallest: Pixels of the smallest patch to return. A patch at the window's edge may continue in the next
            window, so it is returned even when it is smaller.
    """
    runs = _runs(classes)
    if not runs.value.size:
        return ()
    patch = _connected(runs)
    pixels = np.bincount(patch, runs.end - runs.begin).astype(np.int64)
    row, first, last = runs.begin // runs.width, runs.begin % runs.width, runs.end % runs.width
    kept = pixels >= smallest
    at_edge = (row == 0) | (row == window.height - 1) | (first == 0) | (last == window.width)
    kept[patch[at_edge]] = True
    of_kept = np.flatnonzero(kept[patch])
    of_kept = of_kept[np.argsort(patch[of_kept], kind="stable")]
    rings: dict[int, list[Ring]] = {}
    for number, ring in trace(_sides(patch[of_kept], row[of_kept], first[of_kept], last[of_kept], window)):
        rings.setdefault(number, []).append(ring)
    values = runs.value[list(rings)].tolist()  # a patch has the number of its first run
    return tuple(
        Patch(value, int(pixels[number]), tuple(found))
        for value, (number, found) in zip(values, rings.items(), strict=True)
    )


def _runs(classes: Bytes) -> _Runs:
    """Return the runs of burned pixels of a window."""
    rows, cols = classes.shape
    flat = np.zeros(1 + rows * (cols + 1), np.uint8)  # an empty place before the first row and after each
    burned = (classes - np.uint8(FIRST)) <= LAST - FIRST  # smaller classes wrap round to large numbers
    np.copyto(flat[1:].reshape(rows, cols + 1)[:, :cols], classes, where=burned)
    change = np.flatnonzero(flat[1:] != flat[:-1])
    value = flat[1:][change]
    begins = np.flatnonzero(value)
    return _Runs(value[begins], change[begins], change[begins + 1], cols + 1)


def _connected(runs: _Runs) -> Numbers:
    """Return the number of the first run of its patch, for every run."""
    first = np.searchsorted(runs.end, runs.begin - runs.width, "right")
    count = np.searchsorted(runs.begin, runs.end - runs.width, "left") - first  # runs above, in the row before
    below = np.repeat(np.arange(len(count)), count)
    above = np.arange(len(below)) + np.repeat(first - np.cumsum(count) + count, count)
    alike = runs.value[above] == runs.value[below]
    above, below = above[alike], below[alike]
    patch = np.arange(len(count))
    while above.size:
        one, other = patch[above], patch[below]
        np.minimum.at(patch, np.maximum(one, other), np.minimum(one, other))
        while (further := patch[patch]).tobytes() != patch.tobytes():
            patch = further
        apart = patch[above] != patch[below]
        above, below = above[apart], below[apart]
    return patch


def _sides(patch: Numbers, row: Numbers, first: Numbers, last: Numbers, window: Window) -> Sides:
    """Return the two vertical edges of each run, the western one first, in columns and rows of the raster."""
    row = row + window.row_off
    col = np.stack([first, last], 1) + window.col_off
    begin, end = np.stack([row, row + 1], 1), np.stack([row + 1, row], 1)
    return Sides(np.repeat(patch, 2), col.ravel(), begin.ravel(), end.ravel())
