"""Write a runner's lines to standard error and to the job's log, whole lines, without delay.

There is no buffer and no other process in between, so no line is lost when the runner is killed.
"""

import contextlib
import logging
import os
import sys
from pathlib import Path

FORMAT = "%(asctime)s.%(msecs)03d | %(levelname)-8s | %(name)s:%(funcName)s:%(lineno)d - %(message)s"
TIME_FORMAT = "%Y-%m-%d %H:%M:%S"


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
        """Write a line as it is. From any thread; lines never mix."""
        text = f"{line}\n".encode(errors="replace")
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


def parent_made(path: str) -> str:
    """Make the folder that `path` lies in; returns the path.

    Raises:
        OSError: the folder cannot be made.
    """
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    return path
