"""Trace rings: chain the sides of areas of pixels into outlines and holes. Pure numpy.

A side is a vertical edge with the area to its east or west. On each line between two rows the ends of an area's sides,
from west to east, pair up: between the two of a pair the area lies on one side of the line only, so a horizontal edge
joins them. One sort therefore finds the next side of every side.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ring = npt.NDArray[np.int32]
"""Corners (column, row), shape (n, 2); the first is not repeated at the end. Outlines are long, so 32 bits each."""
Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Sides:
    """Vertical edges with the area on their left: going down (to larger rows) on its west, up on its east."""

    area: Numbers
    """Number of the area that a side belongs to."""
    col: Numbers
    begin: Numbers
    """Row at which the edge starts."""
    end: Numbers


def trace(sides: Sides) -> list[tuple[int, Ring]]:
    """Return the rings of areas, each with its area's number, without corners on straight lines.

    Outlines run counter-clockwise on a map, holes clockwise. An area's first ring is that of its first side. Where an
    area touches itself at a corner, its ring turns right: two rings touch there, as simple features want it, instead of
    one that touches itself.
    """
    if not sides.col.size:
        return []
    following = _following(sides)
    order, lengths = _chains(following)
    corner = sides.col[order] != sides.col[following[order]]
    before, after = order[corner], following[order[corner]]
    row = sides.end[before]
    corners = np.stack([sides.col[before], row, sides.col[after], row], 1).astype(np.int32).reshape(-1, 2)
    stops = np.cumsum(lengths)
    ends = 2 * np.cumsum(corner)[stops - 1]
    areas = sides.area[order[stops - lengths]]
    starts = [0, *ends[:-1].tolist()]
    return [(area, corners[start:end]) for area, start, end in zip(areas.tolist(), starts, ends.tolist(), strict=True)]


def _following(sides: Sides) -> Numbers:
    """Return the number of the side that comes next in its ring, for every side."""
    rows, cols = int(max(sides.begin.max(), sides.end.max())) + 1, int(sides.col.max()) + 1
    up = sides.end < sides.begin
    # At one place the sides that go down come first: this makes rings turn right where an area touches itself.
    place = 2 * (sides.area * rows * cols + sides.col) + up
    ends = np.concatenate([place + 2 * cols * sides.begin, place + 2 * cols * sides.end])
    pairs = np.argsort(ends).reshape(-1, 2)
    partner = np.empty(len(ends), np.int64)
    partner[pairs] = pairs[:, ::-1]
    return partner[len(up) :]  # the partner of a side's end is the beginning of another


def _chains(following: Numbers) -> tuple[Numbers, Numbers]:
    """Return the sides in the order of their rings, and how many sides each ring has.

    Each round doubles how far ahead every side has looked, so a ring of a million sides takes twenty rounds.
    """
    sides = np.arange(len(following))
    first, far = sides, following
    while True:  # the smallest number in the ring
        lower = np.minimum(first, first[far])
        if np.array_equal(lower, first):
            break
        first, far = lower, far[far]
    far = np.where(sides == first, sides, following)
    steps = (far != sides).astype(np.int64)
    while not np.array_equal(far, first):  # the number of steps to the ring's first side
        steps, far = steps + steps[far], far[far]
    lengths = np.bincount(first)
    return np.lexsort([(lengths[first] - steps) % lengths[first], first]), lengths[lengths > 0]
