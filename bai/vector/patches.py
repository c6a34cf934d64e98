"""Trace the burned patches of one window: connected pixels of the same severity class become polygons.

A patch holds pixels of one class that are connected along their sides, not only at corners. Coordinates are the corners
of pixels, whole numbers of columns and rows, so that areas are exact and patches of two windows fit together.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from rasterio import Affine, features
from rasterio.errors import NotGeoreferencedWarning

from bai.nbr import SEVERITY_CLASSES

if TYPE_CHECKING:
    from bai.grid import Window
    from bai.nbr import Bytes

Ring = npt.NDArray[np.int32]
"""Corners (column, row), shape (n, 2); the first is not repeated at the end. Outlines are long, so 32 bits each."""
FIRST, LAST = next(c.value for c in SEVERITY_CLASSES if c.name == "low"), SEVERITY_CLASSES[-1].value
"""The classes that count as burned, from low to high severity."""
SIEVE_PIXELS = 64
"""Patches smaller than this many pixels are removed before tracing, where the caller wants none so small."""


# rasterio warns for arrays, which have no place on Earth. Not in a context manager: that is unsafe among threads.
warnings.filterwarnings("ignore", category=NotGeoreferencedWarning)


@dataclass(frozen=True, slots=True)
class Patch:
    """A polygon of one severity class."""

    value: int
    """The class, as in severity.tif."""
    pixels: int
    """Its area."""
    rings: tuple[Ring, ...]
    """The outline, then the holes. On a map the outline runs counter-clockwise and holes run clockwise."""


def find_patches(classes: Bytes, window: Window, smallest: int) -> tuple[Patch, ...]:
    """Return the burned patches of a window.

    Args:
        classes: Severity of the window's pixels, (rows, cols).
        window: Where the window lies in the raster; coordinates count from the raster's corner.
        smallest: Pixels of the smallest patch to return. A patch at the window's edge may continue in the next
            window, so it is returned even when it is smaller.
    """
    burned = (classes >= FIRST) & (classes <= LAST)
    rows, cols = np.flatnonzero(burned.any(1)), np.flatnonzero(burned.any(0))
    if not rows.size:
        return ()
    # Keep a margin of one pixel around the burned pixels, so that only patches at the window's edge touch the crop's.
    top, left = max(int(rows[0]) - 1, 0), max(int(cols[0]) - 1, 0)
    part = np.s_[top : int(rows[-1]) + 2, left : int(cols[-1]) + 2]
    severity = np.where(burned[part], classes[part], np.uint8(0))
    # rasterio warns of an identity transform, in threads also where the warning is turned off: move by one pixel.
    found = features.shapes(
        severity, mask=_large(severity, min(smallest, SIEVE_PIXELS)), connectivity=4, transform=Affine.translation(1, 1)
    )
    corner = np.array([window.col_off + left - 1, window.row_off + top - 1])
    patches = (make_patch(int(value), _rings(shape["coordinates"], corner)) for shape, value in found)
    return tuple(patch for patch in patches if patch.pixels >= smallest or _at_edge(patch, window))


def _rings(coordinates: list[list[tuple[float, float]]], corner: Ring) -> list[Ring]:
    """Return GeoJSON rings as arrays, moved by a corner; one conversion for all, since there may be many small ones."""
    places = np.array([place for ring in coordinates for place in ring[:-1]], np.int32) + corner
    ends = np.cumsum([len(ring) - 1 for ring in coordinates]).tolist()
    return [places[begin:end] for begin, end in zip([0, *ends], ends, strict=False)]


def _large(severity: Bytes, smallest: int) -> npt.NDArray[np.bool_]:
    """Return where burned patches have at least `smallest` pixels, or might have when the raster continues.

    GDAL's sieve gives the pixels of a small patch the class of a larger neighbour, so pixels that keep their class
    are those of large patches, and of a few small ones without a large neighbour.
    """
    if smallest < 2:  # noqa: PLR2004 - every patch has a pixel
        return severity > 0
    # Repeat the edge's pixels outwards: what touches the edge becomes large enough to stay.
    padded = features.sieve(np.pad(severity, smallest, mode="edge"), smallest, connectivity=4)
    sieved = padded[smallest:-smallest, smallest:-smallest]
    return np.asarray((sieved == severity) & (severity > 0))


def make_patch(value: int, rings: list[Ring]) -> Patch:
    """Make a patch of rings in any order and direction; the ring of the largest area is the outline."""
    areas = _areas(rings)
    outer = max(range(len(rings)), key=lambda i: abs(areas[i]))
    order = [outer, *(i for i in range(len(rings)) if i != outer)]
    # Rows grow southwards, so a ring that runs counter-clockwise on the map has a negative area here.
    directed = tuple(rings[i] if (areas[i] < 0) == (i == outer) else rings[i][::-1] for i in order)
    pixels = 2 * abs(areas[outer]) - sum(map(abs, areas))
    return Patch(value, pixels, directed)


def _areas(rings: list[Ring]) -> list[int]:
    """Return the signed area inside each ring in pixels: positive when it runs clockwise on the map."""
    lengths = np.array([len(ring) for ring in rings])
    begins = np.cumsum(lengths) - lengths
    corners = np.concatenate(rings).astype(np.int64)  # products of two coordinates need 64 bits
    following = np.roll(corners, -1, axis=0)
    following[begins + lengths - 1] = corners[begins]
    doubled = np.add.reduceat(corners[:, 0] * following[:, 1] - following[:, 0] * corners[:, 1], begins)
    return (doubled // 2).tolist()  # type: ignore[no-any-return]


def _at_edge(patch: Patch, window: Window) -> bool:
    """Tell whether a patch touches the edge of its window."""
    low, high = patch.rings[0].min(0), patch.rings[0].max(0)
    first = window.col_off, window.row_off
    last = window.col_off + window.width, window.row_off + window.height
    return bool((low == first).any() or (high == last).any())
