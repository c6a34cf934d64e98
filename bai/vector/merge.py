"""Merge patches that window borders cut, as soon as all windows that they touch have arrived, in any order.

Memory holds only patches that wait for a window, so it does not grow with the number of patches of the map.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from bai.vector.patches import Patch, Ring, make_patch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bai.grid import Shape, Window

Border = tuple[int, int, int]
"""A border of two windows: axis (0: a line of one column, 1: of one row), that column or row, the other axis' start."""
Edges = npt.NDArray[np.int32]
"""From column, row, to column, row: shape (n, 4)."""
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
        holes = [hole for patch in patches for hole in patch.rings[1:]]
        outlines = _trace(_edges([patch.rings[0] for patch in patches], self._size))
        return make_patch(patches[0].value, [*outlines, *holes])


def _edges(rings: list[Ring], size: int) -> Edges:
    """Return the edges of rings without those between two of them: (from column, row, to column, row) each.

    Edges on borders of windows are cut into pixels first; two that run opposite ways along one pixel cancel out.
    """
    edges = np.concatenate([np.hstack([ring, np.roll(ring, -1, axis=0)]) for ring in rings])
    border = np.zeros(len(edges), bool)
    for axis in (0, 1):
        border |= (edges[:, axis] == edges[:, axis + 2]) & (edges[:, axis] % size == 0)
    steps = _cut(edges[border])
    width = int(edges.max(initial=0)) + 1
    lower = _keys(np.minimum(steps[:, :2], steps[:, 2:]), width)
    undirected = 2 * lower + (steps[:, 0] == steps[:, 2])
    _, place, times = np.unique(undirected, return_inverse=True, return_counts=True)
    return np.concatenate([edges[~border], steps[times[place] == 1]])


def _keys(corners: Ring, width: int) -> npt.NDArray[np.int64]:
    """Return a number for each corner that no other corner has."""
    return corners[:, 0].astype(np.int64) * width + corners[:, 1]


def _cut(edges: Edges) -> Edges:
    """Cut edges into edges of one pixel's length."""
    lengths = np.abs(edges[:, 2:] - edges[:, :2]).max(1, initial=0)
    direction = np.repeat(np.sign(edges[:, 2:] - edges[:, :2]), lengths, axis=0)
    step = (np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)).astype(np.int32)
    begin = np.repeat(edges[:, :2], lengths, axis=0) + direction * step[:, None]
    return np.hstack([begin, begin + direction])


def _trace(edges: Edges) -> list[Ring]:
    """Chain directed edges of one patch into rings, without corners on straight lines.

    The patch is on the left of each edge. Where it touches itself at a corner, two edges arrive and two leave; turning
    right there makes two rings that touch, as simple features want it, instead of one that crosses itself.
    """
    width = int(edges.max()) + 1
    edges = edges[np.argsort(_keys(edges[:, :2], width), kind="stable")]
    direction = np.sign(edges[:, 2:] - edges[:, :2]).astype(np.int8)
    begins, ends = _keys(edges[:, :2], width), _keys(edges[:, 2:], width)
    following = np.searchsorted(begins, ends)
    second = np.minimum(following + 1, len(edges) - 1)
    to_right = np.stack([-direction[:, 1], direction[:, 0]], 1)  # rows grow southwards
    fork = (begins[second] == ends) & (direction[second] == to_right).all(1)
    chain = np.where(fork, second, following)
    turns = (direction != direction[chain]).any(1).tolist()
    rings, open_, chain_list = [], [True] * len(edges), chain.tolist()
    for start in range(len(edges)):
        ring, at = [], start
        while open_[at]:
            open_[at] = False
            if turns[at]:
                ring.append(at)
            at = chain_list[at]
        if ring:
            rings.append(edges[ring, 2:])
    return rings
