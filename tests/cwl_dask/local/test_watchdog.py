"""Test the watchdog between the runner and a step with real processes."""

import signal
import subprocess
import sys

import pytest

from cwl_dask.local import engine, watchdog
from tests.local.steps import eventually

LEFT_BEHIND = "import subprocess\nsubprocess.Popen(['sleep', '60'], start_new_session=True)\n"
DEAF = "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('up', flush=True)\ntime.sleep(60)"


def python(script, **options):
    return engine.watched([sys.executable, "-c", script], **options)


@pytest.mark.parametrize(
    ("end", "code"), [("", 0), ("raise SystemExit(75)", 75), ("import os; os.kill(os.getpid(), 9)", -9)]
)
def test_the_end_of_the_command_is_the_end_of_the_watchdog_and_nothing_is_left(left_running, end, code):
    done = subprocess.run(python(LEFT_BEHIND + end), check=False)
    assert done.returncode == code
    assert left_running() == []


def test_a_command_that_cannot_start_is_named():
    done = subprocess.run(engine.watched(["no-such-program"]), check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (
        watchdog.NOT_FOUND,
        "cannot start no-such-program: No such file or directory\n",
    )


def test_the_command_ends_when_the_parent_is_killed(left_running):
    command = ["sh", "-c", "echo up; sleep 60; true"]
    parent = f"import subprocess\nfrom cwl_dask.local.engine import watched\nsubprocess.run(watched({command}))"
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"up\n"
        eventually(lambda: len(left_running()) == 4)  # parent, watchdog, shell, sleep
        process.kill()
    eventually(lambda: left_running() == [])


def test_a_signal_is_passed_on_and_a_command_that_ignores_it_is_killed():
    with subprocess.Popen(python(DEAF, patience_s=1), stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"up\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == -signal.SIGKILL


def test_a_container_is_removed_when_its_client_was_asked_to_end(tmp_path):
    removal = [sys.executable, "-c", f"open({str(tmp_path / 'removed')!r}, 'w')"]
    with subprocess.Popen(python(DEAF, removal=removal, patience_s=0), stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"up\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == -signal.SIGKILL
    assert (tmp_path / "removed").exists()


def test_the_command_has_the_signal_handling_of_a_fresh_process():
    done = subprocess.run(
        engine.watched(["sh", "-c", "grep -E '^Sig(Blk|Ign)' /proc/self/status"]),
        check=True,
        capture_output=True,
        text=True,
    )
    # The C library keeps signals 32 and 33 for itself: a process inherits them as its parent was given them.
    settable = sum(1 << number - 1 for number in signal.valid_signals())
    assert [int(line.split()[1], 16) & settable for line in done.stdout.splitlines()] == [0, 0]


def test_the_command_has_the_environment_that_it_was_given_and_no_more():
    done = subprocess.run(
        engine.watched(["/usr/bin/env"]), env={"ONE": "1=1", "LANG": "C"}, capture_output=True, text=True, check=False
    )
    assert done.stdout.splitlines() == ["ONE=1=1", "LANG=C"]
