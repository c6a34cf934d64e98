"""Test what a local run does before and after its runner; tests/local runs the runner itself."""

import json
import logging
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bai_kit import local
from bai_kit.errors import JobFailed, OutputError, SetupError, UsageError
from bai_kit.package.document import Package, own_package
from bai_kit.package.inputs import Text
from bai_kit.progress import Progress
from tests.bai_kit.package.documents import tool

PYTHON = ["python", "-c"]
PACKAGE = Package("{}", "v1.2", ("main (Workflow)",), (), ())


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
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["a.tif", "outputs.json"]
    assert sorted(path.name for path in (tmp_path / "home").iterdir()) == ["map", "outputs.json"]


def test_a_package_without_files_has_a_results_folder(tmp_path: Path) -> None:
    local._move_home({"area": 41.5}, tmp_path / "written", tmp_path / "home")
    assert [path.name for path in (tmp_path / "home").iterdir()] == ["outputs.json"]


def test_a_full_disk_leaves_no_incomplete_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(local, "save", full)
    with pytest.raises(OSError, match="No space left"):
        local._move_home({"area": 41.5}, tmp_path / "written", tmp_path / "home")
    assert not (tmp_path / "home").exists()


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


def test_scratch_of_a_killed_run_goes_away_with_the_next_run_there(tmp_path: Path) -> None:
    code = "import os, sys; from pathlib import Path; from bai_kit import local\n"
    code += "with local._scratch(Path(sys.argv[1])): os.kill(os.getpid(), 9)"
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "out")], check=False)
    (tmp_path / "bai-kit-of-the-user").mkdir()
    assert len(list(tmp_path.iterdir())) == 2
    with local._scratch(tmp_path / "out") as first, local._scratch(tmp_path / "out") as second:
        assert sorted(tmp_path.iterdir()) == sorted([first, second, tmp_path / "bai-kit-of-the-user"])


def test_the_reason_of_a_failure_is_the_one_that_the_runner_wrote(tmp_path: Path) -> None:
    event = {"kind": "step", "step": "a", "code": 7, "temporary": False, "message": "the disk is full"}
    code = f"""
import os, sys
open(os.environ["CWL_DASK_FAILURE"], "w").write({json.dumps(json.dumps(event))})
sys.stderr.write("t | ERROR    | a:b:1 - another line\\n")
sys.exit(75)"""
    progress = Lines()
    with pytest.raises(JobFailed, match=r"^the workflow failed with exit code 75: the disk is full$") as error:
        local._run([*PYTHON, code], tmp_path / "failure.json", progress)
    assert error.value.exit_code == 75
    assert len(progress.lines) == 1


def test_outputs_are_read_and_the_handlers_of_signals_are_back(tmp_path: Path) -> None:
    before = [signal.getsignal(number) for number in local.SIGNALS]
    assert local._run([*PYTHON, "print('{\"a\": 1}')"], tmp_path / "none", Lines()) == {"a": 1}
    assert [signal.getsignal(number) for number in local.SIGNALS] == before


def test_a_runner_that_is_killed_is_a_failure(tmp_path: Path) -> None:
    with pytest.raises(JobFailed, match="exit code -9") as error:
        local._run([*PYTHON, "import os; os.kill(os.getpid(), 9)"], tmp_path / "none", Lines())
    assert error.value.exit_code == 1


def test_what_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "_installed", lambda name: name != "dask_gateway_server")
    with pytest.raises(SetupError, match="needs dask_gateway_server") as error:
        local._check_installed(PACKAGE, "none")
    assert error.value.hint == "pip install -e '.[local]'  # in a checkout of bai-kit"


def test_quiet_is_passed_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for level, quiet in [(logging.INFO, False), (logging.WARNING, True)]:
        monkeypatch.setattr(logging.getLogger("bai_kit"), "level", level)
        assert ("--quiet" in local._command(tmp_path / "a.cwl", tmp_path, "none")) is quiet


def test_what_this_machine_cannot_run_is_said_before_anything_starts(tmp_path: Path) -> None:
    package = tool(tmp_path, more="requirements: {DockerRequirement: {dockerPull: 'a/b:1'}}\n")
    with pytest.raises(SetupError, match="it needs a container engine, because tool runs only in the image a/b:1"):
        local.run_local(package, {"text": "hi"}, tmp_path / "out", Lines())
    assert not (tmp_path / "out").exists()


def test_files_that_do_not_exist_are_all_named_before_anything_starts(tmp_path: Path) -> None:
    package = tool(tmp_path)
    package.write_text(package.read_text().replace("type: string", "type: 'File[]'"))
    with pytest.raises(UsageError, match=r"^inputs: /none/a does not exist; /none/b does not exist$"):
        local.run_local(package, {"text": Text("/none/a,/none/b")}, tmp_path / "out", Lines())


def test_an_unknown_engine_and_one_that_is_not_installed_are_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="unknown container engine rkt: choose one of none, podman, docker, apptainer"):
        local._check_engine("rkt")
    with pytest.raises(SetupError, match="cannot use the container engine apptainer: singularity is not on PATH"):
        local._check_engine("apptainer")


@pytest.mark.parametrize(("engine", "option"), [("none", "--no-container"), ("podman", "--podman")])
def test_the_engine_is_an_option_of_the_runner(engine: str, option: str, tmp_path: Path) -> None:
    assert option in local._command(tmp_path / "a.cwl", tmp_path, engine)
