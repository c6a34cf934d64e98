"""The inputs of an application package, and the values that a user gives, checked by CWL's own type rules.

A value is text from the command line (`Text`), which is read by the input's type, or data from a file, which must have
the type as it is.
"""

import contextlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from bai_kit.errors import UsageError

REQUIREMENTS = ("cwl:requirements", "https://w3id.org/cwl/cwl#requirements")
"""Keys under which a file of inputs may give requirements; every CWL runner understands the second one."""


class Text(str):
    """A value as typed on the command line."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Input:
    """One input of a package's entry point."""

    name: str
    type: Any
    """Avro schema, as cwltool makes it of the CWL type."""
    required: bool
    """Whether a run must give the input: null is not allowed and there is no default."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file or directory of this machine that a job on Kubernetes needs."""

    source: Path
    target: str
    """Path below the folder `inputs` of the job."""


def package_inputs(package: Mapping[str, Any]) -> tuple[Input, ...]:
    """Return the inputs of a package's entry point, in the package's order.

    Args:
        package: CWL that is complete in itself, as `convert` writes it.

    Raises:
        PackageError: the package is not valid, or has no entry point.
    """
    from bai_kit.package.loading import load_text  # noqa: PLC0415 - cwltool takes half a second to import

    return inputs_of(load_text(json.dumps(package)).tool)


def inputs_of(tool: Any) -> tuple[Input, ...]:
    """Return the inputs of cwltool's object for a process."""
    from bai_kit.package.loading import in_file_order  # noqa: PLC0415 - see above

    fields = tool.names.get_name("input_record_schema", None).fields
    types = {field.name: field.type for field in fields}
    names = [entry["id"].rpartition("#")[2].rpartition("/")[2] for entry in in_file_order(tool.tool["inputs"])]
    return tuple(Input(name, types[name], not _fits(types[name], None)) for name in names)


