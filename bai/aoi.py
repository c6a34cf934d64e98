"""Read an area of interest from a GeoJSON file, and find the pixels of a window that lie inside its polygons.

The file is untrusted, so its size is limited and only polygons in degrees (RFC 7946) are accepted.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from rasterio import Affine, features
from rasterio.crs import CRS
from rasterio.warp import transform

from bai.errors import InputError
from bai.grid import Shape

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from bai.grid import Bounds, Grid, Window

MAX_BYTES = 8 << 20
"""Largest file that is read; perimeters of the largest fires have about 2 MB."""
STEP_DEGREES = 0.01
"""Longest edge that is transformed to the grid's CRS as a straight line: 1 km deviates by centimetres."""
HALF_TURN, QUARTER_TURN = 180.0, 90.0
WGS84 = CRS.from_epsg(4326)
_HINT = "give a GeoJSON Polygon or MultiPolygon, or a Feature of one, with longitudes and latitudes in degrees"

Ring = tuple[tuple[float, float], ...]
Polygons = tuple[tuple[Ring, ...], ...]
"""Rings of each polygon, the outline first."""


@dataclass(frozen=True, slots=True)
class Area:
    """An area on Earth."""

    polygons: Polygons
    """In degrees (WGS 84): longitude, latitude."""

    @property
    def bounds(self) -> Bounds:
        """West, south, east, north in degrees; west is above east for an area across the antimeridian."""
        lon, lat = np.array([place for polygon in self.polygons for ring in polygon for place in ring]).T
        west, east = float(lon.min()), float(lon.max())
        if east - west > HALF_TURN:
            west, east = float(lon[lon > 0].min()), float(lon[lon <= 0].max())
        return west, float(lat.min()), east, float(lat.max())

    def place(self, grid: Grid) -> Shapes:
        """Move the area to the CRS of a grid."""
        moved = []
        for polygon in self.polygons:
            rings = []
            for ring in polygon:
                lon, lat = zip(*_dense(ring), strict=True)
                xs, ys = transform(WGS84, grid.crs, lon, lat)[:2]
                rings.append(tuple(zip(xs, ys, strict=True)))
            moved.append(tuple(rings))
        return Shapes(tuple(moved))


@dataclass(frozen=True, slots=True)
class Shapes:
    """An area in the CRS of a grid."""

    polygons: Polygons

    def inside(self, grid: Grid, window: Window) -> npt.NDArray[np.bool_]:
        """Return which pixels of a window have their centre inside, shape (rows, cols)."""
        return self.coarse(grid.crop(window), Shape(window.height, window.width))

    def coarse(self, grid: Grid, shape: Shape) -> npt.NDArray[np.bool_]:
        """Return which pixels of a picture of the grid have their centre inside, shape (rows, cols)."""
        a, _, c, _, e, f = grid.transform[:6]
        place = Affine(a * grid.shape.cols / shape.cols, 0, c, 0, e * grid.shape.rows / shape.rows, f)
        shapes = [{"type": "Polygon", "coordinates": polygon} for polygon in self.polygons]
        size = (shape.rows, shape.cols)
        return np.asarray(features.rasterize(shapes, size, transform=place, dtype="uint8")).view(bool)


def load_area(path: Path) -> Area:
    """Read an area from a GeoJSON file.

    Raises:
        InputError: The file cannot be read, or has no polygons in degrees.
    """
    try:
        with path.open("rb") as file:
            text = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError(f"cannot read area {path}: {error.strerror or error}", hint=_HINT) from error
    if len(text) > MAX_BYTES:
        raise InputError(f"cannot read area {path}: larger than {MAX_BYTES >> 20} MiB", hint="simplify its outline")
    try:
        data = json.loads(text.decode("utf-8-sig"))
        area = Area(tuple(_polygons(data)))
    except (ValueError, TypeError, KeyError, IndexError, RecursionError) as error:
        raise InputError(f"cannot read area {path}: not GeoJSON of polygons: {error!r}", hint=_HINT) from error
    if not area.polygons:
        raise InputError(f"cannot read area {path}: it has no polygon", hint=_HINT)
    return area


def _polygons(data: dict[str, Any]) -> list[tuple[Ring, ...]]:
    """Return the polygons of any GeoJSON object; points and lines have no area and are an error."""
    kind = data["type"]
    crs = str((data.get("crs") or {}).get("properties", {}).get("name", "CRS84"))
    if not crs.endswith(("CRS84", "4326")):
        raise ValueError(f"its CRS is {crs[:60]}, not WGS 84")
    if kind == "FeatureCollection":
        return [polygon for feature in data["features"] for polygon in _polygons(feature)]
    if kind == "Feature":
        return _polygons(data["geometry"]) if data["geometry"] else []
    if kind == "GeometryCollection":
        return [polygon for geometry in data["geometries"] for polygon in _polygons(geometry)]
    if kind == "MultiPolygon":
        return [tuple(map(_ring, polygon)) for polygon in data["coordinates"]]
    if kind == "Polygon":
        return [tuple(map(_ring, data["coordinates"]))]
    raise ValueError(f"it has a {str(kind)[:40]}")


def _ring(places: list[list[float]]) -> Ring:
    ring = tuple((float(place[0]), float(place[1])) for place in places)
    if len(ring) < 4:  # noqa: PLR2004 - a triangle, closed
        raise ValueError(f"a ring has {len(ring)} places, not 4 or more")
    if ring[0] != ring[-1]:
        raise ValueError("a ring is not closed")
    for lon, lat in ring:
        if not (abs(lon) <= HALF_TURN and abs(lat) <= QUARTER_TURN):
            raise ValueError(f"({lon:g}, {lat:g}) is not a longitude and latitude in degrees")
    return ring


def _dense(ring: Ring) -> list[tuple[float, float]]:
    """Return a ring with places added, so that no edge is longer than STEP_DEGREES."""
    out = [ring[0]]
    for (x, y), (next_x, next_y) in pairwise(ring):
        steps = max(1, math.ceil(max(abs(next_x - x), abs(next_y - y)) / STEP_DEGREES))
        out += [(x + (next_x - x) * i / steps, y + (next_y - y) * i / steps) for i in range(1, steps + 1)]
    return out
