"""Test what a local run does before and after its runner; tests/local runs the runner itself."""

import logging
import signal
from pathlib import Path

import pytest

from bai_kit import local
from bai_kit.errors import JobFailed, OutputError, SetupError
from bai_kit.package.document import own_package
from bai_kit.progress import Progress

PYTHON = ["python", "-c"]


class Lines(Progress):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def line(self, text: str) -> None:
        self.lines.append(text)


def test_results_move_into_a_new_folder_or_one_that_is_empty(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    for home, outputs in [("new", {"m": {"class": "Directory", "basename": "map"}}), ("home", {})]:
        (tmp_path / "written/map").mkdir(parents=True)
        (tmp_path / "written/map/a.tif").touch()
        local._move_home(outputs, tmp_path / "written", tmp_path / home)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a.tif"]
    assert [path.name for path in (tmp_path / "home").iterdir()] == ["map"]


def test_a_package_without_files_has_an_empty_results_folder(tmp_path: Path) -> None:
    local._move_home({"area": 41.5}, tmp_path / "written", tmp_path / "home")
    assert list((tmp_path / "home").iterdir()) == []


def test_a_directory_that_cannot_be_made_is_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "check_inputs", lambda *_: {})
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"cannot write results to .*file/home"):
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
    assert error.value.hint == "pip install -e '.[local]'  # in a checkout of bai-kit"


def test_quiet_is_passed_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for level, quiet in [(logging.INFO, False), (logging.WARNING, True)]:
        monkeypatch.setattr(logging.getLogger("bai_kit"), "level", level)
        assert ("--quiet" in local._command(tmp_path / "a.cwl", tmp_path)) is quiet