def check_inputs(inputs: Iterable[Input], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values as CWL wants them, with absolute locations of Files and Directories.

    Args:
        inputs: What the package takes.
        given: Values by name; `Text` is read by the input's type, other values must have the type.

    Raises:
        UsageError: inputs are missing, unknown or of the wrong type; the message names all of them.
    """
    known = {entry.name: entry for entry in inputs}
    missing = [entry for entry in known.values() if entry.required and given.get(entry.name) is None]
    wrong = [f"{entry.name} is missing ({words(entry.type)})" for entry in missing]
    values = {}
    for name, value in given.items():
        if name in REQUIREMENTS:
            values[REQUIREMENTS[-1]] = value
        elif name in {"$namespaces", "$schemas"}:  # they explain the formats of Files
            values[name] = value
        elif name not in known:
            wrong.append(f"{name} is not an input of this package")
        elif known[name] not in missing:
            try:
                values[name] = read_value(known[name].type, value)
            except ValueError:
                wrong.append(f"{name} must be {words(known[name].type)}, not {json.dumps(value, default=str)[:80]}")
    if wrong:
        takes = ", ".join(f"{entry.name}{'' if entry.required else '?'}" for entry in known.values())
        raise UsageError(f"inputs: {'; '.join(wrong)}", hint=f"the package takes {takes or 'no inputs'}")
    return values


def parse_params(pairs: Iterable[str]) -> dict[str, Any]:
    """Read `name=value` pairs; a name given several times makes a list.

    Raises:
        UsageError: a pair without `=` or without a name.
    """
    params: dict[str, Any] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise UsageError(f"--param {pair!r} is not name=value")
        if name in params:
            params[name] = [*(params[name] if isinstance(params[name], list) else [params[name]]), Text(value)]
        else:
            params[name] = Text(value)
    return params


def read_params(file: Path) -> dict[str, Any]:
    """Read a file of inputs; relative paths, and files of `$import` and `$include`, are relative to the file.

    Raises:
        UsageError: a file cannot be read, or does not hold values by name.
    """
    try:
        given = _import(file)
    except RecursionError as exc:
        raise UsageError(f"cannot read {file}: it imports itself") from exc
    if not isinstance(given, dict | None):
        raise UsageError(f"cannot read {file}: not a map of inputs by name")
    return {str(name): value for name, value in (given or {}).items()}


def _import(file: Path) -> Any:
    from bai_kit.package.loading import parse_yaml  # noqa: PLC0415 - see above

    return located(parse_yaml(_text(file), str(file)), file.parent)


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except OSError as exc:
        raise UsageError(f"cannot read {file}: {exc.strerror}") from exc
    except UnicodeDecodeError as exc:
        raise UsageError(f"cannot read {file}: not UTF-8 text, at byte {exc.start}") from exc


def located(value: Any, folder: Path) -> Any:
    """Return a value with absolute locations of Files and Directories, and with the contents of files to import."""
    if isinstance(value, list):
        return [located(entry, folder) for entry in value]
    if not isinstance(value, Mapping):
        return value
    for key, read in (("$import", _import), ("$include", _text)):
        if list(value) == [key] and isinstance(value[key], str):
            return read(folder / unquote(value[key]))
    value = {key: located(entry, folder) for key, entry in value.items()}
    given = value.get("path", value.get("location"))
    if value.get("class") in {"File", "Directory"} and isinstance(given, str) and given:
        value.pop("path", None)
        # A location is a URL, with %23 for #; a path is the name as it is.
        name = given if "location" not in value else unquote(given)
        value["location"] = given if urlsplit(given).scheme else location_of(folder / name)
    return value


def location_of(path: Path) -> str:
    """Return the file URL of a path."""
    return "file://" + quote(os.path.abspath(path))  # noqa: PTH100 - a link keeps its own name


def collect_uploads(values: Any) -> tuple[Any, tuple[Upload, ...]]:
    """Return values in which Files and Directories of this machine lie on the volume, and what to upload for that.

    Args:
        values: Inputs, or a package; anything of maps and lists.

    Raises:
        UsageError: a file does not exist here; the message names all of them.
    """
    missing = missing_files(values)
    if missing:
        raise UsageError(f"inputs: {'; '.join(f'{path} does not exist' for path in missing)}")
    uploads: list[Upload] = []

    def move(value: Mapping[str, Any], path: Path) -> dict[str, Any]:
        target = f"{len(uploads)}/{path.name}"
        uploads.append(Upload(path, target))
        return {**value, "location": f"file://{quote(f'/calrissian/inputs/{target}')}"}

    return _with_local_files(values, move), tuple(uploads)


def missing_files(values: Any) -> list[str]:
    """Return the paths of Files and Directories in the values that do not exist on this machine."""
    missing: list[str] = []

    def look(value: Mapping[str, Any], path: Path) -> dict[str, Any]:
        if not (path.is_dir() if value["class"] == "Directory" else path.is_file()):
            missing.append(str(path))
        return dict(value)

    _with_local_files(values, look)
    return missing


def _with_local_files(value: Any, change: Callable[[Mapping[str, Any], Path], dict[str, Any]]) -> Any:
    if isinstance(value, list):
        return [_with_local_files(entry, change) for entry in value]
    if not isinstance(value, Mapping):
        return value
    value = {key: _with_local_files(entry, change) for key, entry in value.items()}
    location = urlsplit(str(value.get("location", "")))
    on_volume = location.path.startswith("/calrissian/")
    if value.get("class") in {"File", "Directory"} and location.scheme == "file" and not on_volume:
        return change(value, Path(unquote(location.path)))
    return value


# -------------------------------------------------------------------------------------------- one value and its type


def read_value(schema: Any, value: Any) -> Any:
    """Return a value in a type.

    Raises:
        ValueError: the value does not fit.
    """
    if isinstance(value, Text):
        candidates = _candidates(schema, value)
    elif isinstance(value, list):
        # A list from the command line holds Text; a list from a file holds data.
        items = next((kind.items for kind in _kinds(schema) if kind.type == "array"), None)
        typed = any(isinstance(entry, Text) for entry in value)
        candidates = iter([[read_value(items, entry) for entry in value] if items and typed else value])
    else:
        candidates = iter([value])
    for candidate in candidates:
        if _fits(schema, candidate):
            return candidate
    raise ValueError(value)


def _candidates(schema: Any, text: str) -> Iterator[Any]:
    """Yield what a text from the command line may mean, the most specific first."""
    kinds = _kinds(schema)
    data = _json(text)
    inner = _json(data) if isinstance(data, str) else None
    quoted_for_a_reason = inner is not None and not isinstance(inner, str) and _fits(schema, inner)
    if (data is not None and not isinstance(data, str)) or quoted_for_a_reason:
        yield _with_files(schema, data)
    places = [kind.name.rpartition(".")[2] for kind in kinds if _is_file(kind)]
    if text and places and (urlsplit(text).scheme or Path(text).exists()):
        yield _file(places, text)
    yield str(text)
    if text and places:
        yield _file(places, text)
    for kind in kinds:
        if kind.type == "array":
            with contextlib.suppress(ValueError):
                yield [read_value(kind.items, Text(part)) for part in text.split(",")]
        for simple, convert in _LENIENT.items():
            if kind.type in simple:
                yield convert(text)


def _with_files(schema: Any, data: Any) -> Any:
    """Return data in which every text given for a File or Directory is replaced by a File or Directory."""
    for kind in _kinds(schema):
        if kind.type == "array" and isinstance(data, list):
            return [_with_files(kind.items, entry) for entry in data]
        if kind.type == "record" and isinstance(data, dict) and "class" not in data:
            types = {field.name: field.type for field in kind.fields}
            return {key: _with_files(types[key], entry) if key in types else entry for key, entry in data.items()}
    places = [kind.name.rpartition(".")[2] for kind in _kinds(schema) if _is_file(kind)]
    if isinstance(data, str) and data and places and not _fits(schema, data):
        return _file(places, data)
    return located(data, Path.cwd())


def _file(places: list[str], text: str) -> Any:
    """Return a File or Directory for a path or URL: the one that the path is, when the input takes both."""
    kind = "Directory" if "File" not in places or ("Directory" in places and Path(text).is_dir()) else "File"
    return located({"class": kind, "location" if urlsplit(text).scheme else "path": str(text)}, Path.cwd())


def _json(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=lambda _: None)
    except (ValueError, RecursionError):
        return None


def _number(text: str) -> Any:
    for read in (int, float):
        with contextlib.suppress(ValueError):
            return read(text)
    return None


_LENIENT: dict[tuple[str, ...], Callable[[str], Any]] = {
    ("int", "long", "float", "double"): _number,
    ("boolean",): lambda text: {"true": True, "yes": True, "false": False, "no": False}.get(text.lower()),
    ("null",): lambda text: None if text in {"", "null"} else text,
}
"""Readings of a text that other readings do not explain, by the type that takes them."""


def _kinds(schema: Any) -> list[Any]:
    """Return the alternatives of a type."""
    return [kind for entry in schema.schemas for kind in _kinds(entry)] if hasattr(schema, "schemas") else [schema]


def _is_file(kind: Any) -> bool:
    return kind.type == "record" and kind.name.rpartition(".")[2] in {"File", "Directory"}


def _fits(schema: Any, value: Any) -> bool:
    """Ask schema-salad whether a value has a type; for Python, but not for CWL, true and false are numbers."""
    from cwltool.builder import INPUT_OBJ_VOCAB  # noqa: PLC0415 - see above
    from schema_salad.validate import validate  # noqa: PLC0415 - see above

    names = {str(getattr(kind, "name", kind.type)).rpartition(".")[2] for kind in _kinds(schema)}
    if isinstance(value, bool) and not names & {"boolean", "Any"}:
        return False
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        return False
    return bool(validate(schema, value, vocab=INPUT_OBJ_VOCAB))


def words(schema: Any) -> str:
    """Return a type in words."""
    names = []
    for kind in _kinds(schema):
        if kind.type == "array":
            names.append(f"a list of {words(kind.items)}")
        elif kind.type == "enum" and kind.name.rpartition(".")[2] != "Any":
            names.append(f"one of {', '.join(symbol.rpartition('/')[2] for symbol in kind.symbols)}")
        elif kind.type == "record" and not _is_file(kind):
            fields = ", ".join(f"{field.name}: {words(field.type)}" for field in kind.fields)
            names.append(f"a record of {{{fields}}}")
        else:
            names.append(str(getattr(kind, "name", kind.type)).rpartition(".")[2])
    return " or ".join(name for name in names if name != "null") or "null"
