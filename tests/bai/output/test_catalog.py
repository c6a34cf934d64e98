"""Test the STAC catalogue of a run: valid, complete, and in agreement with the files."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import numpy as np
import pystac
import pytest
import rasterio
from pystac.validation.stac_validator import JsonSchemaSTACValidator
from rasterio import Affine
from rasterio.crs import CRS
from rasterio.warp import transform

from bai.demo import scene as demo
from bai.grid import Grid, Shape
from bai.nbr import SEVERITY_CLASSES
from bai.output.catalog import EXTENSIONS, bounding_box, footprint
from bai.pipeline import Request, run

if TYPE_CHECKING:
    from pathlib import Path

GRID = Grid(CRS.from_epsg(32610), Affine(10, 0, 600000, 0, -10, 4500000), Shape(100, 200))


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    made = demo.make(folder / "scene", size=256)
    run(Request(str(made.pre), str(made.post), folder / "out"), lambda *_: None)
    return folder / "out"


@pytest.fixture(scope="module")
def item(out: Path) -> dict[str, object]:
    return json.loads((out / "bai.json").read_text())


def test_valid_by_the_core_schemas(out: Path) -> None:
    """The schemas of STAC 1.1 come with pystac; those of extensions are on the network: see the tests below."""
    catalog = pystac.Catalog.from_file(str(out / "catalog.json"))
    items = list(catalog.get_items())
    assert len(items) == 1
    validator = JsonSchemaSTACValidator()
    for one in (catalog, items[0]):
        data = json.loads((out / ("catalog.json" if one is catalog else "bai.json")).read_text())
        assert data["stac_version"] == "1.1.0"
        validator.validate_core(data, one.STAC_OBJECT_TYPE, "1.1.0")


def test_links_and_assets_lead_somewhere(out: Path, item: dict) -> None:
    for name in ("catalog.json", "bai.json"):
        data = json.loads((out / name).read_text())
        for link in data["links"]:
            if link["rel"] != "derived_from":
                assert (out / link["href"]).is_file()
    derived = [link["href"] for link in item["links"] if link["rel"] == "derived_from"]
    assert [href.rpartition("/")[2] for href in derived] == [
        "S2B_10TFK_20210713_0_L2A.json",
        "S2A_10TFK_20210718_0_L2A.json",
    ]
    assert set(item["assets"]) == {"bai", "severity", "burned", "page", "quicklook", "report"}


def test_file_extension(out: Path, item: dict) -> None:
    for asset in item["assets"].values():
        data = (out / asset["href"]).read_bytes()
        assert asset["file:size"] == len(data)
        assert asset["file:checksum"] == "1220" + hashlib.sha256(data).hexdigest()


def test_projection_extension(out: Path, item: dict) -> None:
    properties = item["properties"]
    with rasterio.open(out / "bai.tif") as file:
        assert properties["proj:code"] == f"EPSG:{file.crs.to_epsg()}"
        assert properties["proj:shape"] == list(file.shape)
        assert properties["proj:transform"] == list(file.transform)[:6]
        assert properties["proj:bbox"] == list(file.bounds)


def test_raster_extension(out: Path, item: dict) -> None:
    for key in ("bai", "severity"):
        asset = item["assets"][key]
        with rasterio.open(out / asset["href"]) as file:
            assert asset["data_type"] == file.dtypes[0]
            assert float(asset["nodata"]) == pytest.approx(file.nodata, nan_ok=True)
            assert asset["raster:spatial_resolution"] == file.res[0]
    histogram = item["assets"]["bai"]["raster:histogram"]
    assert set(histogram) == {"count", "min", "max", "buckets"}
    assert len(histogram["buckets"]) == histogram["count"]
    assert histogram["min"] < histogram["max"]


def test_classification_extension(item: dict) -> None:
    classes = item["assets"]["severity"]["classification:classes"]
    assert [one["value"] for one in classes] == [one.value for one in SEVERITY_CLASSES]
    assert all(len(one["color_hint"]) == 6 and int(one["color_hint"], 16) >= 0 for one in classes)


def test_processing_extension_and_times(item: dict) -> None:
    properties = item["properties"]
    assert properties["processing:level"] == "L3"
    assert properties["processing:software"]["bai"]
    assert properties["datetime"] is None
    assert (properties["start_datetime"], properties["end_datetime"]) == (
        "2021-07-13T19:03:24Z",
        "2021-07-18T19:03:26Z",
    )


def test_every_prefix_has_its_extension(item: dict) -> None:
    fields = set(item["properties"]).union(*(asset for asset in item["assets"].values()))
    prefixes = {name.partition(":")[0] for name in fields if ":" in name} - {"bai"}
    names = {"proj": "projection"}
    declared = {uri.split("/")[3] for uri in EXTENSIONS}
    assert {names.get(prefix, prefix) for prefix in prefixes} == declared
    assert item["stac_extensions"] == EXTENSIONS


def test_geometry_is_the_valid_footprint(out: Path, item: dict) -> None:
    ring = np.array(item["geometry"]["coordinates"][0])
    np.testing.assert_array_equal(ring[0], ring[-1])
    assert signed_area(ring) > 0, "GeoJSON wants exterior rings counter-clockwise"
    assert item["bbox"] == [*ring.min(0).tolist(), *ring.max(0).tolist()]
    with rasterio.open(out / "severity.tif") as file:
        valid = (file.read(1) != 255).mean()
        whole = abs(file.bounds.right - file.bounds.left) * abs(file.bounds.top - file.bounds.bottom)
        x, y = transform("EPSG:4326", file.crs, *ring.T)
    hull = signed_area(np.column_stack([x, y])) / whole
    assert valid <= hull < 0.96  # clouds are inside the hull, the swath's edge is not


def test_footprint_of_a_corner() -> None:
    """A triangle of pixels gives a triangle, to the pixels' outer corners."""
    valid = np.tri(50, 100, dtype=bool)
    ring = np.array(footprint(valid, GRID)["coordinates"][0])
    x, y = transform("EPSG:4326", GRID.crs, *ring.T)
    assert min(x) == pytest.approx(600000, abs=0.1)
    assert max(x) == pytest.approx(601000, abs=0.1)
    assert (min(y), max(y)) == (pytest.approx(4499000, abs=0.1), pytest.approx(4500000, abs=0.1))
    area = signed_area(np.column_stack([x, y]))
    assert 0.5e6 < area < 0.53e6


