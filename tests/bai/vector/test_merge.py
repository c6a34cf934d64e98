"""Patches of windows, merged, are those of the whole raster, whatever the windows and their order."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import numpy as np
import pytest
from rasterio import features

from bai.grid import Shape, Window, windows
from bai.vector.merge import Merger
from bai.vector.patches import Patch, find_patches

if TYPE_CHECKING:
    from collections.abc import Iterator


def cut(classes: np.ndarray, window: Window) -> np.ndarray:
    return classes[window.row_off :, window.col_off :][: window.height, : window.width]


def merged(classes: np.ndarray, size: int, smallest: int, seed: int = 0) -> list[Patch]:
    """Find the patches window by window, in an order that depends on the seed."""
    merger, order = Merger(Shape(*classes.shape), size, smallest), windows(Shape(*classes.shape), size)
    random.Random(seed).shuffle(order)
    found = [
        patch for window in order for patch in merger.add(window, find_patches(cut(classes, window), window, smallest))
    ]
    assert not merger._groups
    assert not merger._borders
    return found


def rasters() -> Iterator[np.ndarray]:
    """Make noise of several grains, where every kind of corner happens."""
    for seed in range(4):
        rng = np.random.default_rng(seed)
        rows, cols = rng.integers(15, 30, 2)
        classes = rng.integers(3, 8 if seed % 2 else 5, (rows, cols)).astype(np.uint8)
        yield np.kron(classes, np.ones((3, 2), np.uint8)) if seed % 3 == 0 else classes


def described(patches: list[Patch]) -> set[tuple[object, ...]]:
    return {
        (p.value, p.pixels, min(map(tuple, p.rings[0].tolist())), len(p.rings), sum(map(len, p.rings))) for p in patches
    }


@pytest.mark.parametrize("size", [8, 16])
@pytest.mark.parametrize("smallest", [1, 7])
def test_windows_make_no_difference(size: int, smallest: int) -> None:
    for seed, classes in enumerate(rasters()):
        whole = find_patches(classes, Window(0, 0, classes.shape[1], classes.shape[0]), 1)
        wanted = described([patch for patch in whole if patch.pixels >= smallest])
        assert described(merged(classes, size, smallest, seed)) == wanted


def test_patches_cover_exactly_what_burned() -> None:
    for seed, classes in enumerate(rasters()):
        drawn = np.zeros(classes.shape, np.uint8)
        for patch in merged(classes, 16, 1, seed):
            shape = {"type": "Polygon", "coordinates": [np.vstack([ring, ring[:1]]).tolist() for ring in patch.rings]}
            inside = features.rasterize([shape], classes.shape, dtype="uint8") == 1
            assert inside.sum() == patch.pixels
            assert not drawn[inside].any()
            drawn[inside] = patch.value
        np.testing.assert_array_equal(drawn, np.where(classes >= 4, classes, 0))


def test_no_ring_visits_a_corner_twice() -> None:
    """Simple features allow rings that touch, not one that touches itself."""
    for seed, classes in enumerate(rasters()):
        for patch in merged(classes, 8, 1, seed):
            assert all(len(np.unique(ring, axis=0)) == len(ring) for ring in patch.rings)


def test_a_patch_is_given_as_soon_as_its_windows_have_arrived() -> None:
    classes = np.full((8, 32), 3, np.uint8)
    classes[2:4, 6:10] = 4  # in the first two of four windows
    merger = Merger(Shape(8, 32), 8, 1)
    given = [
        [patch.pixels for patch in merger.add(window, find_patches(cut(classes, window), window, 1))]
        for window in windows(Shape(8, 32), 8)
    ]
    assert given == [[], [8], [], []]
