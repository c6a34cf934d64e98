"""Test progress: a line every 5 %, or a bar that log lines do not damage."""

from __future__ import annotations

import datetime as dt
import json
import logging
import os
import pty
import subprocess
import sys
from typing import TYPE_CHECKING

from bai.terminal import configure_logging, progress

if TYPE_CHECKING:
    import pytest


def test_a_line_every_five_percent(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "bai")
    with progress(bar=False) as show:
        for done in range(1, 1001):
            show(done, 1000)
    assert len(caplog.messages) == 20
    assert caplog.messages[0] == "computed 50 of 1000 tasks, 5 %"
    assert caplog.messages[-1] == "computed 1000 of 1000 tasks, 100 %"


def test_few_tasks_give_few_lines(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "bai")
    with progress(bar=False) as show:
        for done in (1, 2, 3):
            show(done, 3)
    assert [message.rpartition(", ")[2] for message in caplog.messages] == ["33 %", "66 %", "100 %"]


def test_bar_on_a_terminal() -> None:
    """On a terminal there is a bar, log lines stay whole, and the bar is gone at the end."""
    code = (
        "import logging\nfrom bai.terminal import configure_logging, progress\nconfigure_logging(0, 'plain')\n"
        "with progress(bar=True) as show:\n    show(1, 2)\n    logging.getLogger('bai').info('half of it')\n    show(2, 2)\n"
    )
    ours, theirs = pty.openpty()
    env = os.environ | {"TERM": "xterm", "COLUMNS": "100"}
    process = subprocess.Popen([sys.executable, "-c", code], stderr=theirs, env=env)
    os.close(theirs)
    shown = b""
    try:
        while piece := os.read(ours, 1 << 16):
            shown += piece
    except OSError:  # Linux says so when the other side is closed
        pass
    finally:
        os.close(ours)
    assert process.wait(30) == 0
    assert "━".encode() in shown
    assert b"2/2" in shown
    assert b" - half of it\r\n" in shown


def test_text_from_outside_stays_on_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Neither a line break nor an escape sequence nor a change of direction reaches the terminal."""
    forged = "x\n2026-01-01 00:00:00.000 | INFO     | forged \x1b[2J \u202e\u2028\r"
    configure_logging(1, "plain")
    log = logging.getLogger("bai")
    log.warning("item %s is odd", forged)
    log.error("a bug", exc_info=RuntimeError(forged))
    shown = capsys.readouterr().err
    assert "item x\\n2026-01-01 00:00:00.000 | INFO     | forged \\x1b[2J \\u202e\\u2028\\r is odd\n" in shown
    assert not any(line.startswith("2026-01-01") for line in shown.splitlines())
    assert all(line.isprintable() for line in shown.split("\n"))


def test_json_lines_have_the_agreed_keys(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(0, "json")
    logging.getLogger("bai").info("wrote %s", 'a "map"')
    line = json.loads(capsys.readouterr().err)
    assert list(line) == ["time", "level", "logger", "function", "line", "message"]
    assert (line["level"], line["logger"], line["message"]) == ("INFO", "bai", 'wrote a "map"')
    assert line["function"] == "test_json_lines_have_the_agreed_keys"
    assert dt.datetime.fromisoformat(line["time"]).utcoffset() == dt.timedelta(0)
