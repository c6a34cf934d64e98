"""Test the whole command line: options of every command, errors, exit codes, start-up time."""

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bai_kit import __version__
from bai_kit.cli.app import main
from bai_kit.errors import SetupError
from bai_kit.package import document as package

VALID = "cwlVersion: v1.2\nclass: CommandLineTool\nbaseCommand: 'true'\ninputs: []\noutputs: []\n"
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*args: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as exit_:
            main(args)
        return (exit_.value.code, *capsys.readouterr())

    return call


@pytest.fixture
def tool(tmp_path: Path) -> str:
    (tmp_path / "tool.cwl").write_text(VALID)
    return str(tmp_path / "tool.cwl")


def test_version(run: Run) -> None:
    assert run("--version") == (0, f"bai-kit {__version__}\n", "")


@pytest.mark.parametrize("where", [0, 1, 2, 3])
def test_options_of_every_command_may_stand_anywhere(run: Run, tool: str, where: int) -> None:
    words = ["package", "validate", tool]
    code, out, err = run(*words[:where], "--output", "json", "-q", *words[where:])
    assert (code, err) == (0, "")
    envelope = json.loads(out)
    assert (envelope["command"], envelope["status"]) == ("package validate", "ok")
    assert envelope["data"]["processes"] == ["main (CommandLineTool)"]


def test_a_result_for_people(run: Run, tool: str) -> None:
    code, out, _ = run("package", "validate", tool)
    assert code == 0
    assert out.startswith(f"{tool} is valid CWL v1.2\n")


def test_convert_writes_to_standard_output_or_to_a_file(run: Run, tool: str, tmp_path: Path) -> None:
    code, out, _ = run("package", "convert", tool)
    assert (code, json.loads(out)["class"]) == (0, "CommandLineTool")
    assert run("package", "convert", tool, "-o", str(tmp_path / "app.json"))[0] == 0
    assert (tmp_path / "app.json").read_text() == out


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (["--nope"], "No such option: --nope", "bai-kit --help"),
        (["rnu"], "No such command 'rnu'", "bai-kit --help"),
        (["package", "validate", "--nope"], "No such option: --nope", "bai-kit package validate --help"),
        (["package", "validate", "none.cwl"], "none.cwl: No such file or directory", None),
        (["run", "--local", "--param", "x"], "--param 'x' is not name=value", None),
        (
            ["run", "--local"],
            "pre_fire_url is missing (string); post_fire_url is missing (string)",
            "the package takes",
        ),
    ],
)
def test_a_wrong_call_ends_with_2_and_says_what_is_wrong(
    run: Run, words: list[str], message: str, hint: str | None
) -> None:
    code, out, err = run(*words)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert message in err
    assert (f"hint: {hint}" in err) if hint else ("hint:" not in err)
    code, out, err = run(*words, "--output", "json")
    assert (code, err) == (2, "")
    envelope = json.loads(out)
    assert (envelope["status"], envelope["exit_code"]) == ("error", 2)
    assert message in envelope["errors"][0]["message"]


def test_a_group_without_a_command_shows_its_help(run: Run) -> None:
    code, out, err = run("package")
    assert (code, err) == (2, "")
    assert "validate" in out


def test_an_error_of_ours_ends_with_its_code_and_shows_its_traceback_only_to_v(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise SetupError("no such machine", hint="buy one")

    monkeypatch.setattr(package, "validate", fail)
    assert run("package", "validate") == (3, "", "error: no such machine\nhint: buy one\n")
    assert "Traceback" in run("package", "validate", "-v")[2]


def test_an_unknown_exception_is_a_bug_and_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(package, "validate", fail)
    with pytest.raises(ZeroDivisionError):
        main(["package", "validate"])


def test_ctrl_c_ends_with_130(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(package, "validate", interrupt)
    assert run("package", "validate") == (130, "", "")


def test_a_reader_that_goes_away_ends_the_command_quietly(tool: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as stdout:
        done = subprocess.run(
            [sys.executable, "-m", "bai_kit", "package", "convert", tool],
            stdout=stdout, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert (done.returncode, done.stderr) == (1, "")


def test_help_is_there_at_once_and_loads_nothing_heavy() -> None:
    """The limit is twice the usual time. Processor time is measured, because other processes may be running."""
    code = "import sys; from bai_kit.cli.app import app; app(['--help'], standalone_mode=False); print(*sys.modules)"
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 0.5
    loaded = set(done.stdout.split("\n")[-2].split())
    heavy = {"kubernetes", "pydantic", "pyhelm3", "jinja2", "cwltool", "ruamel.yaml", "dask", "dask_gateway", "numpy"}
    assert not loaded & heavy


def test_completion_knows_the_commands() -> None:
    environment = {**os.environ, "_BAI_KIT_COMPLETE": "complete_bash", "COMP_WORDS": "bai-kit pa", "COMP_CWORD": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "bai_kit"], env=environment, capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == ["package"]


def test_sigint_of_a_whole_process_ends_it_with_130(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "never.yaml")  # reading it waits
    # A background job of a shell, such as a CI script may be, hands on that SIGINT is ignored.
    code = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from bai_kit.cli.app import main; main()"
    with subprocess.Popen(
        [sys.executable, "-c", code, "run", "--local", "--params", str(tmp_path / "never.yaml")],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        writer = os.open(tmp_path / "never.yaml", os.O_WRONLY)  # returns when the command reads
        process.send_signal(signal.SIGINT)
        try:
            _, err = process.communicate(timeout=30)
        finally:
            process.kill()
            os.close(writer)
    assert (process.returncode, err) == (130, b"")


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGHUP])
def test_a_stopping_signal_ends_the_command_in_order(run: Run, monkeypatch: pytest.MonkeyPatch, signum: int) -> None:
    cleaned: list[bool] = []

    def work(*_: object) -> None:
        try:
            os.kill(os.getpid(), signum)
            signal.pause()
        finally:
            os.kill(os.getpid(), signum)  # a second one does not interrupt the clean-up
            cleaned.append(True)

    monkeypatch.setattr(package, "validate", work)
    before = signal.signal(signum, signal.SIG_DFL)  # under `nohup` the tests ignore SIGHUP, and so would the command
    try:
        assert run("package", "validate") == (128 + signum, "", f"stopped by {signal.Signals(signum).name}\n")
        assert signal.getsignal(signum) is signal.SIG_DFL
    finally:
        signal.signal(signum, before)
    assert cleaned == [True]
