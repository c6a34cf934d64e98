"""Write the output of a command: text or one versioned JSON envelope to stdout, log lines to stderr.

A result is a frozen dataclass. For people, its method `__rich__` gives the text (without one, each field is a line),
and the commands in its field `hint` follow. For programs, its fields are the envelope's `data`, so renaming a field is
a breaking change.
"""

import dataclasses
import json
import logging
import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo
from enum import Enum, StrEnum
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from bai_kit.errors import BaiKitError
from cwl_dask.core.output import as_json, public

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

ENVELOPE_VERSION = 1
"""Version of the envelope: increased when a field of the envelope or of a result changes its name or meaning."""


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
    """Text that another program reads (YAML, JSON, a diff): written byte for byte, never wrapped or coloured."""

    text: str


def emit(
    result: "DataclassInstance | None", *, command: str = "", form: Format = Format.TEXT, exit_code: int = 0
) -> None:
    """Write a command's result to stdout.

    Args:
        result: A frozen dataclass, or None when the command has no result to show.
        command: The command's words, such as `package convert`.
        form: For people or for programs.
        exit_code: Exit code of the process; not 0 for a result that reports a problem.
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
    """Write an error: to stderr as `error:` and `hint:`, or as a JSON log line; with `--output json`, to stdout."""
    if form is Format.JSON:
        entry = {"code": error.code, "message": public(error.message), "hint": error.hint}
        _write_envelope(command, status="error", exit_code=error.exit_code, data=None, errors=[entry])
        sys.stdout.flush()
    elif has_json_lines():
        hint = f"; hint: {error.hint}" if error.hint else ""
        logging.getLogger("bai_kit").error("%s%s", error.message, hint)
    else:
        sys.stderr.write(f"error: {visible(error.message)}\n")
        if error.hint:
            sys.stderr.write(f"hint: {visible(error.hint)}\n")


def warn(text: str) -> None:
    """Write one line to stderr; with JSON log lines, as one of them."""
    if has_json_lines():
        logging.getLogger("bai_kit").warning(text)
    else:
        sys.stderr.write(f"{text}\n")


def columns(rows: Sequence[Sequence[object]]) -> str:
    """Return rows as lines with aligned columns; nothing is cut or wrapped, because users paste the names."""
    cells = [[visible(str(cell)) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in cells)


def local_time(moment: datetime) -> str:
    """Return a moment in this machine's time zone, to the second."""
    return f"{moment.astimezone():%Y-%m-%d %H:%M:%S}"


def configure_logging(verbosity: int = 0, form: LogFormat = LogFormat.PLAIN) -> None:
    """Send log lines to stderr.

    Args:
        verbosity: Negative for warnings only, 0 for info, positive for the toolkit's own debug lines.
        form: Lines for people or one JSON object a line.
    """
    handler = _Handler()
    handler.setFormatter(_JsonFormatter() if form is LogFormat.JSON else _PlainFormatter())
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    level = logging.WARNING if verbosity < 0 else logging.DEBUG if verbosity else logging.INFO
    logging.getLogger("bai_kit").setLevel(level)


def line_of(text: str, zone: tzinfo | None = UTC) -> str:
    """Return a runner's log line as it is shown: unchanged for people, as JSON among JSON lines.

    Args:
        text: The line. If it has not the form of a log line, it is an application's output.
        zone: Time zone of its time; None is this machine's.
    """
    return as_json(text, zone) if has_json_lines() else visible(text)


def visible(text: str) -> str:
    """Return a text without credentials in URLs, and with its control characters escaped.

    So a text from an application can neither control a terminal nor forge a line.
    """
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), public(text))


_CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
"""Control characters except the tab, line separators, and characters that change the direction of writing."""


def _print_text(result: "DataclassInstance") -> None:
    from rich.console import Console  # noqa: PLC0415 - 40 ms that `--help` need not pay

    console = Console(highlight=False, soft_wrap=True)
    text = result.__rich__() if hasattr(result, "__rich__") else _fields(result)
    if isinstance(text, str):
        sys.stdout.write("\n".join(visible(line) for line in text.split("\n")) + "\n")
    else:
        console.print(text)
    for index, command in enumerate(getattr(result, "hint", "").splitlines()):
        sys.stdout.write(f"{'      ' if index else 'next: '}{visible(command)}\n")


def _fields(result: "DataclassInstance") -> str:
    values = {field.name.replace("_", " "): getattr(result, field.name) for field in dataclasses.fields(result)}
    return "\n".join(f"{name}: {value}" for name, value in values.items() if value is not None)


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


class _Handler(logging.StreamHandler):  # type: ignore[type-arg]
    """Writes to the current stderr, which a progress display replaces while it is shown."""

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stderr
        super().emit(record)


class _PlainFormatter(logging.Formatter):
    """`time | LEVEL | module:function:line - message`, the form that users of this application know."""

    default_msec_format = "%s.%03d"

    def __init__(self) -> None:
        super().__init__("%(asctime)s | %(levelname)-8s | %(name)s:%(funcName)s:%(lineno)d - %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name of the standard library
        record.message = visible(record.message)
        return super().formatMessage(record)


class _JsonFormatter(logging.Formatter):
    """Formats a record as one JSON object on one line, with its time in UTC."""

    def format(self, record: logging.LogRecord) -> str:
        trace = {"traceback": self.formatException(record.exc_info)} if record.exc_info else {}
        return json.dumps(
            {
                "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
                "level": record.levelname,
                "logger": record.name,
                "function": record.funcName,
                "line": record.lineno,
                "message": public(record.getMessage()),
                **trace,
            }
        )


def has_json_lines() -> bool:
    """Tell whether log lines are JSON."""
    return any(isinstance(handler.formatter, _JsonFormatter) for handler in logging.getLogger().handlers)
