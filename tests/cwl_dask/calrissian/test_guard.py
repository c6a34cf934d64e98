"""Test runner and guard as two processes that share a folder."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from cwl_dask.calrissian.guard import DONE, Ledger, wait_for_runner
from tests.cwl_dask.gateway import FakeGateway
from tests.local.steps import eventually

RUNNER = """
import sys
from cwl_dask.calrissian.guard import Ledger
ledger = Ledger(sys.argv[1])
ledger.add("pod", "step-1")
ledger.add("cluster", "one")
ledger.add("cluster", "fake")
{}
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def runner(tmp_path):
    """Start a runner that holds the ledger until its standard input ends."""
    started = []

    def start(then=""):
        command = [sys.executable, "-c", RUNNER.format(then), str(tmp_path)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        started.append(process)
        assert process.stdout.readline() == b"ready\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def waiting(folder, start_s=5.0):
    """Start a guard in a thread; return the thread and a list for its answer."""
    answer = []
    thread = threading.Thread(target=lambda: answer.append(wait_for_runner(folder, start_s)))
    thread.start()
    return thread, answer


def test_the_guard_waits_for_a_runner_that_starts_later_and_while_it_lives(runner, tmp_path):
    thread, answer = waiting(tmp_path)
    process = runner()
    thread.join(0.3)
    assert thread.is_alive()
    process.send_signal(signal.SIGKILL)
    thread.join(5)
    assert answer == [["one", "fake"]]


def test_nothing_is_owed_after_an_orderly_end(runner, tmp_path):
    removals = (
        "for kind, name in (('pod', 'step-1'), ('cluster', 'one'), ('cluster', 'fake')): ledger.remove(kind, name)"
    )
    process = runner(f"{removals}\nledger.close()")
    process.communicate()
    assert wait_for_runner(tmp_path) == [DONE]


def test_what_the_runner_could_not_remove_is_still_owed_after_its_end(runner, tmp_path):
    process = runner("ledger.remove('cluster', 'one'); ledger.close()")
    process.communicate()
    assert wait_for_runner(tmp_path) == ["one", "fake"]


def test_a_line_that_was_never_finished_is_not_a_name(runner, tmp_path):
    process = runner("import os; os.write(ledger._file, b'cluster half')")
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert wait_for_runner(tmp_path) == ["one", "fake"]


def test_a_runner_that_never_comes_does_not_keep_the_pod(tmp_path):
    assert wait_for_runner(tmp_path, start_s=0.1) == [DONE]


def test_without_a_folder_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ledger = Ledger(None)
    ledger.add("cluster", "one")
    ledger.remove("cluster", "one")
    ledger.close()
    assert not list(tmp_path.iterdir())


def test_waiting_costs_neither_processor_time_nor_imports(runner, tmp_path):
    runner()
    imported = tmp_path / "imported"
    with imported.open("w") as said:
        guard = subprocess.Popen(
            [sys.executable, "-X", "importtime", "-m", "cwl_dask.calrissian.guard"],
            env=os.environ | {"CWL_DASK_GUARD": str(tmp_path)},
            stderr=said,
        )
    try:
        eventually(lambda: waits_for(tmp_path / "ledger", guard.pid))
        before = processor_ns(guard.pid)
        with pytest.raises(subprocess.TimeoutExpired):
            guard.wait(0.5)
        assert processor_ns(guard.pid) == before
    finally:
        guard.kill()
        guard.wait()
    names = {line.rpartition("|")[2].strip().partition(".")[0] for line in imported.read_text().splitlines()}
    assert {"fcntl", "pathlib"} <= names
    assert not names & {"logging", "asyncio", "kubernetes", "dask", "dask_gateway"}


def waits_for(file, pid):
    """Tell whether a process has the file open and sleeps."""
    process = Path(f"/proc/{pid}")
    return (
        file in [entry.resolve() for entry in (process / "fd").iterdir()] and ") S " in (process / "stat").read_text()
    )


def processor_ns(pid):
    """Return the processor time of a process in nanoseconds."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0])


def test_the_guard_stops_the_cluster_of_a_killed_runner_and_says_so_in_the_jobs_log(runner, tmp_path):
    log = tmp_path / "run.log"
    log.write_text("the runner's last line\n")
    with FakeGateway(becomes="RUNNING") as gateway:
        gateway.status, gateway.lost_stops = "RUNNING", 2
        process = runner()
        variables = {
            "CWL_DASK_GUARD": str(tmp_path),
            "CWL_DASK_LOG": str(log),
            "CALRISSIAN_POD_NAME": "runner-1",
            "DASK_GATEWAY__ADDRESS": gateway.address,
        }
        guard = subprocess.Popen(
            [sys.executable, "-m", "cwl_dask.calrissian.guard"],
            env=os.environ | variables,
            stderr=subprocess.PIPE,
            text=True,
        )
        process.send_signal(signal.SIGKILL)
        start = time.monotonic()
        _, said = guard.communicate(timeout=30)
    assert time.monotonic() - start < 15
    assert gateway.status == "STOPPED"
    assert sum(call.startswith("DELETE") for call in gateway.calls) >= 3  # two were lost
    assert guard.returncode == 0
    assert "dismissed cluster fake after" in said
    assert "step pods may still run" in said  # there is no Kubernetes here
    assert log.read_text() == f"the runner's last line\n{said}"
