"""What a run returned: files, the outputs object, and the areas of an application that measures them."""

import json
from pathlib import Path

import pytest

from bai_kit.package.outputs import OUTPUTS, describe, relative, root, save

WRITTEN = Path("/calrissian/results")
FILE = {"class": "File", "basename": "a b.txt", "location": "file:///calrissian/results/a%20b.txt", "size": 2}


def directory(*names: str) -> dict:
    listing = [{"class": "File", "basename": name, "location": f"{WRITTEN}/map/{name}"} for name in names]
    return {"class": "Directory", "basename": "map", "location": f"file://{WRITTEN}/map", "listing": listing}


def test_the_contents_of_an_only_directory_are_the_results() -> None:
    assert root({"map": directory("a.tif")}, WRITTEN) == WRITTEN / "map"
    assert root({"map": directory("a.tif"), "area": 41.5, "none": None}, WRITTEN) == WRITTEN / "map"
    assert root({"map": [{"inner": directory()}]}, WRITTEN) == WRITTEN / "map"


@pytest.mark.parametrize(
    "outputs", [{}, {"n": 1}, {"a": FILE}, {"a": FILE, "map": directory()}, {"a": [directory()] * 2}]
)
def test_all_other_outputs_keep_their_names(outputs: dict) -> None:
    assert root(outputs, WRITTEN) == WRITTEN


def test_paths_are_relative_to_the_results_and_plain_values_stay() -> None:
    got = relative({"a": [FILE], "area": 41.5, "cwl": {"deep": FILE}, "none": None}, WRITTEN)
    file = {"class": "File", "path": "a b.txt", "basename": "a b.txt", "size": 2}
    assert got == {"a": [file], "area": 41.5, "cwl": {"deep": file}, "none": None}
    assert relative({"map": directory("a.tif")}, WRITTEN)["map"]["listing"][0]["path"] == "a.tif"
    remote = {"class": "File", "location": "https://host/a.tif"}
    assert relative({"a": remote}, WRITTEN)["a"]["path"] == "https://host/a.tif"


def test_the_outputs_object_is_written_but_never_over_a_file_of_the_application(tmp_path: Path) -> None:
    save({"area": 41.5}, tmp_path)
    assert json.loads((tmp_path / OUTPUTS).read_text()) == {"area": 41.5}
    save({"area": 1}, tmp_path)
    assert json.loads((tmp_path / OUTPUTS).read_text()) == {"area": 41.5}


@pytest.mark.parametrize("report", [None, "no json", "[]", "{}", '{"area": {"classes": [{"label": 1}]}}'])
def test_a_report_of_another_application_is_not_read(tmp_path: Path, report: str | None) -> None:
    if report is not None:
        (tmp_path / "report.json").write_text(report)
    assert describe(tmp_path, 1, {}).severity == ()


def test_the_summary_says_what_burned_what_was_computed_and_where_to_look(tmp_path: Path) -> None:
    classes = [{"label": "High severity", "lower": 0.66, "hectares": 1234.5, "share": 0.25}]
    (tmp_path / "report.json").write_text(json.dumps({"area": {"classes": classes}}))
    (tmp_path / "bai.png").write_bytes(bytes(1_500_000))
    (tmp_path / "run.log").touch()
    text = describe(tmp_path, 2.04, {"area": 41.5, "none": None, "map": FILE}).__rich__()
    assert "     1,234.5 ha   25.0%  High severity\n" in text
    assert "outputs:\n  area = 41.5\n" in text
    assert f"results: {tmp_path} (2 files, 1.5 MB in 2.0 s)\n" in text
    assert text.endswith(str(tmp_path / "bai.png"))


def test_a_package_that_wrote_nothing_is_named_as_such(tmp_path: Path) -> None:
    save({}, tmp_path)
    assert describe(tmp_path, 1, {}).__rich__() == f"results: {tmp_path} (the package wrote nothing in 1.0 s)"
