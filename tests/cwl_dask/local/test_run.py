"""Test the options and signals of `cwl-dask`; tests/local runs packages with it."""

import json
import os
import signal
import subprocess

import pytest

from cwl_dask.local import run
from tests.local.steps import CWL_DASK


@pytest.mark.parametrize(
    ("options", "program"),
    [([], "docker"), (["--podman"], "podman"), (["--singularity"], "singularity"), (["--no-container"], None)],
)
def test_cwltools_options_choose_the_engine_of_the_clusters_too(options, program):
    engine = run._engine(run._parser().parse_args([*options, "package.cwl"]))
    assert (engine and engine.program) == program


@pytest.mark.parametrize("first", [signal.SIGINT, signal.SIGTERM])
def test_two_signals_at_any_time_leave_no_traceback(tmp_path, left_running, first):
    (tmp_path / "tool.cwl").write_text(
        "{cwlVersion: v1.2, class: CommandLineTool, baseCommand: [sleep, '60'], inputs: [], outputs: []}"
    )
    for wait_s in (0.05, 0.15, 0.3, 1.5):
        process = subprocess.Popen(
            [*CWL_DASK, "--outdir", str(tmp_path / "out"), str(tmp_path / "tool.cwl")],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"TMPDIR": str(tmp_path)},
        )
        try:
            _, said = process.communicate(timeout=wait_s)
        except subprocess.TimeoutExpired:
            process.send_signal(first)
            process.send_signal(signal.SIGTERM + signal.SIGINT - first)
            _, said = process.communicate(timeout=30)
        assert "Traceback" not in said
        assert "race condition" not in said
        assert process.returncode != 0
    assert left_running() == []


def test_json_lines_are_those_of_runner_and_step_in_one_form(tmp_path):
    """Lines of the runner, a step's own log lines, JSON lines and plain text arrive as objects with the same keys."""
    ready = {"time": "2026-01-01T00:00:00.000+00:00", "level": "INFO", "logger": "a", "function": "f", "line": 1}
    script = (
        f"import json; print('plain'); print('2026-01-01 00:00:00.000 | WARNING  | tool:f:7 - logged'); "
        f"print(json.dumps({ready | {'message': 'ready'}}))"
    )
    tool = {"cwlVersion": "v1.2", "class": "CommandLineTool", "baseCommand": ["python3", "-c", script]}
    (tmp_path / "tool.cwl").write_text(json.dumps(tool | {"inputs": [], "outputs": []}))
    done = subprocess.run(
        [*CWL_DASK, "--log-format", "json", "--no-container", "--outdir", "out", "tool.cwl"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert {tuple(line) for line in lines} == {("time", "level", "logger", "function", "line", "message")}
    said = {line["message"]: (line["level"], line["logger"]) for line in lines}
    assert said["plain"] == ("INFO", "")
    assert said["logged"] == ("WARNING", "tool")
    assert said["ready"] == ("INFO", "a")
    assert said["[job tool.cwl] completed success"] == ("INFO", "cwltool")
    assert json.loads(done.stdout) == {}
