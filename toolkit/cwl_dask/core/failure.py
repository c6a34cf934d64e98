"""Why a run failed, as an event with fields: written by the runner, read by whoever started the run.

A reader of log lines can be deceived by an application that prints lines like the runner's; nothing but the runner
writes this file.
"""

import json
import logging
import os
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from cwl_dask import TEMPORARY
from cwl_dask.core.output import public

log = logging.getLogger(__name__)

VARIABLE = "CWL_DASK_FAILURE"
"""The environment variable that names the file of the failure event."""
TERMINATION_LOG = Path("/dev/termination-log")
"""Kubernetes shows its content as the message of a terminated container, at most `TERMINATION_BYTES` of it."""
TERMINATION_BYTES = 4096
MESSAGE_CHARACTERS = 2000
"""A message is cut here, so that the event fits into `TERMINATION_BYTES` as far as possible."""
_REPEATED = "Unexpected error from fs_access"
"""cwltool raises the error that it reports with these words, and reports it again."""
USAGE = 2
"""Exit code of Python's argument parser."""
_RETRY_HINT = re.compile(r"I'm sorry, |,? ?try again with --debug for more information\.?|\(\d{6,}\) ")
"""Words of cwltool that do not help: the reason follows them."""
_KINDS = (
    ("package", r"^(Tool definition failed|I couldn't load|Workflow or tool uses unsupported|CWL document)"),
    ("input", r"^(CWL input object|Input object failed|Failed to resolv)"),
    ("input", r"Invalid job input record|^Workflow error:\s+cannot read "),
    ("output", r"Cannot collect workflow output|Output .*is missing|Error collecting output"),
    ("step", r"^(\[job |\[step |Exception while running job|Job \"|'.*' not found: |Workflow error)"),
)
"""Kinds of failures, and how cwltool words them."""


class ClaimError(RuntimeError):
    """No cluster for the step; one sentence for the user."""

    def __init__(self, message: str, *, temporary: bool = False) -> None:
        super().__init__(message)
        self.temporary = temporary
        """True: a later claim may succeed, because the gateway is unreachable or too slow at the moment."""


class NoRoomError(ClaimError):
    """A running cluster for whose workers no node has room; dismiss the cluster, and claim a new one later."""


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


class Failures(logging.Filter):
    """The failures of one run; the first one is the reason, the others follow from it.

    As a filter of the log handler it also records the errors of cwltool and Calrissian, and words them plainly.
    """

    def __init__(self) -> None:
        super().__init__()
        self._first: Failure | None = None
        self.no_reasons: tuple[str, ...] = ()
        """Beginnings of errors that say nothing; the reason follows them."""

    def add(self, failure: Failure) -> None:
        """Record a failure. From any thread."""
        self._first = self._first or failure

    @property
    def first(self) -> Failure | None:
        """The reason of the run's failure; None when nothing failed."""
        return self._first

    def filter(self, record: logging.LogRecord) -> bool:
        """Record an error of cwltool or Calrissian, and leave its traceback and its request for --debug out."""
        if record.name == "cwl_utils":
            return False  # cwltool raises and reports the same error
        if record.levelno >= logging.ERROR and record.name.partition(".")[0] in {"cwltool", "calrissian"}:
            text = record.getMessage()
            if text.startswith(_REPEATED):
                return False
            if record.exc_info and record.exc_info[1] and str(record.exc_info[1]) not in text:
                text = f"{text}: {record.exc_info[1]}"
            if not logging.getLogger("cwltool").isEnabledFor(logging.DEBUG):
                record.exc_info, record.exc_text = None, None
            record.msg, record.args = _RETRY_HINT.sub("", text), ()
            if not text.startswith(self.no_reasons):
                self.add(Failure(_kind(record.msg), " ".join(record.msg.split())))
        return True


def report(code: int, failures: Failures, *, stopped: bool = False) -> None:
    """Write the event of a run that ended, to the file and to the container's termination message.

    After a success there is no event: the one of an earlier run is removed.

    Args:
        code: the runner's exit code.
        failures: what was recorded during the run.
        stopped: a signal ended the run.
    """
    path = os.environ.get(VARIABLE)
    if code == 0:
        if path:
            _try(path, lambda: Path(path).unlink(missing_ok=True))
        return
    reason = failures.first or Failure("internal", f"the runner ended with exit code {code}")
    if code == USAGE and not failures.first:
        reason = Failure("input", "an option or an input of the package is wrong; the log says which one")
    if stopped:
        reason = Failure("stopped", "the runner was stopped by a signal")
    reason = replace(reason, temporary=code == TEMPORARY)
    if path:
        part = Path(f"{path}.part")
        _try(path, lambda: (part.write_bytes(_encoded(reason, MESSAGE_CHARACTERS)), part.replace(path)))
    if TERMINATION_LOG.exists():
        characters = MESSAGE_CHARACTERS
        while len(text := _encoded(reason, characters)) > TERMINATION_BYTES:
            characters //= 2
        _try(TERMINATION_LOG, lambda: TERMINATION_LOG.write_bytes(text))


def _try(path: object, write: Callable[[], object]) -> None:
    """Write a file; the event is for convenience, so a full volume must not change how the run ends."""
    try:
        write()
    except OSError as error:
        log.warning("cannot write %s: %s", path, error.strerror)


def _kind(text: str) -> str:
    """Return the kind of an error by the words of cwltool 3.1 and 3.3."""
    return next((kind for kind, pattern in _KINDS if re.search(pattern, text)), "internal")


def _encoded(failure: Failure, characters: int) -> bytes:
    event = asdict(failure)
    order = ("kind", "step", "code", "temporary", "message")
    message = public(failure.message)
    event["message"] = message if len(message) <= characters else message[:characters] + "…"
    return json.dumps({name: event[name] for name in order}, ensure_ascii=False).encode(errors="replace")
