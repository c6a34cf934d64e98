"""Run the pipeline on a small pair: what is written, and the error for each kind of bad input."""

from __future__ import annotations

import json
import logging
import os
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from functools import partialmethod
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import rasterio
from PIL import Image
from rasterio.warp import transform, transform_bounds

from bai import compute
from bai.cluster import DASK_REPORT
from bai.demo import scene as demo
from bai.errors import BaiError, ComputeError, InputError, TemporaryError
from bai.output.drawing import ALERT
from bai.pipeline import OUTPUTS, Request, run
from tests.bai.web import Web, serve

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bai.output.report import Report

SIZE = 256
PRE, POST = "S2B_10TFK_20210713_0_L2A", "S2A_10TFK_20210718_0_L2A"


def quiet(done: int, total: int) -> None:
    """Show no progress."""


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scene")
    demo.make(folder, size=SIZE)
    return folder


@pytest.fixture
def copy(scene: Path, tmp_path: Path) -> Path:
    """Return a copy of the scene that the test may damage."""
    return Path(shutil.copytree(scene, tmp_path / "scene"))


@pytest.fixture
def web(copy: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    """Serve the copy over HTTP, with short time limits."""
    for name, value in {
        "GDAL_HTTP_RETRY_DELAY": "0.01",
        "GDAL_HTTP_LOW_SPEED_TIME": "1",
        "GDAL_HTTP_TIMEOUT": "1",
        "GDAL_HTTP_MAX_RETRY": "2",
        "no_proxy": "127.0.0.1",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("bai.stac.fetch.BACKOFF_S", 0)
    with serve(copy) as web:
        yield web


def request(folder: Path | str, out: Path, **options: object) -> Request:
    return Request(pre=f"{folder}/{PRE}.json", post=f"{folder}/{POST}.json", output_dir=out, **options)


def edit(folder: Path, item: str, **changes: object) -> None:
    """Change an item's top-level keys or, where they are dicts, some of theirs."""
    path = folder / f"{item}.json"
    data = json.loads(path.read_text())
    for key, value in changes.items():
        data[key] = data[key] | value if isinstance(value, dict) else value
    path.write_text(json.dumps(data))


def test_writes_everything_and_says_so(scene: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    out, seen = tmp_path / "new" / "out", []
    with caplog.at_level(logging.INFO):
        report = run(request(scene, out), lambda done, total: seen.append((done, total)))
    assert sorted(path.name for path in out.iterdir()) == sorted(set(OUTPUTS) - {DASK_REPORT})
    assert seen[-1] == (1, 1)
    text = caplog.text
    for words in ("pre event", "post event", "shape: (256, 256)", "bai.tif, ", "MB read"):
        assert words in text
    data = json.loads((out / "report.json").read_text())
    assert data["inputs"]["pre"]["id"] == PRE
    assert data["parameters"]["mask_classes"] == [0, 1, 3, 6, 8, 9, 10]
    assert data["cluster"] == "threads"
    assert set(data["seconds"]) == {"items", "headers", "offset", "compute", "picture", "page"}
    assert report.areas.burned_ha > 0


def test_finds_the_scar(scene: Path, tmp_path: Path) -> None:
    report = run(request(scene, tmp_path), quiet)
    truth = json.loads((scene / "scar.json").read_text())
    found = sum(one.hectares for one in report.areas.classes if one.lower >= demo.BURNT)
    assert found == pytest.approx(truth["burnt_ha"], rel=0.03)


def test_statistics_describe_the_files(scene: Path, tmp_path: Path) -> None:
    report = run(request(scene, tmp_path), quiet)
    with rasterio.open(tmp_path / "bai.tif") as file:
        index = file.read(1)
    with rasterio.open(tmp_path / "severity.tif") as file:
        severity = file.read(1)
    assert report.areas.masked_share == pytest.approx(float(np.isnan(index).mean()), abs=1e-6)
    for one in report.areas.classes:
        assert one.pixels == int((severity == one.value).sum())
    assert sum(report.histogram) == int(np.isfinite(index).sum())


@pytest.mark.parametrize("catalogue", ["earth-search-v0", "earth-search-c1", "planetary-computer", "cdse"])
def test_every_catalogue_gives_the_same_map(scene: Path, tmp_path: Path, catalogue: demo.Catalogue) -> None:
    made = demo.make(tmp_path / "scene", size=SIZE, catalogue=catalogue)
    run(Request(str(made.pre), str(made.post), tmp_path / "other"), quiet)
    run(request(scene, tmp_path / "one"), quiet)
    maps = []
    for folder in ("one", "other"):
        with rasterio.open(tmp_path / folder / "bai.tif") as file:
            maps.append(file.read(1))
    np.testing.assert_allclose(maps[0], maps[1], atol=1e-6)


def test_mask_none_leaves_clouds_in(scene: Path, tmp_path: Path) -> None:
    masked = run(request(scene, tmp_path / "a"), quiet)
    bare = run(request(scene, tmp_path / "b", mask="none"), quiet)
    assert bare.areas.masked_share < masked.areas.masked_share
    assert bare.parameters["mask"] == "none"
    assert bare.pre.scl is None


def test_bbox_crops(scene: Path, tmp_path: Path) -> None:
    whole = run(request(scene, tmp_path / "a"), quiet)
    west, south, east, north = transform_bounds(whole.grid.crs, "EPSG:4326", *whole.grid.bounds)
    box = (west + (east - west) / 4, south + (north - south) / 4, east - (east - west) / 4, north - (north - south) / 4)
    part = run(request(scene, tmp_path / "b", bbox=box), quiet)
    assert 128 <= part.grid.shape.rows < 140
    with pytest.raises(InputError, match="overlap"):
        run(request(scene, tmp_path / "c", bbox=(0, 0, 1, 1)), quiet)


def test_rbr_over_http(web: Web, tmp_path: Path) -> None:
    report = run(request(web.url, tmp_path / "out", index="rbr", compress="zstd"), quiet)
    assert report.parameters["index"] == "rbr"
    item = json.loads((tmp_path / "out" / "bai.json").read_text())
    derived = [link["href"] for link in item["links"] if link["rel"] == "derived_from"]
    assert derived == [f"{web.url}/{PRE}.json", f"{web.url}/{POST}.json"]


def test_swapped_pair_warns(scene: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    swapped = Request(f"{scene}/{POST}.json", f"{scene}/{PRE}.json", tmp_path)
    report = run(swapped, quiet)
    assert "are they swapped?" in caplog.text
    assert "are they swapped?" in report.warnings[0]


def test_same_item_twice(scene: Path, copy: Path, tmp_path: Path) -> None:
    one = f"{scene}/{PRE}.json"
    for other in (one, f"file://{one}", f"{copy}/{PRE}.json"):
        with pytest.raises(InputError, match=f"both items are {PRE}"):
            run(Request(one, other, tmp_path / "out"), quiet)
    assert list((tmp_path / "out").iterdir()) == []


def test_not_sentinel_2(copy: Path, tmp_path: Path) -> None:
    edit(copy, POST, collection="landsat-c2-l2", properties={"platform": "landsat-8", "constellation": "landsat"})
    with pytest.raises(InputError, match="not Sentinel-2"):
        run(request(copy, tmp_path / "out"), quiet)


def test_missing_classification(copy: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assets = json.loads((copy / f"{POST}.json").read_text())["assets"]
    edit(copy, POST, assets={"scl": None})
    data = json.loads((copy / f"{POST}.json").read_text()) | {"assets": {k: assets[k] for k in ("nir", "swir22")}}
    (copy / f"{POST}.json").write_text(json.dumps(data))
    with pytest.raises(InputError, match=f"{POST} has no scene classification"):
        run(request(copy, tmp_path / "out", mask="scl"), quiet)
    report = run(request(copy, tmp_path / "out"), quiet)
    assert report.parameters["mask"] == "scl"
    assert "its clouds are not masked" in caplog.text


def test_declared_crs_differs(copy: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    edit(copy, PRE, properties={"proj:epsg": 32611})
    run(request(copy, tmp_path / "out"), quiet)
    assert f"item {PRE} declares EPSG:32611, the result lies on EPSG:32610" in caplog.text


def test_all_nodata_is_a_result(copy: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with rasterio.open(copy / POST / "B08.tif", "r+") as file:
        file.write(np.zeros((SIZE, SIZE), np.uint16), 1)
    report = run(request(copy, tmp_path / "out"), quiet)
    assert report.areas.masked_share == 1
    assert report.areas.burned_ha == 0
    assert "no pixel has a value" in caplog.text
    item = json.loads((tmp_path / "out" / "bai.json").read_text())
    assert item["geometry"]["type"] == "Polygon"
    assert (tmp_path / "out" / "catalog.json").exists()


def test_an_offset_taken_twice_is_noticed(scene: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    run(request(scene, tmp_path / "right"), quiet)
    assert "--boa-offset" not in caplog.text
    report = run(request(scene, tmp_path / "wrong", boa_offset="apply"), quiet)
    assert "is the reflectance offset right? see --boa-offset" in caplog.text
    assert report.warnings


def test_a_doubt_is_in_the_log_the_report_and_the_picture(
    copy: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assets = json.loads((copy / f"{PRE}.json").read_text())["assets"]
    assets["nir"]["raster:bands"] = assets["swir22"]["raster:bands"] = [{"scale": 1e-4, "offset": -1000}]
    edit(copy, PRE, assets=assets, properties={"earthsearch:boa_offset_applied": None})
    run(request(copy, tmp_path / "out"), quiet)
    doubt = "states for nir the offset -1000 at a scale of 0.0001, which is taken as digital numbers"
    assert doubt in caplog.text
    assert doubt in str(json.loads((tmp_path / "out" / "report.json").read_text())["warnings"])
    with Image.open(tmp_path / "out" / "bai.png") as picture:
        assert any(colour == ALERT for _, colour in picture.getcolors(1 << 20))


def test_user_and_password_open_items_and_assets_and_are_in_no_result(
    web: Web, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    web.login = "Basic dXNlcjp3MHJk"
    with caplog.at_level(logging.DEBUG):
        run(request(web.url.replace("//", "//user:w0rd@"), tmp_path / "out"), quiet)
    assert "w0rd" not in caplog.text
    for path in (tmp_path / "out").iterdir():
        assert b"w0rd" not in path.read_bytes()
    with pytest.raises(InputError, match="answers 401") as caught:
        run(request(web.url, tmp_path / "out"), quiet)
    assert "~/.netrc" in str(caught.value.hint)


def test_missing_asset(copy: Path, web: Web, tmp_path: Path) -> None:
    (copy / POST / "B12.tif").unlink()
    for folder in (copy, web.url):
        with pytest.raises(InputError, match=r"B12\.tif"):
            run(request(folder, tmp_path / "out"), quiet)


def test_truncated_asset_fails_during_the_run(copy: Path, tmp_path: Path) -> None:
    path = copy / POST / "B08.tif"
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    out = tmp_path / "out"
    with pytest.raises(InputError, match=r"B08\.tif"):
        run(request(copy, out), quiet)
    assert list(out.iterdir()) == []


def test_busy_server_is_asked_again(web: Web, tmp_path: Path) -> None:
    for name in (f"{PRE}.json", f"{PRE}/B08.tif", f"{POST}/B12.tif"):
        web.script[name] = [503, 503]
    run(request(web.url, tmp_path / "out"), quiet)
    assert not any(web.script.values())
    assert (tmp_path / "out" / "catalog.json").exists()


@pytest.mark.parametrize("name", [f"{PRE}.json", f"{POST}/B12.tif"])
@pytest.mark.parametrize("mood", ["hang", 503])
def test_silent_or_busy_server_is_temporary(web: Web, tmp_path: Path, name: str, mood: int | str) -> None:
    web.script[name] = [mood, "..."]
    with pytest.raises(TemporaryError, match=name):
        run(request(web.url, tmp_path / "out", timeout_s=0.2), quiet)


def test_results_of_an_earlier_run_go_first(copy: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(request(copy, out), quiet)
    (out / "mine.txt").write_text("stays")
    (copy / POST / "B08.tif").write_bytes((copy / POST / "B08.tif").read_bytes()[:3000])
    with pytest.raises(InputError):
        run(request(copy, out), quiet)
    assert [path.name for path in out.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize(
    "stage", ["pathlib.Path.replace", "bai.output.report.write_bytes", "bai.output.catalog.checksum"]
)
def test_full_disk_while_describing(scene: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: str) -> None:
    """Maps without report and catalogue are not a result, so all files of the run are removed."""

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(stage, fail)
    with pytest.raises(ComputeError, match="No space left on device") as caught:
        run(request(scene, tmp_path), quiet)
    assert "space" in str(caught.value.hint)
    assert list(tmp_path.iterdir()) == []


def test_output_directory_that_cannot_be(scene: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ComputeError, match="cannot write to"):
        run(request(scene, tmp_path / "file"), quiet)


@pytest.mark.parametrize(("number", "hint"), [(13, "may write"), (30, "may write"), (122, "space")])
def test_an_output_directory_that_refuses_gets_its_own_hint(
    scene: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, hint: str
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(ComputeError, match="cannot write to") as caught:
        run(request(scene, tmp_path / "new"), quiet)
    assert hint in str(caught.value.hint)


def test_times_in_the_maps_are_utc(copy: Path, tmp_path: Path) -> None:
    edit(copy, PRE, properties={"datetime": "2021-07-14T01:03:24+06:00"})
    run(request(copy, tmp_path / "out"), quiet)
    with rasterio.open(tmp_path / "out" / "severity.tif") as file:
        tags = file.tags()
    assert tags["PRE_DATETIME"] == "2021-07-13T19:03:24Z"
    assert (tags["POST_DATETIME"], tags["TIFFTAG_DATETIME"]) == ("2021-07-18T19:03:26Z", "2021:07:18 19:03:26")


def test_every_error_says_what_to_do(copy: Path, tmp_path: Path) -> None:
    (copy / "list.json").write_text("[]")
    (copy / "page.json").write_text("<html>")
    for name in ("list.json", "page.json", "none.json"):
        with pytest.raises(BaiError) as caught:
            run(replace(request(copy, tmp_path / "out"), pre=str(copy / name)), quiet)
        assert caught.value.hint
        assert name in str(caught.value)


def polygons(out: Path) -> dict[str, float]:
    """Return the hectares of burned.gpkg per class."""
    with closing(sqlite3.connect(out / "burned.gpkg")) as base:
        return dict(base.execute("SELECT class, sum(hectares) FROM burned GROUP BY class"))


def test_polygons_agree_with_the_report(scene: Path, tmp_path: Path) -> None:
    report = run(request(scene, tmp_path / "all", smallest_ha=0), quiet)
    areas = {one.name: one.hectares for one in report.areas.classes if one.lower >= 0.1 and one.pixels}
    assert polygons(tmp_path / "all") == pytest.approx(areas)
    assert sum(areas.values()) == pytest.approx(report.areas.burned_ha)

    run(request(scene, tmp_path / "large"), quiet)
    data = json.loads((tmp_path / "large" / "report.json").read_text())["polygons"]
    with closing(sqlite3.connect(tmp_path / "large" / "burned.gpkg")) as base:
        count, least = base.execute("SELECT count(*), min(hectares) FROM burned").fetchone()
    assert (data["smallest_ha"], data["count"]) == (0.5, count)
    assert least >= 0.5
    assert {k: v for k, v in data["hectares"].items() if v} == pytest.approx(polygons(tmp_path / "large"))
    assert sum(data["hectares"].values()) + data["left_out_ha"] == pytest.approx(report.areas.burned_ha)
    assert data["left_out_ha"] > 0


def write_area(path: Path, report: Report, part: float) -> Path:
    """Write the middle of a report's map as a GeoJSON square, `part` of it along each side."""
    west, south, east, north = report.grid.bounds
    x, y, half = (west + east) / 2, (south + north) / 2, (east - west) / 2 * part
    corners = [
        (x - half, y - half),
        (x + half, y - half),
        (x + half, y + half),
        (x - half, y + half),
        (x - half, y - half),
    ]
    lon, lat = transform(report.grid.crs, "EPSG:4326", *zip(*corners, strict=True))[:2]
    ring = [list(place) for place in zip(lon, lat, strict=True)]
    path.write_text(json.dumps({"type": "Polygon", "coordinates": [ring]}))
    return path


def test_only_the_area_of_interest_is_counted_and_mapped(scene: Path, tmp_path: Path) -> None:
    whole = run(request(scene, tmp_path / "a", mask="none"), quiet)
    aoi = write_area(tmp_path / "aoi.geojson", whole, 0.5)
    part = run(request(scene, tmp_path / "b", mask="none", aoi=aoi), quiet)
    assert part.areas.total_ha == pytest.approx(whole.areas.total_ha / 4, rel=0.03)
    assert part.areas.masked_share < 0.01
    assert part.parameters["aoi"] == "aoi.geojson"
    with rasterio.open(tmp_path / "a" / "bai.tif") as one, rasterio.open(tmp_path / "b" / "bai.tif") as other:
        values = other.read(1)
        assert values.shape[0] < 140
        assert np.isfinite(values).sum() * one.res[0] ** 2 / 1e4 == pytest.approx(part.areas.valid_ha)
        inside = one.read(1, window=one.window(*other.bounds))
    seen = np.isfinite(values)
    np.testing.assert_array_equal(values[seen], inside[seen])
    assert part.areas.burned_ha < whole.areas.burned_ha


def test_windows_outside_the_area_are_not_read(scene: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An L has a bounding box with an empty corner."""
    whole = run(request(scene, tmp_path / "a"), quiet)
    aoi = write_area(tmp_path / "aoi.geojson", whole, 0.9)
    (ring,) = json.loads(aoi.read_text())["coordinates"]
    middle = np.mean(ring[:4], axis=0).tolist()
    corner = [ring[1], middle, ring[3]]
    aoi.write_text(json.dumps({"type": "Polygon", "coordinates": [[ring[0], *corner, ring[0]]]}))
    read = []
    own = compute.read
    monkeypatch.setattr(compute, "read", lambda plan, window, **more: read.append(window) or own(plan, window, **more))
    monkeypatch.setattr(compute.Options, "__init__", partialmethod(compute.Options.__init__, block=64, window=64))
    run(request(scene, tmp_path / "b", aoi=aoi), quiet)
    assert 0 < len(read) < 16


def test_water_is_masked_unless_the_classes_say_otherwise(scene: Path, tmp_path: Path) -> None:
    dry = run(request(scene, tmp_path / "a"), quiet)
    wet = run(request(scene, tmp_path / "b", mask_classes=(0, 1, 3, 8, 9, 10)), quiet)
    assert wet.areas.masked_share < dry.areas.masked_share


def test_a_given_offset_is_subtracted_and_reported(scene: Path, tmp_path: Path) -> None:
    run(request(scene, tmp_path / "a"), quiet)
    report = run(request(scene, tmp_path / "b", dnbr_offset=0.05), quiet)
    with rasterio.open(tmp_path / "a" / "bai.tif") as one, rasterio.open(tmp_path / "b" / "bai.tif") as other:
        np.testing.assert_allclose(other.read(1), one.read(1) - np.float32(0.05), atol=1e-6)
    assert report.offset.value == 0.05
    assert json.loads((tmp_path / "b" / "report.json").read_text())["dnbr_offset"] == {
        "value": 0.05, "unburned_pixels": 0
    }  # fmt: skip


def test_a_measured_offset_is_found_and_reported(scene: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        report = run(request(scene, tmp_path / "a", dnbr_offset="auto"), quiet)
    assert abs(report.offset.value) < 0.02, "the demo's unburned ground does not change"
    assert report.offset.pixels > 1000
    assert "dNBR offset" in caplog.text
    assert report.parameters["dnbr_offset"] == "auto"


def test_rounded_values_and_the_same_classes(scene: Path, tmp_path: Path) -> None:
    exact = run(request(scene, tmp_path / "a"), quiet)
    rounded = run(request(scene, tmp_path / "b", precision=0.0001), quiet)
    with rasterio.open(tmp_path / "a" / "bai.tif") as one, rasterio.open(tmp_path / "b" / "bai.tif") as other:
        values = one.read(1)
        np.testing.assert_allclose(other.read(1), values, rtol=0, atol=0.5e-4)
    assert rounded.areas == exact.areas
    assert (tmp_path / "b" / "severity.tif").read_bytes() == (tmp_path / "a" / "severity.tif").read_bytes()
    assert (tmp_path / "b" / "bai.tif").stat().st_size < 0.7 * (tmp_path / "a" / "bai.tif").stat().st_size


def test_the_report_has_the_workers_own_figures(scene: Path, tmp_path: Path) -> None:
    run(request(scene, tmp_path), quiet)
    workers = json.loads((tmp_path / "report.json").read_text())["workers"]
    assert workers["processes"] == 1
    assert set(workers["seconds"]) == {"read", "compute", "encode"}
    assert all(value >= 0 for value in workers["seconds"].values())
    assert workers["peak_memory_mb"] > 20
    assert workers["mb_per_second"] > 0


def test_dasks_report_needs_a_cluster(scene: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    run(request(scene, tmp_path, performance_report=True), quiet)
    assert "--performance-report needs a Dask cluster" in caplog.text
    assert not (tmp_path / DASK_REPORT).exists()


def test_the_walkthroughs_lines(scene: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        run(request(scene, tmp_path), quiet)
    lines = [record.getMessage() for record in caplog.records]
    for words in (
        f"pre event {scene}/{PRE}.json",
        f"post event {scene}/{POST}.json",
        "burned area intensity shape: (256, 256)",
        "burned area intensity dims: ('y', 'x')",
        "writing the result to a COG file",
    ):
        assert words in lines


def test_the_timeout_is_a_value_of_the_plan(web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It limits this run's reading alone, whatever the environment says, and leaves the environment as it was."""
    monkeypatch.setenv("GDAL_HTTP_LOW_SPEED_TIME", "300")
    monkeypatch.setenv("GDAL_HTTP_TIMEOUT", "300")
    monkeypatch.setenv("GDAL_HTTP_MAX_RETRY", "0")
    web.script[f"{POST}/B12.tif"] = ["hang", "..."]
    before = dict(os.environ)
    with pytest.raises(TemporaryError, match=r"B12\.tif"):
        run(request(web.url, tmp_path / "out", timeout_s=1), quiet)
    assert dict(os.environ) == before
