"""The failure event, as its readers get it."""

import json

import pytest

from cwl_dask.core import failure
from cwl_dask.core.failure import Failure, Failures


@pytest.fixture
def event(tmp_path, monkeypatch):
    monkeypatch.setenv("CWL_DASK_FAILURE", str(tmp_path / "failure.json"))
    return tmp_path / "failure.json"


def test_an_event_has_five_fields_and_no_half_written_file_stays(event):
    failure.write(Failure("step", "no image", step="main", code=7))
    assert json.loads(event.read_text()) == {
        "kind": "step",
        "step": "main",
        "code": 7,
        "temporary": False,
        "message": "no image",
    }
    assert list(event.parent.iterdir()) == [event]


def test_an_event_of_an_earlier_run_is_removed(event):
    failure.write(Failure("step", "no image"))
    failure.clear()
    failure.clear()
    assert not event.exists()


def test_a_full_volume_is_a_warning(event, monkeypatch, caplog):
    monkeypatch.setenv("CWL_DASK_FAILURE", str(event / "no" / "folder"))
    failure.write(Failure("step", "no image"))
    assert "cannot write" in caplog.text


def test_without_the_variable_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.delenv("CWL_DASK_FAILURE", raising=False)
    failure.clear()
    failure.write(Failure("step", "no image"))


@pytest.mark.parametrize("letter", ["x", "é", "\x1b", "😀"])
def test_the_termination_message_is_cut_and_stays_json(tmp_path, monkeypatch, letter):
    monkeypatch.setattr(failure, "TERMINATION_LOG", tmp_path / "log")
    (tmp_path / "log").touch()
    failure.write_termination_message(Failure("step", letter * 9000))
    assert len((tmp_path / "log").read_bytes()) <= 4096
    assert json.loads((tmp_path / "log").read_text())["message"].startswith(letter * 50)


def test_the_first_failure_is_the_reason():
    failures = Failures()
    assert failures.first is None
    failures.add(Failure("step", "out of memory"))
    failures.add(Failure("internal", "workflow error"))
    assert failures.first.message == "out of memory"
