"""Patches of one window: exact areas, directions, and what counts as small."""

from __future__ import annotations

import numpy as np
import pytest

from bai.grid import Window
from bai.vector.patches import find_patches


def window(classes: np.ndarray, col: int = 0, row: int = 0) -> Window:
    return Window(col, row, classes.shape[1], classes.shape[0])


def test_only_burned_classes_become_patches() -> None:
    classes = np.array([[1, 2, 3], [4, 5, 6], [7, 255, 0]], np.uint8)
    found = find_patches(classes, window(classes), 1)
    assert sorted((patch.value, patch.pixels) for patch in found) == [(4, 1), (5, 1), (6, 1), (7, 1)]


def test_coordinates_count_from_the_rasters_corner() -> None:
    classes = np.full((3, 3), 3, np.uint8)
    classes[1, 1] = 4
    (patch,) = find_patches(classes, window(classes, col=100, row=50), 1)
    assert sorted(map(tuple, patch.rings[0].tolist())) == [(101, 51), (101, 52), (102, 51), (102, 52)]


def test_a_hole_is_a_ring_of_its_own_and_not_counted() -> None:
    classes = np.full((5, 5), 3, np.uint8)
    classes[1:4, 1:4] = 6
    classes[2, 2] = 3
    (patch,) = find_patches(classes, window(classes), 1)
    assert patch.pixels == 8
    assert len(patch.rings) == 2
    assert [signed(ring) for ring in patch.rings] == [9, -1], "counter-clockwise on a map, holes clockwise"


def test_corners_do_not_connect() -> None:
    classes = np.full((4, 4), 3, np.uint8)
    classes[1, 1] = classes[2, 2] = 5
    assert len(find_patches(classes, window(classes), 1)) == 2


@pytest.mark.parametrize("smallest", [4, 5, 70])
def test_small_patches_are_left_out_unless_they_may_continue(smallest: int) -> None:
    classes = np.full((100, 100), 3, np.uint8)
    classes[10:12, 10:12] = 4  # 4 pixels
    classes[0:1, 50:52] = 4  # 2 pixels at the edge
    classes[30:40, 30:40] = 4  # 100 pixels
    found = sorted(patch.pixels for patch in find_patches(classes, window(classes), smallest))
    assert found == ([2, 4, 100] if smallest == 4 else [2, 100])


def test_nothing_burned() -> None:
    classes = np.full((4, 4), 255, np.uint8)
    assert find_patches(classes, window(classes), 1) == ()


def signed(ring: np.ndarray) -> int:
    """Return a ring's area on a map, where rows grow southwards: positive when it runs counter-clockwise."""
    (x, y), (next_x, next_y) = ring.T, np.roll(ring, -1, axis=0).T
    return int((next_x * y - x * next_y).sum()) // 2
