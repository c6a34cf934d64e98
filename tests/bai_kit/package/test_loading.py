"""Which process a package starts with, and how faults are named."""

from pathlib import Path

import pytest

from bai_kit.errors import PackageError
from bai_kit.package import loading
from bai_kit.package.loading import load, parse_yaml, reasons
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


def test_yaml_is_read_as_yaml_1_2_and_dates_stay_text() -> None:
    text = "on: no\ntime: 12:30:00\ndate: 2024-05-01\nten: 010\nnorway: NO\n"
    assert parse_yaml(text, "a") == {
        "on": "no", "time": "12:30:00", "date": "2024-05-01", "ten": 10, "norway": "NO",
    }  # fmt: skip


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


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("baseCommand", "baseComand", "tool.cwl:4:1: .*baseComand"),
        ("type: string", "type: strange", "strange"),
        ("out: stdout", "out: {type: stdout, outputBinding: {glob: a}}", "Not allowed to specify outputBinding"),
        ("id: tool", "id: tool\nrequirements: {NoSuchRequirement: {}}", "NoSuchRequirement"),
    ],
)
def test_invalid_cwl_is_refused_with_its_whole_reason(tmp_path: Path, old: str, new: str, reason: str) -> None:
    path = tool(tmp_path)
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(PackageError, match=reason):
        load(path)


def test_a_step_with_an_unknown_source_is_refused_with_its_line(tmp_path: Path) -> None:
    tool(tmp_path)
    path = workflow(tmp_path, "tool.cwl")
    path.write_text(path.read_text().replace("in: {text: text}", "in: {text: txet}"))
    with pytest.raises(PackageError, match=r"workflow\.cwl:8:.*txet"):
        load(path)


def test_a_workflow_that_runs_itself_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match=r"cannot load .*workflow\.cwl"):
        load(workflow(tmp_path, "workflow.cwl", more="requirements: {SubworkflowFeatureRequirement: {}}\n"))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # wherever the limit ends cwltool's work
def test_loading_has_a_time_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "LOAD_S", 0.001)
    with pytest.raises(PackageError, match=r"takes more than 0\.001 s to load"):
        load(tool(tmp_path))


def test_extensions_of_cwltool_are_known(tmp_path: Path) -> None:
    more = "$namespaces: {cwltool: 'http://commonwl.org/cwltool#'}\nhints: {cwltool:Secrets: {secrets: [text]}}\n"
    assert entry(tool(tmp_path, more=more)) == "tool.cwl#tool"
    with pytest.raises(PackageError, match="secretz"):
        load(tool(tmp_path, more=more.replace("hints", "requirements").replace("secrets:", "secretz:")))


def test_a_reason_without_a_place_stands_alone(tmp_path: Path) -> None:
    path = tmp_path / "tool.cwl"
    path.write_text(
        "cwlVersion: v1.2\nclass: CommandLineTool\nbaseCommand: echo\noutputs: []\n"
        "inputs: {text: {type: string, default: {$include: ../outside}}}\n"
    )
    (tmp_path / "package").mkdir()
    inside = path.rename(tmp_path / "package" / "tool.cwl")
    (tmp_path / "outside").write_text("secret")
    with pytest.raises(PackageError) as caught:
        load(inside)
    assert str(caught.value).startswith(f"cannot load {inside}: cannot read {tmp_path}/outside: ")


def test_messages_of_several_lines_become_one_sentence_with_its_place() -> None:
    text = "Tool definition failed initialization:\n/a/b.cwl:3:5: Field `run`\n/a/b.cwl:3:5:   contains\n/a/b.cwl:3:5:   nothing"
    assert reasons(ValueError(text)) == " /a/b.cwl:3:5: Field `run` contains nothing"


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
