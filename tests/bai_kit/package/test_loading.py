"""Which process a package starts with, and how faults are named."""

from pathlib import Path

import pytest

from bai_kit.errors import PackageError
from bai_kit.package.loading import load
from tests.bai_kit.package.documents import tool, workflow


def entry(package: Path | str) -> str:
    return load(package).entry.rpartition("/")[2]


def test_the_entry_point_is_the_one_named_or_main_or_the_one_that_no_other_runs(tmp_path: Path) -> None:
    path = workflow(tmp_path, "'#say'", name="water-extent", graph=("say",))
    assert entry(path) == "workflow.cwl#water-extent"
    assert entry(f"{path}#say") == "workflow.cwl#say"
    assert entry(workflow(tmp_path, "'#say'", graph=("say", "other"))) == "workflow.cwl#main"


def test_without_an_entry_point_the_candidates_are_listed(tmp_path: Path) -> None:
    path = workflow(tmp_path, "'#say'", name="a", graph=("say", "other"))
    with pytest.raises(PackageError, match="several processes could be run and none is named main") as error:
        load(path)
    assert error.value.hint == f"name one of {path}#a, {path}#other"
    with pytest.raises(PackageError, match="no process is named b") as error:
        load(f"{path}#b")
    assert str(error.value.hint).endswith(f"{path}#a, {path}#say, {path}#other")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: 1\nb: 2\na: 3\n", "duplicate key"),
        ("a: [1\n", "bad.cwl:2:1: "),
        ("[1, 2]\n", "not a CWL document"),
        ("a: 1\n", "not a CWL document"),
        ("", "not a CWL document"),
        ("class: CommandLineTool\n", "No cwlVersion found"),
        ("class: CommandLineTool\ncwlVersion: v9\n", "no longer supports"),
        ("class: CommandLineTool\ncwlVersion: v1.2\ninputs: 5\noutputs: []\n", "'int' object is not iterable"),
        ("cwl:tool: tool.cwl\n", "cannot read .*tool.cwl: No such file"),
    ],
)
def test_a_file_that_is_no_package_is_refused_with_its_reason_in_one_line(
    tmp_path: Path, text: str, reason: str
) -> None:
    (tmp_path / "bad.cwl").write_text(text)
    with pytest.raises(PackageError, match=reason) as error:
        load(tmp_path / "bad.cwl")
    assert str(tmp_path / "bad.cwl") in error.value.message


def test_extensions_of_cwltool_are_known(tmp_path: Path) -> None:
    more = "$namespaces: {cwltool: 'http://commonwl.org/cwltool#'}\nhints: {cwltool:Secrets: {secrets: [text]}}\n"
    assert entry(tool(tmp_path, more=more)) == "tool.cwl#tool"
    with pytest.raises(PackageError, match="secretz"):
        load(tool(tmp_path, more=more.replace("hints", "requirements").replace("secrets:", "secretz:")))


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ("workerMemory: 1G", "workerCores: missing"),
        (
            "workerCores: 2, workerCoresLimit: 1, workerMemory: 1G, clusterMaxCores: 2, clusterMaxMemory: 4G",
            "workerCores",
        ),
        (
            "workerCores: 1, workerCoresLimit: 1, workerMemory: 1X, clusterMaxCores: 2, clusterMaxMemory: 4G",
            "workerMemory",
        ),
    ],
)
def test_a_wrong_dask_requirement_is_refused_though_it_is_a_hint(tmp_path: Path, fields: str, reason: str) -> None:
    more = '$namespaces: {d: "https://calrissian-cwl.github.io/schema#"}\n'
    path = tool(tmp_path, more=more + f"hints:\n  d:DaskGatewayRequirement: {{{fields}}}\n")
    with pytest.raises(PackageError, match=rf"tool\.cwl:10.*{reason}"):
        load(path)
