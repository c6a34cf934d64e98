"""Areas of interest: which GeoJSON is understood, and which pixels are inside."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from rasterio import Affine
from rasterio.crs import CRS
from rasterio.warp import transform

from bai import aoi
from bai.aoi import Area, load_area
from bai.errors import InputError
from bai.grid import Grid, Shape, Window

if TYPE_CHECKING:
    from pathlib import Path

GRID = Grid(CRS.from_epsg(32610), Affine(10, 0, 600000, 0, -10, 4500000), Shape(100, 200))
SQUARE = [[[-121.8, 40.6], [-121.7, 40.6], [-121.7, 40.7], [-121.8, 40.7], [-121.8, 40.6]]]
POLYGON = {"type": "Polygon", "coordinates": SQUARE}


def write(path: Path, value: object) -> Path:
    path.write_text(json.dumps(value))
    return path


@pytest.mark.parametrize(
    "value",
    [
        POLYGON,
        {"type": "MultiPolygon", "coordinates": [SQUARE]},
        {"type": "Feature", "properties": None, "geometry": POLYGON},
        {"type": "FeatureCollection", "features": [{"type": "Feature", "properties": {}, "geometry": POLYGON}]},
        {"type": "GeometryCollection", "geometries": [POLYGON]},
        {**POLYGON, "crs": {"type": "name", "properties": {"name": "urn:ogc:def:crs:OGC:1.3:CRS84"}}},
        {"type": "Polygon", "coordinates": [[[*place, 7.0] for place in SQUARE[0]]]},
    ],
)
def test_every_form_of_a_polygon(tmp_path: Path, value: object) -> None:
    area = load_area(write(tmp_path / "a.geojson", value))
    assert area.polygons == ((tuple(map(tuple, SQUARE[0])),),)
    assert area.bounds == (-121.8, 40.6, -121.7, 40.7)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"type": "Point", "coordinates": [1, 2]}, "it has a Point"),
        ({"type": "FeatureCollection", "features": []}, "no polygon"),
        ({"type": "Feature", "geometry": None}, "no polygon"),
        ({"type": "Polygon", "coordinates": [SQUARE[0][:-1]]}, "not closed"),
        ({"type": "Polygon", "coordinates": [[[0, 0], [0, 0]]]}, "2 places"),
        ({"type": "Polygon", "coordinates": [[[6e5, 45e5], [7e5, 45e5], [7e5, 46e5], [6e5, 45e5]]]}, "in degrees"),
        ({"type": "Polygon", "coordinates": [[["a", 0]]]}, "could not convert"),
        ({"type": "Polygon"}, "KeyError"),
        ([1, 2], "TypeError"),
        ({**POLYGON, "crs": {"properties": {"name": "EPSG:32610"}}}, "EPSG:32610"),
    ],
)
def test_what_is_no_area_is_refused(tmp_path: Path, value: object, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        load_area(write(tmp_path / "a.geojson", value))
    assert "GeoJSON" in str(caught.value.hint)


def test_files_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="No such file"):
        load_area(tmp_path / "none.geojson")
    (tmp_path / "a.geojson").write_bytes(b"\x89PNG")
    with pytest.raises(InputError, match="not GeoJSON"):
        load_area(tmp_path / "a.geojson")
    monkeypatch.setattr(aoi, "MAX_BYTES", 10)
    with pytest.raises(InputError, match="larger"):
        load_area(write(tmp_path / "b.geojson", POLYGON))


def test_across_the_antimeridian() -> None:
    west = ((179.5, -17.0), (180.0, -17.0), (180.0, -16.0), (179.5, -16.0), (179.5, -17.0))
    east = ((-180.0, -17.0), (-179.5, -17.0), (-179.5, -16.5), (-180.0, -16.5), (-180.0, -17.0))
    assert Area(((west,), (east,))).bounds == (179.5, -17, -179.5, -16)


def test_pixels_whose_centre_is_inside() -> None:
    xs, ys = [600104, 600306, 600306, 600104, 600104], [4499896, 4499896, 4499694, 4499694, 4499896]
    lon, lat = transform(GRID.crs, "EPSG:4326", xs, ys)[:2]
    shapes = Area(((tuple(zip(lon, lat, strict=True)),),)).place(GRID)
    whole = shapes.inside(GRID, Window(0, 0, 200, 100))
    rows, cols = np.nonzero(whole)
    assert (rows.min(), rows.max(), cols.min(), cols.max()) == (10, 30, 10, 30)
    assert whole.sum() == 21 * 21
    part = shapes.inside(GRID, Window(16, 8, 100, 30))
    np.testing.assert_array_equal(part, whole[8:38, 16:116])
