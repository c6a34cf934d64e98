"""Test how a step's whole output is stored, with the shells of this machine."""

import os
import shutil
import subprocess
import time

import pytest

from cwl_dask.calrissian import steplog

SHELLS = [shell for shell in ("/bin/sh", "/bin/dash", "/bin/bash") if shutil.which(shell)]


@pytest.fixture(params=SHELLS)
def step(request, tmp_path):
    """Run a command line as a step's pod does; returns the ended process and what its file holds."""
    path = steplog.create(tmp_path / "step.log")

    def run(command, **environment):
        container = {"args": [command]}
        steplog.wrap(container)
        arguments = [*container["args"][:-1], str(path)]
        environment = {**os.environ, "TMPDIR": str(tmp_path), **environment}
        ended = subprocess.run([request.param, "-c", *arguments], capture_output=True, env=environment, check=False)
        assert sorted(tmp_path.iterdir()) == [path]
        return ended, path.read_bytes()

    return run


def test_output_goes_to_the_pods_log_and_to_the_file(step):
    ended, kept = step("echo out; echo err >&2; exit 7")
    assert (ended.returncode, ended.stdout, kept) == (7, b"out\nerr\n", b"out\nerr\n")


@pytest.mark.parametrize(("command", "code"), [("true", 0), ("kill -9 $$", 137), ("no-such-program", 127)])
def test_the_exit_code_is_that_of_the_command(step, command, code):
    assert step(command)[0].returncode == code


def test_a_burst_is_kept_whole(step):
    ended, kept = step("seq 400000")
    assert ended.stdout == kept
    assert kept.count(b"\n") == 400_000


def test_an_image_without_tee_runs_its_command(step):
    ended, kept = step("echo out; exit 3", PATH="/nowhere")
    assert (ended.returncode, ended.stdout, ended.stderr, kept) == (3, b"out\n", b"", b"")


def test_a_process_that_the_step_leaves_behind_does_not_keep_it(step):
    start = time.monotonic()
    ended, kept = step("echo out; sleep 30 & exit 0")
    assert (ended.returncode, kept) == (0, b"out\n")
    assert time.monotonic() - start < 15


def test_the_outputs_of_all_steps_come_together_and_lines_are_counted(tmp_path):
    whole = tmp_path / "step.log"
    for text, count in (("a\nb\n", 2), ("", 0), ("c\nwithout newline", 2)):
        path = steplog.create(whole)
        path.write_text(text)
        assert steplog.collect(path, whole) == count
    assert whole.read_text() == "a\nb\nc\nwithout newline"
    assert list(tmp_path.iterdir()) == [whole]


def test_a_file_that_the_step_replaced_by_nothing_is_no_error(tmp_path):
    assert steplog.collect(tmp_path / "gone", tmp_path / "step.log") == 0
