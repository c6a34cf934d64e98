"""Turn every failure of cwltool while it loads or packs a package into one error with its reasons, files and lines."""

import contextlib
import logging
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cwltool.errors import WorkflowException
from schema_salad.exceptions import SchemaSaladException

from bai_kit.errors import PackageError
from bai_kit.package.addresses import shown

MOST_REASONS = 10
"""Reasons of an invalid package that are shown; later reasons often follow from the first."""
LOAD_S = 60
"""Seconds that loading may take; a package whose steps run each other many times over never ends to load."""


@contextlib.contextmanager
def translated(name: str) -> Iterator[None]:
    """Turn a failure of cwltool into an error about the document `name`; hide cwltool's log lines, which repeat it."""
    before = logging.root.manager.disable
    try:
        logging.disable()
        with _limited():
            yield
    except StopIteration as exc:
        raise PackageError(f"cannot load {name}: not a CWL document: the file is empty") from exc
    except (SchemaSaladException, WorkflowException, RecursionError) as exc:
        raise PackageError(f"cannot load {name}:{reasons(exc)}") from exc
    # cwltool does not expect every form of a document, and then fails with an error of Python, such as KeyError.
    except (AssertionError, AttributeError, KeyError, IndexError, RuntimeError, TypeError, ValueError) as exc:
        reason = f"{type(exc).__name__} in cwltool: {' '.join(str(exc).split())}"
        raise PackageError(f"cannot load {name}: {reason}") from exc
    finally:
        logging.disable(before)


@contextlib.contextmanager
def _limited() -> Iterator[None]:
    """End loading after a minute; only the main thread can have a timer."""

    def stop(_signum: int, _frame: object) -> None:
        raise PackageError(f"the package takes more than {LOAD_S} s to load: its steps run too many others")

    try:
        before = signal.signal(signal.SIGALRM, stop)
    except ValueError:  # not the main thread
        yield
        return
    signal.setitimer(signal.ITIMER_REAL, LOAD_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def reasons(error: Exception) -> str:
    """Return a failure of cwltool as text: one line if there is one reason, else a line for each, with its place."""
    leaves: list[Any] = error.leaves() if hasattr(error, "leaves") else []
    # A class that fits none of CWL's is compared with all of them; the other reasons say what is wrong.
    leaves = [leaf for leaf in leaves if "Expected class" not in leaf.message] or leaves
    lines = [f"{_place(leaf.prefix())}{_sentence(leaf.message)}" for leaf in leaves] or [_sentence(str(error))]
    lines = list(dict.fromkeys(lines))
    if len(lines) == 1:
        return f" {lines[0]}"
    more = [f"and {len(lines) - MOST_REASONS} more"] if len(lines) > MOST_REASONS else []
    return "".join(f"\n  {line}" for line in lines[:MOST_REASONS] + more)


_PLACE = re.compile(r"(?:\w+://[^\s:/]*(?::\d+)?/)?[^\s:]+:\d+:\d+:")
_PREAMBLE = re.compile(r"(Tool definition failed (initialization|validation):|Got workflow error|\* )\s*")


def _sentence(text: str) -> str:
    """Join the lines of an error message of cwltool; keep file and line number once, though every line repeats them."""
    text = _PREAMBLE.sub("", text)
    places = [match.group() for match in _PLACE.finditer(text)]
    joined = " ".join(_PLACE.sub("", text).split())
    return f"{_place(places[-1])}{joined}" if places else joined


def _place(prefix: str) -> str:
    """Return `file:line:column: ` with the whole path of a local file; empty where cwltool names no place."""
    found = re.fullmatch(r"(.+?):(\d+(?::\d+)?)", shown(prefix.rstrip(": ")))
    if not found:
        return ""
    file, place = found.groups()
    return f"{Path(file).resolve() if Path(file).exists() else file}:{place}: "
