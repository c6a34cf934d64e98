"""Test the way of a step's lines to the runner's standard error."""

import os
import pty
import subprocess

from cwl_dask.local.stepoutput import StepOutput


def written(text):
    with StepOutput() as output:
        subprocess.run(["printf", "%b", text], stderr=output.file, stdout=output.file, check=True)
        return output.last_line


def test_lines_are_passed_on_as_they_are_and_the_last_one_is_remembered(capfd):
    assert written("one\\ntwo \\n\\n") == "two"
    assert capfd.readouterr().err == "one\ntwo \n\n"


def test_the_prefix_of_a_log_line_is_left_out(capfd):
    assert written("2026-01-01 00:00:00.000 | ERROR    | tool:main:1 - the reason\\n") == "the reason"
    assert "tool:main:1" in capfd.readouterr().err


def test_without_output_there_is_no_line():
    assert written("") == ""


def test_a_step_writes_to_a_terminal_itself(monkeypatch):
    controller, terminal = pty.openpty()
    saved = os.dup(2)
    os.dup2(terminal, 2)
    try:
        with StepOutput() as output:
            assert output.file is None
            assert output.last_line == ""
    finally:
        os.dup2(saved, 2)
        for file in (saved, controller, terminal):
            os.close(file)
