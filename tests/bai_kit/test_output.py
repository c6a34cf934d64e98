"""Test what commands print, and the JSON envelope."""

import dataclasses
import json
import logging
import re
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

import pytest

from bai_kit.errors import BaiKitError, JobFailed, UsageError
from bai_kit.output import Document, Format, LogFormat, configure_logging, emit, emit_error


class Phase(StrEnum):
    DONE = "done"


@dataclasses.dataclass(frozen=True, slots=True)
class Inner:
    share: float


@dataclasses.dataclass(frozen=True, slots=True)
class Result:
    some_name: str
    path: Path
    when: datetime
    phase: Phase
    inner: tuple[Inner, ...]
    names: frozenset[str]


RESULT = Result("[bold]x", Path("a/b"), datetime(2026, 1, 2, tzinfo=UTC), Phase.DONE, (Inner(0.5),), frozenset("ba"))


def test_the_envelope_of_a_result(capsys: pytest.CaptureFixture[str]) -> None:
    emit(RESULT, command="some thing", form=Format.JSON)
    assert json.loads(capsys.readouterr().out) == {
        "bai_kit_result_version": 1,
        "command": "some thing",
        "status": "ok",
        "exit_code": 0,
        "data": {
            "some_name": "[bold]x",
            "path": "a/b",
            "when": "2026-01-02T00:00:00+00:00",
            "phase": "done",
            "inner": [{"share": 0.5}],
            "names": ["a", "b"],
        },
        "errors": [],
    }


def test_the_envelope_of_an_error_has_the_exit_code_of_the_process(capsys: pytest.CaptureFixture[str]) -> None:
    emit_error(JobFailed("it failed", exit_code=75, hint="try again"), command="run", form=Format.JSON)
    captured = capsys.readouterr()
    assert json.loads(captured.out) == {
        "bai_kit_result_version": 1,
        "command": "run",
        "status": "error",
        "exit_code": 75,
        "data": None,
        "errors": [{"code": "job_failed", "message": "it failed", "hint": "try again"}],
    }
    assert captured.err == ""


def test_an_error_for_people_goes_to_stderr_with_its_hint(capsys: pytest.CaptureFixture[str]) -> None:
    emit_error(UsageError("no such thing", hint="bai-kit list"))
    emit_error(UsageError("and no hint"))
    captured = capsys.readouterr()
    assert captured.err == "error: no such thing\nhint: bai-kit list\nerror: and no hint\n"
    assert captured.out == ""


def test_a_result_without_a_form_of_its_own_is_shown_field_by_field(capsys: pytest.CaptureFixture[str]) -> None:
    emit(RESULT)
    assert capsys.readouterr().out.splitlines()[:2] == ["some name: [bold]x", "path: a/b"]


def test_a_document_is_shown_byte_for_byte(capsys: pytest.CaptureFixture[str]) -> None:
    text = "key: [red]" + 200 * "long "
    emit(Document(text))
    assert capsys.readouterr().out == text + "\n"


def test_nothing_to_say_is_nothing_for_people_and_an_envelope_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    emit(None)
    assert capsys.readouterr().out == ""
    emit(None, command="x", form=Format.JSON)
    assert json.loads(capsys.readouterr().out)["data"] is None


def test_log_lines_have_the_form_that_users_know(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging()
    logging.getLogger("bai_kit.thing").info("did %s", "it")
    logging.getLogger("bai_kit.thing").debug("hidden")
    logging.getLogger("other").info("hidden")
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    form = r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} \| INFO     \| bai_kit\.thing:test_\w+:\d+ - did it$"
    assert re.match(form, lines[0])


@pytest.mark.parametrize(("verbosity", "shown"), [(-1, ["w"]), (0, ["i", "w"]), (1, ["d", "i", "w"])])
def test_verbosity_chooses_the_lines(capsys: pytest.CaptureFixture[str], verbosity: int, shown: list[str]) -> None:
    configure_logging(verbosity, LogFormat.JSON)
    log = logging.getLogger("bai_kit.thing")
    log.debug("d")
    log.info("i")
    log.warning("w")
    assert [json.loads(line)["message"] for line in capsys.readouterr().err.splitlines()] == shown


def test_json_lines_carry_the_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(0, LogFormat.JSON)
    try:
        raise BaiKitError("inner")  # noqa: TRY301
    except BaiKitError:
        logging.getLogger("bai_kit").exception("outer")
    line = json.loads(capsys.readouterr().err)
    assert (line["level"], line["message"]) == ("ERROR", "outer")
    assert "BaiKitError: inner" in line["traceback"]
