"""Merge patches that window borders cut, as soon as all windows that they touch have arrived, in any order.

Memory holds only patches that wait for a window, so it grows with the largest patches, not with their number.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from bai.vector.patches import Patch
from bai.vector.trace import Sides, trace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bai.grid import Shape, Window
    from bai.vector.trace import Ring

Border = tuple[int, int, int]
"""A border of two windows: axis (0: a line of one column, 1: of one row), that column or row, the other axis' start."""
Key = tuple[int, int]
"""A window: its first column and row."""


@dataclass(slots=True)
class _Group:
    """Patches of one class that are connected."""

    patches: list[Patch]
    numbers: list[int]
    """Numbers of the patches."""
    touched: set[Key] = field(default_factory=set)
    """Windows that have not arrived and that the patches touch."""


class Merger:
    """Collects the patches of all windows of a raster."""

    def __init__(self, shape: Shape, size: int, smallest: int) -> None:
        """Make a merger of no patches.

        Args:
            shape: The raster.
            size: Pixels along a window's side.
            smallest: Pixels of the smallest patch to return.
        """
        self._last, self._size, self._smallest = (shape.cols, shape.rows), size, smallest
        self._arrived: set[Key] = set()
        self._count = 0
        self._groups: dict[int, _Group] = {}
        """The group of each patch that waits, by the patch's number."""
        self._borders: dict[Border, npt.NDArray[np.int64]] = {}
        """Numbers of the patches along the border, 0 for none; from the window that arrived first."""

    def add(self, window: Window, patches: tuple[Patch, ...]) -> Iterator[Patch]:
        """Add the patches of one window, and return those that are complete.

        Must be called for every window, also for one without patches.
        """
        key = (window.col_off, window.row_off)
        self._arrived.add(key)
        borders: dict[Border, npt.NDArray[np.int64]] = {border: np.zeros(n, np.int64) for border, n in self._of(window)}
        for patch in patches:
            self._count += 1
            group = _Group([patch], [self._count], self._mark(patch, borders, window))
            if group.touched:
                self._groups[self._count] = group
            elif patch.pixels >= self._smallest:
                yield patch
        for border, numbers in borders.items():
            if (others := self._borders.pop(border, None)) is None:
                self._borders[border] = numbers
            else:
                self._join(numbers, others)
        done = {id(g): g for g in self._groups.values() if g.touched <= self._arrived}
        for group in done.values():
            for number in group.numbers:
                del self._groups[number]
            if sum(patch.pixels for patch in group.patches) >= self._smallest:
                yield self._merged(group)

    def _of(self, window: Window) -> Iterator[tuple[Border, int]]:
        """Return the borders of a window with other windows, and their lengths."""
        first, lengths = (window.col_off, window.row_off), (window.width, window.height)
        for axis in (0, 1):
            for line in (first[axis], first[axis] + lengths[axis]):
                if 0 < line < self._last[axis]:
                    yield (axis, line, first[1 - axis]), lengths[1 - axis]

    def _mark(self, patch: Patch, borders: dict[Border, npt.NDArray[np.int64]], window: Window) -> set[Key]:
        """Enter the newest patch's number along its window's borders; return the windows on the other side."""
        touched = set()
        # Holes never lie along a border: what is beyond the border is not known, so ground there joins the outside.
        outline = patch.rings[0]
        ends = np.roll(outline, -1, axis=0)
        for (axis, line, start), numbers in borders.items():
            along = (outline[:, axis] == line) & (ends[:, axis] == line)
            for a, b in zip(outline[along, 1 - axis].tolist(), ends[along, 1 - axis].tolist(), strict=True):
                numbers[min(a, b) - start : max(a, b) - start] = self._count
            if along.any():
                other = line if line > (window.col_off, window.row_off)[axis] else line - self._size
                touched.add((other, start) if axis == 0 else (start, other))
        return touched

    def _join(self, numbers: npt.NDArray[np.int64], others: npt.NDArray[np.int64]) -> None:
        """Unite the groups of the same class that meet along a border."""
        both = (numbers > 0) & (others > 0)
        for pair in np.unique(np.stack([numbers[both], others[both]], 1), axis=0).tolist():
            small, large = sorted((self._groups[number] for number in pair), key=lambda group: len(group.numbers))
            if small is large or small.patches[0].value != large.patches[0].value:
                continue
            large.patches += small.patches
            large.numbers += small.numbers
            large.touched |= small.touched
            self._groups.update(dict.fromkeys(small.numbers, large))

    def _merged(self, group: _Group) -> Patch:
        """Return the one patch of a group."""
        if len(group.patches) == 1:
            return group.patches[0]
        # The order of patches decides where rings start, so it must not depend on the order of arrival.
        patches = sorted(group.patches, key=lambda patch: tuple(patch.rings[0].min(0).tolist()))
        outlines = [ring for _, ring in trace(_sides([patch.rings[0] for patch in patches], self._size))]
        holes = [hole for patch in patches for hole in patch.rings[1:]]
        return Patch(patches[0].value, sum(patch.pixels for patch in patches), (*outlines, *holes))


def _sides(rings: list[Ring], size: int) -> Sides:
    """Return the vertical edges of rings, from west to east, without those that lie between two rings.

    Edges on borders of windows are cut into pixels first; two that run opposite ways along one pixel cancel out.
    """
    edges = np.concatenate([np.hstack([ring, np.roll(ring, -1, axis=0)]) for ring in rings]).astype(np.int64)
    col, begin, end = edges[edges[:, 0] == edges[:, 2]][:, [0, 1, 3]].T
    border = col % size == 0
    length, way = np.abs(end - begin)[border], np.sign(end - begin)[border]
    step = np.arange(length.sum()) - np.repeat(np.cumsum(length) - length, length)
    way = np.repeat(way, length)
    cut = np.repeat(col[border], length), (start := np.repeat(begin[border], length) + way * step), start + way
    _, place, times = np.unique(np.stack([cut[0], cut[1] + cut[2]]), axis=1, return_inverse=True, return_counts=True)
    alone = times[place] == 1
    col, begin, end = (
        np.concatenate([whole[~border], part[alone]]) for whole, part in zip((col, begin, end), cut, strict=True)
    )
    order = np.lexsort([np.minimum(begin, end), col])
    return Sides(np.zeros_like(col), col[order], begin[order], end[order])
