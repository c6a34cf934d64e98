"""Test the options and signals of `cwl-dask`; tests/local runs packages with it."""

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
