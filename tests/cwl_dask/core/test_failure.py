"""Test the failure event that other programs read."""

import json
import logging

import pytest

from cwl_dask.core import failure
from cwl_dask.core.failure import Failure, Failures


@pytest.fixture
def event(tmp_path, monkeypatch):
    monkeypatch.setenv("CWL_DASK_FAILURE", str(tmp_path / "failure.json"))
    return tmp_path / "failure.json"


def failures(*reasons):
    made = Failures()
    for reason in reasons:
        made.add(reason)
    return made


def test_an_event_has_five_fields_and_no_half_written_file_stays(event):
    failure.report(1, failures(Failure("step", "no image", step="main", code=7)))
    assert json.loads(event.read_text()) == {
        "kind": "step",
        "step": "main",
        "code": 7,
        "temporary": False,
        "message": "no image",
    }
    assert list(event.parent.iterdir()) == [event]


def test_a_success_removes_the_event_of_an_earlier_run(event):
    failure.report(1, failures())
    assert json.loads(event.read_text())["kind"] == "internal"
    for _ in range(2):
        failure.report(0, failures(Failure("step", "no image")))
        assert not event.exists()


def test_a_signal_is_the_reason_and_the_exit_code_says_whether_another_try_may_help(event):
    failure.report(75, failures(Failure("step", "the step was stopped")), stopped=True)
    assert json.loads(event.read_text())["kind"] == "stopped"
    assert json.loads(event.read_text())["temporary"] is True


def test_a_full_volume_is_a_warning(event, monkeypatch, caplog):
    monkeypatch.setenv("CWL_DASK_FAILURE", str(event / "no" / "folder"))
    failure.report(1, failures(Failure("step", "no image")))
    assert "cannot write" in caplog.text


def test_without_the_variable_nothing_is_written(monkeypatch):
    monkeypatch.delenv("CWL_DASK_FAILURE", raising=False)
    failure.report(1, failures(Failure("step", "no image")))
    failure.report(0, failures())


@pytest.mark.parametrize("letter", ["x", "é", "\x1b", "😀"])
def test_the_termination_message_is_cut_and_stays_json(tmp_path, monkeypatch, letter):
    monkeypatch.setattr(failure, "TERMINATION_LOG", tmp_path / "log")
    (tmp_path / "log").touch()
    failure.report(1, failures(Failure("step", letter * 9000)))
    assert len((tmp_path / "log").read_bytes()) <= 4096
    assert json.loads((tmp_path / "log").read_text())["message"].startswith(letter * 50)


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        (
            "Tool definition failed validation:\na.cwl:3:1: no\n  b",
            "package",
            "Tool definition failed validation: a.cwl:3:1: no b",
        ),
        (
            "I'm sorry, I couldn't load this CWL file, try again with --debug for more information.\nThe error was: x",
            "package",
            "I couldn't load this CWL file The error was: x",
        ),
        ("Input object failed validation:\nx", "input", "Input object failed validation: x"),
        (
            "Workflow error, try again with --debug for more information:\nInvalid job input record:\nx",
            "input",
            "Workflow error: Invalid job input record: x",
        ),
        ("Workflow error, try again with --debug for more information:\nx", "step", "Workflow error: x"),
        ("[job a] Job error:\nx", "step", "[job a] Job error: x"),
        ("[workflow ] Cannot collect workflow output: x", "output", "[workflow ] Cannot collect workflow output: x"),
        ("Unhandled error, try again with --debug for more information:\n  'x'", "internal", "Unhandled error: 'x'"),
    ],
)
def test_an_error_of_cwltool_is_recorded_as_one_sentence(text, kind, message):
    made = Failures()
    assert made.filter(logging.LogRecord("cwltool", logging.ERROR, "", 0, "%s", (text,), None))
    assert (made.first.kind, made.first.message) == (kind, message)


def test_a_traceback_of_cwltool_becomes_its_reason(caplog):
    made = Failures()
    caplog.handler.addFilter(made)
    try:
        float("not a number")
    except ValueError:
        logging.getLogger("cwltool").exception("Exception while running job")
    caplog.handler.removeFilter(made)
    assert made.first.message == "Exception while running job: could not convert string to float: 'not a number'"
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize(("name", "level"), [("bai.pipeline", "ERROR"), ("cwltool", "WARNING")])
def test_other_lines_are_no_reason(name, level):
    made = Failures()
    made.filter(logging.LogRecord(name, getattr(logging, level), "", 0, "forged", (), None))
    assert made.first is None


def test_the_first_failure_is_the_reason():
    failures = Failures()
    assert failures.first is None
    failures.add(Failure("step", "out of memory"))
    failures.add(Failure("internal", "workflow error"))
    assert failures.first.message == "out of memory"


def test_an_error_that_cwltool_reports_too_is_not_said_twice():
    made = Failures()
    assert not made.filter(logging.LogRecord("cwl_utils", logging.ERROR, "", 0, "x is not defined", (), None))
    assert made.first is None
