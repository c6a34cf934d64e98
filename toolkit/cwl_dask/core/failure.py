"""Why a run failed, as an event with fields: written by the runner, read by whoever started the run.

A reader of log lines can be deceived by an application that prints lines like the runner's; nothing but the runner
writes this file.
"""

import json
import logging
import os
from dataclasses import asdict, dataclass
from pathlib import Path

log = logging.getLogger(__name__)

VARIABLE = "CWL_DASK_FAILURE"
"""The environment variable that names the file of the failure event."""
TERMINATION_LOG = Path("/dev/termination-log")
"""Kubernetes shows its content as the message of a terminated container, at most `TERMINATION_BYTES` of it."""
TERMINATION_BYTES = 4096
MESSAGE_CHARACTERS = 2000
"""A message is cut here, so that the event fits into `TERMINATION_BYTES` as far as possible."""


@dataclass(frozen=True, slots=True)
class Failure:
    """The reason of a failed run."""

    kind: str
    """package, input, step, cluster, kubernetes, output, stopped or internal."""
    message: str
    """One sentence for the user."""
    temporary: bool = False
    """True: the same run may succeed later."""
    step: str | None = None
    """The step's name."""
    code: int | None = None
    """The step's exit code."""


class Failures:
    """The failures of one run; the first one is the reason, what follows is its consequence."""

    def __init__(self) -> None:
        self._first: Failure | None = None

    def add(self, failure: Failure) -> None:
        """Record a failure. From any thread."""
        self._first = self._first or failure

    @property
    def first(self) -> Failure | None:
        """The reason of the run's failure; None when nothing failed."""
        return self._first


def clear() -> None:
    """Remove the event of an earlier run, so that the file is absent after a success."""
    if path := os.environ.get(VARIABLE):
        try:
            Path(path).unlink(missing_ok=True)
        except OSError as error:
            log.warning("cannot remove %s: %s", path, error.strerror)


def write(failure: Failure) -> None:
    """Write the event to the file that `CWL_DASK_FAILURE` names, whole or not at all; without the variable, nowhere."""
    if path := os.environ.get(VARIABLE):
        part = Path(f"{path}.part")
        try:
            part.write_bytes(_encoded(failure, MESSAGE_CHARACTERS))
            part.replace(path)
        except OSError as error:
            log.warning("cannot write %s: %s", path, error.strerror)


def write_termination_message(failure: Failure) -> None:
    """Write the event to the container's termination message, cut so that it stays JSON, where there is one."""
    if TERMINATION_LOG.exists():
        characters = MESSAGE_CHARACTERS
        while len(text := _encoded(failure, characters)) > TERMINATION_BYTES and characters:
            characters //= 2
        try:
            TERMINATION_LOG.write_bytes(text)
        except OSError as error:
            log.warning("cannot write %s: %s", TERMINATION_LOG, error.strerror)


def _encoded(failure: Failure, characters: int) -> bytes:
    event = asdict(failure)
    order = ("kind", "step", "code", "temporary", "message")
    event["message"] = failure.message if len(failure.message) <= characters else failure.message[:characters] + "…"
    return json.dumps({name: event[name] for name in order}, ensure_ascii=False).encode(errors="replace")