@pytest.mark.parametrize("valid", [np.zeros((4, 8), bool), np.ones((4, 8), bool)])
def test_footprint_of_nothing_and_of_everything(valid: np.ndarray) -> None:
    ring = np.array(footprint(valid, GRID)["coordinates"][0])
    x, y = transform("EPSG:4326", GRID.crs, *ring.T)
    assert signed_area(np.column_stack([x, y])) == pytest.approx(2e6, rel=1e-3)


def test_footprint_of_one_pixel() -> None:
    valid = np.zeros((100, 200), bool)
    valid[3, 5] = True
    x, _ = transform("EPSG:4326", GRID.crs, *np.array(footprint(valid, GRID)["coordinates"][0]).T)
    assert (min(x), max(x)) == (pytest.approx(600050, abs=0.1), pytest.approx(600060, abs=0.1))


def test_footprint_across_the_antimeridian_is_cut_there() -> None:
    """Fiji, in zone 1 south: the grid's left part lies east of 179 degrees east."""
    grid = Grid(CRS.from_epsg(32701), Affine(10, 0, 180240, 0, -10, 8118160), Shape(60, 60))
    geometry = footprint(np.ones((60, 60), bool), grid)
    west, east = (np.array(polygon[0]) for polygon in geometry["coordinates"])
    assert geometry["type"] == "MultiPolygon"
    assert (west[:, 0].max(), east[:, 0].min()) == (180, -180)
    assert west[:, 0].min() > 179.9
    assert east[:, 0].max() < -179.9
    parts = [signed_area(np.column_stack(transform("EPSG:4326", grid.crs, *ring.T))) for ring in (west, east)]
    assert min(parts) > 0, "GeoJSON wants exterior rings counter-clockwise"
    assert sum(parts) == pytest.approx(360_000, rel=1e-3)
    south, north = (pick(pick(ring[:, 1]) for ring in (west, east)) for pick in (min, max))
    assert bounding_box(geometry) == [west[:, 0].min(), south, east[:, 0].max(), north]


@pytest.mark.parametrize(("epsg", "left", "sign"), [(32760, 700_000, 1), (32701, 250_000, -1)])
def test_footprint_near_the_antimeridian_is_one_polygon(epsg: int, left: float, sign: int) -> None:
    grid = Grid(CRS.from_epsg(epsg), Affine(10, 0, left, 0, -10, 8118160), Shape(60, 60))
    geometry = footprint(np.ones((60, 60), bool), grid)
    west, _, east, _ = bounding_box(geometry)
    assert geometry["type"] == "Polygon"
    assert 178 < west * sign < 180
    assert west < east


def signed_area(ring: np.ndarray) -> float:
    """Return the area inside a closed ring, positive when it runs counter-clockwise."""
    x, y = ring[:-1].T
    return float((x * np.roll(y, -1) - np.roll(x, -1) * y).sum() / 2)
