"""Validation and conversion of application packages, with cwltool itself as the runner of what was converted."""

from pathlib import Path

import pytest

from bai_kit.errors import PackageError
from bai_kit.package import document as packages
from tests.bai_kit.package.documents import tool, with_default, workflow

ROOT = Path(__file__).parents[3]


def test_our_own_package_is_valid_and_says_what_a_run_needs() -> None:
    valid = packages.validate(ROOT / "bai/bai.cwl")
    assert valid.processes == ("main (Workflow)", "bai (CommandLineTool)")
    assert [name for name in valid.inputs if not name.endswith("?")] == ["pre_fire_url", "post_fire_url"]
    assert valid.needs == ()
    assert "  inputs     pre_fire_url, post_fire_url, " in valid.__rich__()


def test_the_charts_copy_is_what_convert_makes_of_our_package() -> None:
    copy = ROOT / "charts/bai-chart/files/app-package.json"
    assert copy.read_text() == packages.convert(ROOT / "bai/bai.cwl"), f"run: bai-kit package convert -o {copy}"


def test_our_package_is_found_beside_the_toolkit() -> None:
    assert packages.own_package().resolve() == ROOT / "bai/bai.cwl"


def test_a_container_that_is_required_is_named(tmp_path: Path) -> None:
    tool(tmp_path, more="requirements: {DockerRequirement: {dockerPull: 'a/b:1'}}\n")
    valid = packages.validate(workflow(tmp_path, "tool.cwl"))
    assert valid.needs == ("a container engine, because tool.cwl runs only in the image a/b:1",)


def test_a_process_without_a_program_and_a_default_that_cannot_be_fetched_are_named(tmp_path: Path) -> None:
    path = with_default(tmp_path, "{class: File, location: 'http://ada:secret@127.0.0.1:9/a'}")
    (need,) = packages.validate(path).needs
    assert need.endswith("because the default http://127.0.0.1:9/a cannot be fetched: ConnectionError")
    path.write_text("cwlVersion: v1.2\nclass: Operation\nid: later\ninputs: {text: string}\noutputs: {out: File}\n")
    assert packages.validate(path).needs == ("a program for later, because an Operation has none",)


def test_an_input_that_cwltool_cannot_take_is_named(tmp_path: Path) -> None:
    path = tool(tmp_path)
    path.write_text(path.read_text().replace("inputs: {text:", "inputs: {class:"))
    (need,) = packages.validate(path).needs
    assert need.startswith("another name of the input `class` of tool, ")


def test_a_value_without_a_json_form_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match="a value has no JSON form"):
        packages.convert(tool(tmp_path, more="s:x: .nan\n$namespaces: {s: 'https://s/'}\n"))


def test_a_file_is_written_whole_and_readable(tmp_path: Path) -> None:
    target = tmp_path / "new/app.json"
    assert packages.write("{}\n", target).bytes == 3
    assert target.read_text() == "{}\n"
    assert oct(target.stat().st_mode)[-3:] == "644"
    assert [path.name for path in target.parent.iterdir()] == ["app.json"]
    with pytest.raises(PackageError, match="cannot write"):
        packages.write("{}", target / "below-a-file.json")
