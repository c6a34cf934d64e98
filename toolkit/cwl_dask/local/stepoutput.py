"""What a step writes to standard output and standard error, on its way to the runner's standard error."""

import contextlib
import os
import re
import threading
from typing import Any, Self

TAIL_BYTES = 4096
"""How much of a step's output is kept in search of its last line."""
READ_BYTES = 65536
JOIN_S = 2
"""Seconds to wait for the end of the output after the step, whose processes have all ended then."""
_LOG_LINE = re.compile(r"[-\d]+ [:.\d]+ \| \w+ +\| \S+ - (.*)")
"""The line of a log as the applications of this toolkit write it."""


class StepOutput:
    """A pipe for the length of a `with`: what the step writes is passed on at once, and the last line is remembered.

    A terminal is given to the step itself, so that the step can show progress there; no line is remembered then.
    """

    def __init__(self) -> None:
        self.file: Any = None
        """For cwltool's `default_stdout` and `default_stderr`; None is the runner's standard error."""
        self._tail = b""

    @property
    def last_line(self) -> str:
        """The step's last line that is not empty, without the prefix of a log line."""
        self.__exit__()
        lines = [line.strip() for line in self._tail.decode(errors="replace").splitlines()]
        last = next((line for line in reversed(lines) if line), "")
        logged = _LOG_LINE.fullmatch(last)
        return logged[1] if logged else last

    def __enter__(self) -> Self:
        """Open the pipe."""
        if not os.isatty(2):
            reader, writer = os.pipe()
            self.file = os.fdopen(writer, "wb")
            self._thread = threading.Thread(target=self._pass_on, args=[reader], daemon=True)
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Close the pipe when all of it has been passed on."""
        if self.file:
            self.file.close()
            self._thread.join(JOIN_S)

    def _pass_on(self, reader: int) -> None:
        with open(reader, "rb", buffering=0) as pipe:
            while chunk := pipe.read(READ_BYTES):
                self._tail = (self._tail + chunk)[-TAIL_BYTES:]
                with contextlib.suppress(OSError):  # a closed pipe does not end the run
                    os.write(2, chunk)
