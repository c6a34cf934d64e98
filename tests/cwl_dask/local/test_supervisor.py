"""Test the supervisor that outlives a killed runner; each test starts one with a child that simulates a fault."""

import os
import signal
import subprocess
import sys

import pytest

START = (
    "import os, signal, subprocess, sys, time\nfrom cwl_dask.local import supervisor\ndirectory = supervisor.fork()\n"
)
ORPHAN = "subprocess.Popen(['sleep', '60'], start_new_session=True)\n"
DEAF = "subprocess.Popen(['sh', '-c', 'trap \"\" TERM; sleep 60 & wait; wait'], start_new_session=True)\n"


def run(tmp_path, script, **options):
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    return subprocess.run([sys.executable, "-c", START + script], env=environment, timeout=30, check=False, **options)


@pytest.mark.parametrize(
    ("end", "code"),
    [("", 0), ("sys.exit(75)", 75), ("raise ValueError", 1), ("os.kill(os.getpid(), signal.SIGKILL)", 137)],
)
def test_the_childs_end_is_the_commands_and_nothing_is_left(tmp_path, left_running, end, code):
    done = run(tmp_path, ORPHAN + "(directory / 'file').touch()\n" + end, stderr=subprocess.DEVNULL)
    assert done.returncode == code
    assert left_running() == []
    assert list(tmp_path.iterdir()) == []


def test_an_orphan_that_does_not_listen_is_killed(tmp_path, left_running):
    script = START.replace("directory =", "supervisor.PATIENCE_S = 0.3\ndirectory =") + DEAF
    subprocess.run([sys.executable, "-c", script], env=os.environ | {"TMPDIR": str(tmp_path)}, timeout=30, check=True)
    assert left_running() == []


def test_temporary_files_are_the_runs_and_may_be_kept(tmp_path):
    script = "import tempfile\nprint(tempfile.mkdtemp())\n(directory / supervisor.KEEP).touch()"
    done = run(tmp_path, script, stdout=subprocess.PIPE, text=True)
    (directory,) = tmp_path.iterdir()
    assert done.stdout.startswith(f"{directory}/")


def test_signals_reach_the_child(tmp_path):
    script = START + "signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))\nprint('up', flush=True)\nsignal.pause()"
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    with subprocess.Popen([sys.executable, "-c", script], env=environment, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"up\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 7
