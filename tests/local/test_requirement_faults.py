"""Test that `cwl-dask` leaves no cluster, process or temporary file if any of its processes is killed."""

import os
import signal
from pathlib import Path

import pytest

from tests.local.steps import WAIT, Run, eventually, package


@pytest.fixture
def run(tmp_path):
    """Start a run with its own gateway, whose step waits."""
    run = Run(tmp_path, "--dask-gateway", "local", package(tmp_path, WAIT), "--number", 1)
    run.wait_for("the step waits")
    yield run
    run.process.kill()
    run.process.wait()


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_cancels_dismisses_and_says_so(run, signum):
    run.process.send_signal(signum)
    assert run.ended() == 128 + signum
    assert f"stopping on {signum.name}: ending steps and dismissing clusters" in run.said
    assert "dismissed cluster" in run.said
    assert "Traceback" not in run.said
    assert run.left() == []


def test_a_killed_runner_leaves_nothing(run):
    os.kill(run.runner, signal.SIGKILL)
    assert run.ended() == 128 + signal.SIGKILL
    assert run.left() == []


def test_a_killed_supervisor_lets_the_runner_stop_in_order(run):
    run.process.kill()
    run.process.wait()
    eventually(lambda: run.left() == [])
    assert "dismissed cluster" in run.said


def test_no_step_runs_on_when_runner_and_supervisor_are_killed(run):
    for process in (run.runner, run.process.pid):
        os.kill(process, signal.SIGKILL)
    run.process.wait()
    eventually(lambda: [words for words in run.left() if " " in words] == [])  # files stay, no process


def test_a_gateway_that_is_killed_takes_its_clusters_with_it_and_the_run_ends(run):
    (server,) = (pid for pid in children_of(run.runner) if "cwl_dask.local.server" in command(pid))
    (step,) = (pid for pid in children_of(run.runner) if "step.py" in command(pid))
    os.kill(server, signal.SIGKILL)
    os.kill(step, signal.SIGTERM)  # an application that uses its cluster fails without it
    assert run.ended() == 1
    assert "ended with its gateway, which does not answer" in run.said
    assert run.left() == []


def children_of(parent):
    return map(int, Path(f"/proc/{parent}/task/{parent}/children").read_text().split())


def command(pid):
    return Path(f"/proc/{pid}/cmdline").read_text()
