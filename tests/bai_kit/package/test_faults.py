"""Test how faults of packages are named."""

from pathlib import Path

import pytest
from cwltool.errors import WorkflowException

from bai_kit.errors import PackageError
from bai_kit.package import faults
from bai_kit.package.faults import reasons
from bai_kit.package.loading import load
from tests.bai_kit.package.documents import tool, workflow


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
    monkeypatch.setattr(faults, "LOAD_S", 0.001)
    with pytest.raises(PackageError, match=r"takes more than 0\.001 s to load"):
        load(tool(tmp_path))


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


def test_a_place_at_an_address_with_a_port_stays_whole() -> None:
    lines = "http://h:80/a.cwl:2:1: the 'x' field is not valid\nhttp://h:80/a.cwl:2:3:   item is invalid"
    assert (
        faults.reasons(WorkflowException(lines)) == " http://h:80/a.cwl:2:3: the 'x' field is not valid item is invalid"
    )
