"""The application package: load, validate, convert to one self-contained JSON. Works for any CWL v1.x document.

YAML is read as YAML 1.2 (`on`, `no` and `12:30` are text; dates stay text), as CWL runners read it. The steps of
`convert` are: load, embed what the document refers to (`bai_kit.packing`), write JSON keys in the file's order.
"""

import contextlib
import importlib.util
import json
import logging
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bai_kit.errors import PackageError
from bai_kit.inputs import package_inputs
from bai_kit.packing import embed

MOST_REASONS = 10
"""Reasons of an invalid package that are shown; the later ones often follow from the first."""


@dataclass(frozen=True, slots=True)
class Validation:
    """A package that is valid."""

    file: Path
    cwl_version: str
    processes: list[str]
    """Ids of its processes, in the file's order."""
    inputs: list[str]
    """Inputs of the main process; a question mark says that a run need not give it."""

    def __rich__(self) -> str:
        """Say so."""
        return (
            f"{self.file} is valid CWL {self.cwl_version}\n"
            f"  processes  {', '.join(self.processes)}\n"
            f"  inputs     {', '.join(self.inputs)}"
        )


@dataclass(frozen=True, slots=True)
class Conversion:
    """A package that was written as JSON."""

    file: Path
    bytes: int


def own_package() -> Path:
    """Find the package of the application that is installed beside the toolkit.

    Raises:
        PackageError: it is not installed.
    """
    found = importlib.util.find_spec("bai")  # found, not imported: the toolkit does not need the application
    if found is None or found.origin is None:
        raise PackageError("the application is not installed", hint="name the package's file")
    return Path(os.path.relpath(Path(found.origin).with_name("bai.cwl")))


def load_document(path: Path) -> Any:
    """Read one YAML or JSON document.

    Raises:
        PackageError: no such file, not text, not one YAML document, a key twice, an unknown tag; with file and line.
    """
    from ruamel.yaml import YAML, YAMLError  # noqa: PLC0415 - commands without a package need not pay
    from ruamel.yaml.constructor import SafeConstructor  # noqa: PLC0415

    class Constructor(SafeConstructor):  # type: ignore[misc] # ruamel has no types
        """Leaves dates as they are written."""

    Constructor.add_constructor("tag:yaml.org,2002:timestamp", SafeConstructor.construct_yaml_str)
    yaml = YAML(typ="safe", pure=True)
    yaml.Constructor = Constructor
    try:
        return yaml.load(path.read_text(encoding="utf-8"))
    except OSError as exc:
        raise PackageError(f"{path}: {exc.strerror}") from exc
    except UnicodeDecodeError as exc:
        raise PackageError(f"{path}: not UTF-8 text, at byte {exc.start}") from exc
    except YAMLError as exc:
        mark = getattr(exc, "problem_mark", None)
        where = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else str(path)
        reason = getattr(exc, "problem", None) or str(exc)
        raise PackageError(f"{where}: {_first_line(reason)}", hint=_yaml_hint(reason)) from exc


def load(path: Path) -> dict[str, Any]:
    """Read a package and embed all that it refers to.

    Returns:
        CWL as plain data that is complete in itself.

    Raises:
        PackageError: it cannot be read, is no CWL, or refers to something that cannot be embedded.
    """
    return embed(path, load_document)


def validate(path: Path) -> Validation:
    """Check a package as a CWL runner does, without running it.

    Raises:
        PackageError: it is not valid; a line for each reason, with file, line and column.
    """
    package = load(path)
    _validate_with_cwltool(path)
    processes = package.get("$graph", [package])
    return Validation(
        file=path,
        cwl_version=package["cwlVersion"],
        processes=[f"{each.get('id', 'main').lstrip('#')} ({each['class']})" for each in processes],
        inputs=[f"{each.name}{'' if each.required else '?'}" for each in package_inputs(package)],
    )


def convert(path: Path) -> str:
    """Write a valid package as one line of JSON, complete in itself; the same bytes for the same package.

    Raises:
        PackageError: it is not valid, or cannot be made self-contained.
    """
    package = load(path)
    # Loaded by every run, so that a runner without a network would wait for each of these addresses.
    package.pop("$schemas", None)
    try:
        text = json.dumps(package, ensure_ascii=False, allow_nan=False, separators=(",", ":")) + "\n"
    except (TypeError, ValueError) as exc:
        raise PackageError(f"{path}: has a value that JSON cannot hold: {exc}") from exc
    with tempfile.TemporaryDirectory(prefix="bai-kit-") as folder:
        converted = Path(folder, "app-package.json")
        converted.write_text(text, encoding="utf-8")
        try:
            _validate_with_cwltool(converted)
        except PackageError:
            _validate_with_cwltool(path)  # the same fault, with the lines of the user's file
            raise
    return text


def write(text: str, path: Path) -> Conversion:
    """Write a converted package to a file, all of it or nothing.

    Raises:
        PackageError: the file cannot be written.
    """
    data = text.encode()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as temporary:
            temporary.write(data)
        written = Path(temporary.name)
        written.chmod(0o644)
        written.replace(path)
    except OSError as exc:
        raise PackageError(f"{path}: cannot be written: {exc.strerror}") from exc
    return Conversion(path, len(data))


def _validate_with_cwltool(path: Path) -> None:
    """Load the package as cwltool does, with our requirement known."""
    from cwltool.context import LoadingContext  # noqa: PLC0415 - half a second
    from cwltool.errors import GraphTargetMissingException, WorkflowException  # noqa: PLC0415
    from cwltool.load_tool import fetch_document, make_tool, resolve_and_validate_document  # noqa: PLC0415
    from cwltool.workflow import default_make_tool  # noqa: PLC0415
    from schema_salad.exceptions import SchemaSaladException  # noqa: PLC0415

    context = LoadingContext({"skip_schemas": True, "construct_tool_object": default_make_tool})
    try:
        with _quiet():
            context, document, uri = fetch_document(str(path), context)
            context, uri = resolve_and_validate_document(context, document, uri)
            try:
                make_tool(uri, context)
            except GraphTargetMissingException:
                for process in context.loader.resolve_ref(uri)[0]:
                    make_tool(process["id"], context)
    except SchemaSaladException as exc:
        raise PackageError(f"{path} is not valid CWL:{_reasons(exc)}") from exc
    except (
        WorkflowException,
        AttributeError,
        KeyError,
        RuntimeError,
        TypeError,
        ValueError,
    ) as exc:  # cwltool's ways to refuse odd documents
        raise PackageError(f"{path} is not valid CWL: {_first_line(str(exc)) or type(exc).__name__}") from exc


def _reasons(error: Any) -> str:
    lines = [f"{leaf.prefix()} {_first_line(leaf.message)}".strip() for leaf in error.leaves()]
    lines = list(dict.fromkeys(lines)) or [_first_line(str(error))]
    more = [f"and {len(lines) - MOST_REASONS} more"] if len(lines) > MOST_REASONS else []
    return "".join(f"\n  {line}" for line in lines[:MOST_REASONS] + more)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep cwltool's own lines, which repeat what is raised, from the user."""
    loggers = [logging.getLogger(name) for name in ("cwltool", "salad", "rdflib.term")]
    before = [(each.level, each.propagate) for each in loggers]
    for each in loggers:
        each.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for each, (level, propagate) in zip(loggers, before, strict=True):
            each.setLevel(level)
            each.propagate = propagate


def _first_line(text: str) -> str:
    return " ".join(text.split("\n", 1)[0].split())


def _yaml_hint(reason: str) -> str | None:
    if "another document" in reason:
        return "put the processes of one package into one document, under $graph"
    return None
