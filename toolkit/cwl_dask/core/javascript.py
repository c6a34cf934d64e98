"""Evaluate a package's JavaScript where it can reach nothing: V8 in a process without files, network or environment.

cwltool would start Node.js, from whose sandbox one line leads out to files and programs. `install` replaces Node.js and
the check of expressions that needs Node.js too.
"""

import contextlib
import json
import logging
import re
import select
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import cwltool.process
from cwl_utils import sandboxjs
from cwl_utils.errors import JavascriptException, SubstitutionError
from cwl_utils.expression import scanner
from cwltool.validate_js import get_expressions
from schema_salad.sourceline import SourceLine

from cwl_dask.core.extension import InvalidDocument

PROGRAM = Path(__file__).with_name("javascript_process.py")
HEAP_BYTES = 128 << 20
"""Memory of V8's heap for one evaluation."""
RESIDENT_BYTES = 224 << 20
"""Memory of the whole process, 70 MB of it V8 itself: V8 may exceed its own limit for as long as one call lasts, and
the runner beside it needs 160 of the 512 MiB of its container."""
CHECK_S = 0.02
"""Seconds between two checks of the process's memory."""
_LINE = re.compile(r"^\d+: ")
"""The line number in V8's messages. It counts lines that are not in the package, so it is removed."""
GRACE_S = 1
"""Seconds that V8 may take after the time limit to end an evaluation; regular expressions end late."""


class EmbeddedEngine(sandboxjs.JSEngine):  # type: ignore[misc] # cwl-utils is not typed for all versions
    """cwltool's engine for expressions. Use it from any thread; one expression is evaluated at a time."""

    regex_eval = sandboxjs.NodeJSEngine.regex_eval  # parameter references, in Python

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()

    def eval(self, scan: str, jslib: str = "", timeout: float = 20, **_: Any) -> Any:
        """Evaluate an expression or a function body.

        Args:
            scan: the expression, or a function body in braces.
            jslib: code before it; declares `inputs`, `self`, `runtime`.
            timeout: seconds until the evaluation is ended.

        Raises:
            JavascriptException: one line with the engine's reason.
        """
        body = scan if len(scan) > 1 and scan[0] == "{" else f"{{return ({scan});}}"
        text = self._answer(f'"use strict";\n{jslib}\nJSON.stringify((function(){body})())', timeout, scan)
        try:
            return None if text is None else json.loads(text)
        except ValueError as error:
            raise JavascriptException(f"the expression returns no JSON: {_short(scan)}") from error

    def check(self, scan: str) -> None:
        """Compile an expression without running it.

        Raises:
            JavascriptException: a syntax error.
        """
        body = scan if len(scan) > 1 and scan[0] == "{" else f"{{return ({scan});}}"
        self._answer(f'"use strict";\n(function(){body}); ""', 20, scan)

    def close(self) -> None:
        """End the process; the next expression starts another one."""
        with self._lock:
            if self._process:
                _end(self._process)

    def _answer(self, code: str, timeout_s: float, scan: str) -> str | None:
        request = json.dumps({"code": code, "timeout_s": timeout_s, "heap_bytes": HEAP_BYTES})
        with self._lock:
            process = self._process = self._running()
            answer = _ask(process, request, timeout_s)
            if isinstance(answer, str):
                _end(process)
        if isinstance(answer, str):
            raise JavascriptException(f"{answer}: {_short(scan)}")
        if "error" in answer:
            raise JavascriptException(f"{_LINE.sub('', answer['error'])}: {_short(scan)}")
        value: str | None = answer["value"]
        return value

    def _running(self) -> "subprocess.Popen[str]":
        if self._process and self._process.poll() is None:
            return self._process
        if self._process:
            _end(self._process)
        return subprocess.Popen(
            [sys.executable, "-I", str(PROGRAM)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={},  # no password, no token
            cwd="/",
            text=True,
            bufsize=1,
        )


def _ask(process: "subprocess.Popen[str]", request: str, timeout_s: float) -> dict[str, Any] | str:
    """Return the answer, or why there is none."""
    assert process.stdin  # noqa: S101 - a pipe
    assert process.stdout  # noqa: S101 - a pipe
    deadline = time.monotonic() + timeout_s + GRACE_S
    try:
        process.stdin.write(f"{request}\n")
        while not select.select([process.stdout], [], [], CHECK_S)[0]:
            if time.monotonic() > deadline:
                return f"no result after {timeout_s:g} s"
            if _resident_bytes(process.pid) > RESIDENT_BYTES:
                return f"the expression needs more than {RESIDENT_BYTES >> 20} MiB of memory"
        answer: dict[str, Any] = json.loads(process.stdout.readline())
    except (OSError, ValueError):  # the engine gave up, or the program is not there
        return "the JavaScript engine ended"
    return answer


def _end(process: "subprocess.Popen[str]") -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        with contextlib.suppress(OSError):  # a request that was not read
            pipe.close()  # type: ignore[union-attr] # both are pipes


def _resident_bytes(pid: int) -> int:
    with contextlib.suppress(OSError, IndexError):  # ended meanwhile
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096
    return 0


def _short(scan: str) -> str:
    text = " ".join(scan.split())
    return text if len(text) <= 200 else f"{text[:200]}…"  # noqa: PLR2004 - fits into a line or two


def install() -> None:
    """Make cwltool evaluate all JavaScript with one `EmbeddedEngine`."""
    engine = EmbeddedEngine()
    sandboxjs.set_js_engine(engine)
    logging.getLogger("cwl_utils").handlers.clear()  # writes tracebacks to standard error

    def check_expressions(tool: Any, schema: Any, *_: Any, **__: Any) -> None:
        """Compile each expression of a tool while it loads: in place of jshint, with cwltool's arguments."""
        requirements = tool.get("requirements") or ()
        for requirement in requirements:
            if requirement["class"] == "InlineJavascriptRequirement":
                libraries = requirement.get("expressionLib", ())
                for position, library in enumerate(libraries):
                    _check(engine, f"${{{library}\n}}", SourceLine(libraries, position))
                for text, source in get_expressions(tool, schema):
                    _check(engine, text, source)

    cwltool.process.validate_js_expressions = check_expressions


def _check(engine: EmbeddedEngine, text: str, source: SourceLine | None) -> None:
    rest = text.strip()
    try:
        while part := scanner(rest):
            if rest[part[0]] == "$":
                engine.check(rest[part[0] + 1 : part[1]])
            rest = rest[part[1] :]
    except (SubstitutionError, JavascriptException) as error:
        lead = source.makeLead() if source else ""
        raise InvalidDocument(f"{lead} invalid expression: {error}".strip()) from error
