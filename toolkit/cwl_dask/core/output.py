"""Write a runner's lines to standard error and to the job's log, whole lines, without delay.

There is no buffer and no other process in between, so no line is lost when the runner is killed. `as_json` gives such a
line the JSON form that the programs `bai`, `bai-kit` and `cwl-dask` share.
"""

import contextlib
import json
import logging
import os
import re
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo
from pathlib import Path

FORMAT = "%(asctime)s.%(msecs)03d | %(levelname)-8s | %(name)s:%(funcName)s:%(lineno)d - %(message)s"
TIME_FORMAT = "%Y-%m-%d %H:%M:%S"
_FORM = re.compile(
    r"(?P<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}) \| (?P<level>[A-Z]+) *\| "
    r"(?P<logger>[\w.]*):(?P<function>[\w<>]*):(?P<line>\d+) - (?P<message>.*)"
)
_KEYS = ["time", "level", "logger", "function", "line", "message"]
_LOGIN = re.compile(r"(?<=://)[^\s/?#\"'@]+@")
_SECRET = re.compile(r"([?&][\w-]*(?:sig|signature|token|secret|password|credential|key)=)[^\s&#\"']+", re.IGNORECASE)
_JOIN_S = 2
"""Seconds to wait for the last lines at the end of `json_lines`: an orphan of a step may keep the pipe open."""


class Output(logging.Handler):
    """The runner's log lines, and the steps' own through `say`."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter(FORMAT, TIME_FORMAT))
        self._file = -1
        self.step_log: Path | None = None
        """`step.log` beside the runner's log, for the whole output of the steps; None without a log file."""

    def open(self, path: str) -> None:
        """Also append all further lines to this file; create its folder.

        Raises:
            OSError: the volume does not take it.
        """
        self.step_log = Path(path).with_name("step.log")
        self._file = os.open(parent_made(path), os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC, 0o644)

    def say(self, line: str) -> None:
        """Write a line without credentials. From any thread; lines never mix."""
        text = f"{public(line)}\n".encode(errors="replace")
        for file in (2, self._file) if self._file >= 0 else (2,):
            with contextlib.suppress(OSError):  # a full volume or a closed pipe does not end the run
                os.write(file, text)

    def emit(self, record: logging.LogRecord) -> None:
        """Write a log record: `time | LEVEL | module:function:line - message`."""
        try:
            self.say(self.format(record))
        except Exception:  # noqa: BLE001 - what every logging handler does
            self.handleError(record)


def install(output: Output, level: int = logging.INFO) -> None:
    """Make `output` the only handler of all loggers, and let it report uncaught exceptions."""
    logging.basicConfig(handlers=[output], level=level, force=True)
    sys.excepthook = lambda *error: logging.getLogger("cwl_dask").critical("unexpected error", exc_info=error)


def public(text: str) -> str:
    """Return a text whose URLs have no user, no password and no value of a query that signs or permits access."""
    return _SECRET.sub(r"\1***", _LOGIN.sub("", text)) if "://" in text else text


def parent_made(path: str) -> str:
    """Make the folder that `path` lies in; returns the path.

    Raises:
        OSError: the folder cannot be made.
    """
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    return path


def as_json(text: str, zone: tzinfo | None = None) -> str:
    """Return a line of a log as one JSON object with the keys `_KEYS`, its time in UTC.

    Args:
        text: The line. A line in another form is the output of a program: the level is INFO, and the logger is empty.
        zone: Time zone of the line's time; None is this machine's.
    """
    text = public(text)
    if text.startswith('{"time":'):
        with contextlib.suppress(ValueError):
            if list(json.loads(text))[: len(_KEYS)] == _KEYS:
                return text
    if not (found := _FORM.fullmatch(text)):
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        return json.dumps(dict(zip(_KEYS, (now, "INFO", "", "", 0, text), strict=True)))
    written = datetime.fromisoformat(found["time"])
    time = (written.replace(tzinfo=zone) if zone else written).astimezone(UTC).isoformat(timespec="milliseconds")
    return json.dumps(found.groupdict() | {"time": time, "line": int(found["line"])})


@contextlib.contextmanager
def json_lines() -> Iterator[None]:
    """Write everything that this process and its children write to standard error as JSON lines."""
    reader, writer = os.pipe()
    standard_error = os.dup(2)
    os.dup2(writer, 2)
    os.close(writer)
    thread = threading.Thread(target=_convert, args=[reader, standard_error], daemon=True)
    thread.start()
    try:
        yield
    finally:
        os.dup2(standard_error, 2)  # closes this process's end of the pipe
        thread.join(_JOIN_S)


def _convert(reader: int, target: int) -> None:
    with open(reader, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            with contextlib.suppress(OSError):  # a closed pipe does not end the run
                os.write(target, f"{as_json(line.rstrip())}\n".encode())
