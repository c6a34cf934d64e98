"""Rings of areas that are given by their vertical sides."""

from __future__ import annotations

import numpy as np

from bai.vector.trace import Sides, trace


def sides(*runs: tuple[int, int, int, int]) -> Sides:
    """Return the sides of runs of pixels: area, row, first column, column after the last."""
    both = [
        side for area, row, first, last in runs for side in ((area, first, row, row + 1), (area, last, row + 1, row))
    ]
    return Sides(*np.array(both, np.int64).reshape(-1, 4).T)


def rings(*runs: tuple[int, int, int, int]) -> list[tuple[int, list[list[int]]]]:
    return [(area, ring.tolist()) for area, ring in trace(sides(*runs))]


def test_a_rectangle_has_four_corners() -> None:
    assert rings((5, 2, 1, 4), (5, 3, 1, 4)) == [(5, [[1, 4], [4, 4], [4, 2], [1, 2]])]


def test_areas_do_not_see_each_other() -> None:
    assert [area for area, _ in rings((1, 0, 0, 2), (9, 0, 2, 4), (9, 1, 0, 4))] == [1, 9]


def test_a_hole_runs_the_other_way() -> None:
    outline, hole = rings((0, 0, 0, 3), (0, 1, 0, 1), (0, 1, 2, 3), (0, 2, 0, 3))
    assert outline == (0, [[0, 3], [3, 3], [3, 0], [0, 0]])
    assert hole == (0, [[1, 1], [2, 1], [2, 2], [1, 2]])


def test_a_hole_that_touches_the_outside_at_a_corner_is_a_ring_of_its_own() -> None:
    found = [ring for _, ring in rings((0, 0, 0, 3), (0, 1, 0, 1), (0, 1, 2, 3), (0, 2, 0, 2))]
    assert sorted(map(len, found)) == [4, 6]
    assert all([2, 2] in ring for ring in found)


def test_nothing_has_no_rings() -> None:
    assert rings() == []
