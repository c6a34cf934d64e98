"""Test the entry point of the Calrissian runner as a process, without Calrissian and without Kubernetes."""

import importlib.util
import json
import os
import signal
import subprocess
import sys

import pytest

ENTRY = "from cwl_dask.calrissian.main import entry\nentry()"
WAITING = """
import sys, time, types
import cwl_dask.calrissian
patches = types.ModuleType("cwl_dask.calrissian.patches")
patches.run = lambda session: print("ready", flush=True) or time.sleep(60)
sys.modules[patches.__name__] = cwl_dask.calrissian.patches = patches
"""
"""Replaces Calrissian by a runner that waits."""


@pytest.mark.skipif(importlib.util.find_spec("calrissian") is not None, reason="Calrissian is installed")
def test_without_calrissian_one_line_says_what_to_install():
    done = subprocess.run([sys.executable, "-c", ENTRY], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert "Calrissian is not installed: use the image" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_runner_with_its_number_and_is_the_reason(tmp_path, signum):
    failure = tmp_path / "failure.json"
    process = subprocess.Popen(
        [sys.executable, "-c", WAITING + ENTRY],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"CWL_DASK_FAILURE": str(failure), "KUBECONFIG": str(tmp_path / "none")},
    )
    with process:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signum)
        _, said = process.communicate(timeout=30)
    assert process.returncode == 128 + signum, said
    assert f"stopping on {signum.name}: removing the steps' pods and clusters" in said
    assert "Traceback" not in said
    assert json.loads(failure.read_text())["kind"] == "stopped"
