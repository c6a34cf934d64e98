"""Test the demo through the whole local chain: runner, gateway, cluster, application, results."""

import re

import pystac
import rasterio
from rio_cogeo import cog_validate

from tests.local.chain import Demo


def test_nearly_all_of_the_known_scar_is_found(demo: Demo) -> None:
    data = demo.envelope["data"]
    assert demo.envelope["command"] == "demo"
    assert data["scar_ha"] > 0
    assert abs(data["found_ha"] - data["scar_ha"]) < 0.01 * data["scar_ha"]


def test_the_results_are_whole(demo: Demo) -> None:
    results = demo.directory / "results"
    written = {path.name for path in results.iterdir()} - {"outputs.json"}  # the toolkit's file
    assert sorted(written) == demo.envelope["data"]["run"]["files"]
    assert {"bai.tif", "severity.tif", "bai.png", "report.json", "catalog.json"} <= set(
        demo.envelope["data"]["run"]["files"]
    )
    assert cog_validate(results / "bai.tif")[0]
    (item,) = pystac.Catalog.from_file(str(results / "catalog.json")).get_items(recursive=True)
    assert {"bai.tif", "severity.tif"} <= {asset.href.rpartition("/")[2] for asset in item.assets.values()}
    with rasterio.open(results / "bai.tif") as bai:
        assert (bai.shape, bai.res) == ((256, 256), (10, 10))


def test_the_area_of_all_classes_is_the_valid_area(demo: Demo) -> None:
    severity = demo.envelope["data"]["run"]["severity"]
    assert abs(sum(severity_class["share"] for severity_class in severity) - 1) < 1e-3
    assert [severity_class["lower"] for severity_class in severity] == sorted(
        severity_class["lower"] for severity_class in severity
    )


def test_the_lines_of_runner_and_application_come_in_one_stream(demo: Demo) -> None:
    words = [
        r"claimed cluster (\w+)",
        r"cluster \w+ is running",
        r"scaled cluster \w+ to 2 workers of 0\.5 cores and 2 GiB memory",
        r"dashboard: http://127\.0\.0\.1:\d+/clusters/\w+/status",
        r"bai\.\w+:\w+:\d+ - pre event ",
        r"tasks, 100 %",
        r"wrote results/bai\.tif",
        r"dismissed cluster \w+ after [\d.]+ s",
    ]
    assert re.search(".*".join(words), demo.log, re.DOTALL), demo.log


def test_every_line_has_the_form_that_users_know(demo: Demo) -> None:
    form = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} \| (DEBUG|INFO|WARNING|ERROR) +\| \S+:\S+:\d+ - ")
    assert [line for line in demo.log.splitlines() if not form.match(line)] == []
    assert "| WARNING" not in demo.log
