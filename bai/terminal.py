"""Show log lines and the progress of a run on stderr."""

from __future__ import annotations

import datetime as dt
import json
import logging
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

from bai.errors import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

log = logging.getLogger(__name__)

LogFormat = Literal["plain", "json"]
_FORM = "%(asctime)s.%(msecs)03d | %(levelname)-8s | %(name)s:%(funcName)s:%(lineno)d - %(message)s"
_TIME = "%Y-%m-%d %H:%M:%S"
_PERCENT_PER_LINE = 5
# These libraries log URLs together with their signatures.
_SECRETIVE = ("urllib3", "rasterio")


def configure_logging(verbosity: int, log_format: LogFormat) -> None:
    """Send log lines to stderr.

    Args:
        verbosity: Above 0 also details, below 0 warnings and errors only.
        log_format: `plain` for people, `json` for one object a line.
    """
    handler = _Handler()
    handler.setFormatter(_Json() if log_format == "json" else _Plain(_FORM, _TIME))
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    own = logging.DEBUG if verbosity > 0 else logging.INFO if verbosity == 0 else logging.WARNING
    logging.getLogger("bai").setLevel(own)
    logging.captureWarnings(capture=True)
    for name in _SECRETIVE:
        logging.getLogger(name).setLevel(logging.CRITICAL)


class _Handler(logging.StreamHandler):  # type: ignore[type-arg]
    """Writes to the current `sys.stderr`, because a progress bar replaces it while it is shown."""

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stderr
        super().emit(record)


class _Plain(logging.Formatter):
    """Formats a record as one line, so that untrusted text can neither forge a line nor control the terminal."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the base class's name
        """Return the line of a record with control characters escaped."""
        return printable(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:  # noqa: N802 - the base class's name
        """Return a traceback, indented, with all control characters but its line breaks escaped."""
        return "\n".join(f"  {printable(line)}" for line in super().formatException(ei).split("\n"))


class _Json(logging.Formatter):
    """Formats a record as one JSON object on one line, with its time in UTC."""

    def format(self, record: logging.LogRecord) -> str:
        fields = {
            "time": dt.datetime.fromtimestamp(record.created, dt.UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "function": record.funcName,
            "line": record.lineno,
            "message": record.getMessage(),
        }
        if record.exc_info:
            fields["traceback"] = self.formatException(record.exc_info)
        return json.dumps(fields)


@contextmanager
def progress(*, bar: bool) -> Iterator[Callable[[int, int], None]]:
    """Show the progress of tasks: a bar, or a line every 5 %.

    Yields:
        A function to call with the number of tasks done and of all tasks.
    """
    if not bar:
        yield _lines()
        return
    from rich.console import Console  # noqa: PLC0415 - slow to import, and not needed without a terminal
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    columns = TextColumn("tasks"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task("tasks", total=None)
        yield lambda done, total: shown.update(task, completed=done, total=total)


def _lines() -> Callable[[int, int], None]:
    reached = 0

    def show(done: int, total: int) -> None:
        nonlocal reached
        percent = 100 * done // total
        if percent // _PERCENT_PER_LINE > reached:
            reached = percent // _PERCENT_PER_LINE
            log.info("computed %d of %d tasks, %d %%", done, total, percent)

    return show
