"""What a command shows: text for people, or one versioned JSON envelope, on stdout; log lines on stderr. No logic.

A result is a frozen dataclass. For people it is shown by its own `__rich__`, else field by field; for programs its
fields are the envelope's `data`, so renaming one is a breaking change.
"""

import dataclasses
import json
import logging
import sys
from datetime import UTC, datetime
from enum import Enum, StrEnum
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from bai_kit.errors import BaiKitError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

ENVELOPE_VERSION = 1
"""Raised when a field of the envelope or of a result changes its name or meaning."""


class Format(StrEnum):
    """How results and errors are shown."""

    TEXT = "text"
    JSON = "json"


class LogFormat(StrEnum):
    """How log lines are written."""

    PLAIN = "plain"
    JSON = "json"


@dataclasses.dataclass(frozen=True, slots=True)
class Document:
    """Text that another program reads (YAML, JSON, a diff): shown byte for byte, never wrapped or coloured."""

    text: str


def emit(
    result: "DataclassInstance | None", *, command: str = "", form: Format = Format.TEXT, exit_code: int = 0
) -> None:
    """Write a command's result to stdout.

    Args:
        result: A frozen dataclass, or None when the command had nothing to say.
        command: The command's words, such as `package convert`.
        form: For people or for programs.
        exit_code: What the process will end with, for a result that is bad news.
    """
    if form is Format.JSON:
        data = dataclasses.asdict(result) if result is not None else None
        _write_envelope(command, status="error" if exit_code else "ok", exit_code=exit_code, data=data, errors=[])
    elif isinstance(result, Document):
        sys.stdout.write(result.text if result.text.endswith("\n") else result.text + "\n")
    elif result is not None:
        _print_text(result)
    sys.stdout.flush()


def emit_error(error: BaiKitError, *, command: str = "", form: Format = Format.TEXT) -> None:
    """Write an error: `error:` and `hint:` to stderr, or the envelope to stdout."""
    if form is Format.JSON:
        entry = {"code": error.code, "message": error.message, "hint": error.hint}
        _write_envelope(command, status="error", exit_code=error.exit_code, data=None, errors=[entry])
        sys.stdout.flush()
        return
    sys.stderr.write(f"error: {error.message}\n")
    if error.hint:
        sys.stderr.write(f"hint: {error.hint}\n")


def configure_logging(verbosity: int = 0, form: LogFormat = LogFormat.PLAIN) -> None:
    """Send log lines to stderr.

    Args:
        verbosity: Negative for warnings only, 0 for info, positive for debug lines of the toolkit itself.
        form: Lines for people or one JSON object a line.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(_JsonFormatter() if form is LogFormat.JSON else _PlainFormatter())
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    level = logging.WARNING if verbosity < 0 else logging.DEBUG if verbosity else logging.INFO
    logging.getLogger("bai_kit").setLevel(level)


def _print_text(result: "DataclassInstance") -> None:
    from rich.console import Console  # noqa: PLC0415 - 40 ms that `--help` need not pay

    console = Console(highlight=False, soft_wrap=True)
    if hasattr(result, "__rich__"):
        console.print(result)
        return
    for field in dataclasses.fields(result):
        console.print(f"{field.name.replace('_', ' ')}: {getattr(result, field.name)}", markup=False)


def _write_envelope(command: str, **rest: Any) -> None:
    envelope = {"bai_kit_result_version": ENVELOPE_VERSION, "command": command, **rest}
    sys.stdout.write(json.dumps(envelope, default=_plain, indent=2) + "\n")


def _plain(value: object) -> object:
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, set | frozenset):
        return sorted(value)
    raise TypeError(f"a result holds a {type(value).__name__}, which has no JSON form")


class _PlainFormatter(logging.Formatter):
    """`time | LEVEL | module:function:line - message`, the form that users of this application know."""

    default_msec_format = "%s.%03d"

    def __init__(self) -> None:
        super().__init__("%(asctime)s | %(levelname)-8s | %(name)s:%(funcName)s:%(lineno)d - %(message)s")


class _JsonFormatter(logging.Formatter):
    """One JSON object a line, in UTC."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line)
