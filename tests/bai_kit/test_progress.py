"""Test phases read from log lines, and how progress is shown with and without a terminal."""

import io
import json
import logging

import pytest
from rich.console import Console

from bai_kit import progress
from bai_kit.output import LogFormat, configure_logging
from bai_kit.progress import LiveProgress, Progress, read_line

LINE = "2026-11-22 10:00:00.000 | INFO     | cwl_dask.core.claim:run:1 - "


@pytest.mark.parametrize(
    ("message", "phase", "detail"),
    [
        ("claimed cluster ns.abc", "cluster", "claimed ns.abc"),
        ("cluster ns.abc is running", "cluster", "ns.abc is running"),
        (
            "scaled cluster ns.abc to 2 workers of 0.5 cores and 2 GiB memory",
            "workers",
            "0/2 of 0.5 cores and 2 GiB memory",
        ),
        ("cluster ns.abc adapts between 1 and 4 workers of 1 core", "workers", "up to 4 of 1 core"),
        ("created pod bai-pod-x", "step", "bai-pod-x"),
        ("3/9 tasks", "tasks", "3/9"),
        ("3 of 9 tasks (33 %)", "tasks", "3/9"),
        ("dismissed cluster ns.abc after 3.0 s", "cluster", "dismissed after 3.0 s"),
    ],
)
def test_lines_of_the_contract_are_understood(message, phase, detail):
    found = read_line(LINE + message)
    assert (found.phase, found.detail) == (phase, detail)


@pytest.mark.parametrize(
    ("text", "phase", "detail"),
    [
        (
            "cluster ns.abc waits: scheduler: 1 Insufficient cpu",
            "cluster",
            "ns.abc waits: scheduler: 1 Insufficient cpu",
        ),
        ("pod map-pod-x waits: pulling image", "step", "map-pod-x waits: pulling image"),
    ],
)
def test_what_the_runner_waits_for_stands_in_its_phase(text, phase, detail):
    found = read_line(LINE + text)
    assert (found.phase, found.detail) == (phase, detail)


@pytest.mark.parametrize("text", ["", "claimed cluster x", LINE + "pre event http://a", "{", LINE])
def test_other_lines_say_nothing(text):
    assert read_line(text) is None


def test_the_cluster_is_known_from_its_line():
    assert read_line(LINE + "claimed cluster ns.abc").cluster == "ns.abc"


def test_without_a_terminal_lines_are_lines(capsys, caplog):
    caplog.set_level(logging.INFO, "bai_kit")
    shown = Progress()
    shown.line(LINE + "claimed cluster ns.abc")
    shown.phase("runner", "job one created")
    shown.phase("workers", "1/2", quiet=True)
    assert capsys.readouterr().err == LINE + "claimed cluster ns.abc\n"
    assert [record.getMessage() for record in caplog.records] == ["runner: job one created"]


def test_lines_are_json_among_json_lines_and_escaped_for_people(capsys, monkeypatch):
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])
    configure_logging(0, LogFormat.JSON)
    shown = Progress()
    shown.line("2026-11-22 10:00:01.123 | WARNING  | m.n:f:1 - a - b")
    shown.line("plain\x1b]52;c;x")
    first, second = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    assert first == {
        "time": "2026-11-22T10:00:01.123+00:00", "level": "WARNING", "logger": "m.n", "function": "f", "line": 1,
        "message": "a - b",
    }  # fmt: skip
    assert (list(second), second["message"]) == (list(first), "plain\x1b]52;c;x")
    configure_logging(0)
    shown.line("plain\x1b]52;c;x\ty\u202e")
    assert capsys.readouterr().err == "plain\\x1b]52;c;x\ty\\u202e\n"


def test_quiet_leaves_warnings_errors_and_what_has_no_level(capsys, monkeypatch):
    monkeypatch.setattr(progress.log, "level", logging.WARNING)
    progress.log.manager._clear_cache()
    shown = Progress()
    for text in (LINE + "a", LINE.replace("INFO ", "ERROR") + "b", "plain"):
        shown.line(text)
    monkeypatch.undo()
    progress.log.manager._clear_cache()
    assert [line.rpartition(" ")[2] for line in capsys.readouterr().err.splitlines()] == ["b", "plain"]


def test_on_a_terminal_the_phases_stay_below_the_log(caplog):
    caplog.set_level(logging.INFO, "bai_kit")
    out = io.StringIO()
    shown = LiveProgress(Console(file=out, force_terminal=True, width=100, highlight=False))
    with shown.live:
        shown.line(LINE + "claimed cluster ns.abc")
        shown.line("[not markup] 3/9")
        shown.line(LINE + "3/9 tasks")
    text = out.getvalue()
    assert "[not markup]" in text
    assert text.index("claimed cluster ns.abc") < text.rindex("✓ cluster claimed ns.abc")
    assert text.rindex("✓ cluster claimed ns.abc") < text.rindex("▸ tasks")
