"""What a local run does around its runner; the runner itself is in tests/local."""

import json
import logging
import signal
from pathlib import Path

import pytest

from bai_kit import local
from bai_kit.errors import JobFailed, SetupError
from bai_kit.package.document import own_package
from bai_kit.progress import Progress

PYTHON = ["python", "-c"]


class Lines(Progress):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def line(self, text: str) -> None:
        self.lines.append(text)


def test_the_contents_of_an_only_directory_become_the_results(tmp_path: Path) -> None:
    (tmp_path / "written/map").mkdir(parents=True)
    (tmp_path / "written/map/a.tif").touch()
    outputs = {"results": {"class": "Directory", "basename": "map"}}
    local._move_home(outputs, tmp_path / "written", tmp_path / "home")
    assert [path.name for path in (tmp_path / "home").iterdir()] == ["a.tif"]


def test_several_outputs_keep_their_names_and_an_empty_directory_is_taken(tmp_path: Path) -> None:
    (tmp_path / "written").mkdir()
    (tmp_path / "written/a.txt").touch()
    (tmp_path / "home").mkdir()
    outputs = {"text": {"class": "File", "basename": "a.txt"}, "other": None}
    local._move_home(outputs, tmp_path / "written", tmp_path / "home")
    assert [path.name for path in (tmp_path / "home").iterdir()] == ["a.txt"]


def test_a_directory_that_cannot_be_made_is_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "check_inputs", lambda *_: {})
    (tmp_path / "file").touch()
    with pytest.raises(SetupError, match=r"cannot be written to .*file/home"):
        local.run_local(own_package(), {}, tmp_path / "file/home", Lines())


def test_scratch_goes_away_after_a_failure_too(tmp_path: Path) -> None:
    def fail() -> None:
        with local._scratch(tmp_path / "out") as scratch:
            assert scratch.parent == tmp_path
            (scratch / "file").touch()
            raise EOFError

    with pytest.raises(EOFError):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_the_python_of_a_step_is_ours_and_the_first_error_is_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    code = "import sys; w = sys.stderr.write; w('t | ERROR    | a:b:1 - cause\\n'); w('t | ERROR    | a:b:2 - effect\\n'); sys.exit(75)"
    progress = Lines()
    with pytest.raises(JobFailed, match=r"^the workflow failed with exit code 75: cause$") as error:
        local._run([*PYTHON, code], progress)
    assert error.value.exit_code == 75
    assert len(progress.lines) == 2


def test_outputs_are_read_and_the_handlers_of_signals_are_back(monkeypatch: pytest.MonkeyPatch) -> None:
    before = [signal.getsignal(number) for number in local.SIGNALS]
    assert local._run([*PYTHON, "print('{\"a\": 1}')"], Lines()) == {"a": 1}
    assert [signal.getsignal(number) for number in local.SIGNALS] == before


def test_a_runner_that_is_killed_is_a_failure() -> None:
    with pytest.raises(JobFailed, match="exit code -9") as error:
        local._run([*PYTHON, "import os; os.kill(os.getpid(), 9)"], Lines())
    assert error.value.exit_code == 1


def test_what_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "_installed", lambda name: name != "dask_gateway_server")
    with pytest.raises(SetupError, match="needs dask_gateway_server") as error:
        local._check_installed()
    assert error.value.hint == "pip install 'bai-kit[local]'"


def test_quiet_is_passed_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for level, quiet in [(logging.INFO, False), (logging.WARNING, True)]:
        monkeypatch.setattr(logging.getLogger("bai_kit"), "level", level)
        assert ("--quiet" in local._command(tmp_path / "a.cwl", tmp_path)) is quiet


@pytest.mark.parametrize("report", [None, "no json", "[]", "{}", '{"area": {"classes": [{"label": 1}]}}'])
def test_a_report_of_another_application_is_not_read(tmp_path: Path, report: str | None) -> None:
    if report is not None:
        (tmp_path / "report.json").write_text(report)
    assert local._severity(tmp_path / "report.json") == ()


def test_the_summary_says_what_burned_and_where_to_look(tmp_path: Path) -> None:
    classes = [{"label": "High severity", "lower": 0.66, "hectares": 1234.5, "share": 0.25}]
    (tmp_path / "report.json").write_text(json.dumps({"area": {"classes": classes}}))
    (tmp_path / "bai.png").write_bytes(bytes(1_500_000))
    text = local.describe(tmp_path, 2.04).__rich__()
    assert "     1,234.5 ha   25.0%  High severity\n" in text
    assert f"results: {tmp_path} (2 files, 1.5 MB in 2.0 s)\n" in text
    assert text.endswith(str(tmp_path / "bai.png"))
