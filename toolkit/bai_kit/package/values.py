"""One value of an input, and its type by CWL's own rules.

A value is text from the command line (`Text`), which is read by the input's type, or data from a file, which must have
the type as it is.
"""

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bai_kit.package.files import located


class Text(str):
    """A value as typed on the command line."""

    __slots__ = ()


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
        if fits(schema, candidate):
            return candidate
    raise ValueError(value)


def _candidates(schema: Any, text: str) -> Iterator[Any]:
    """Yield what a text from the command line may mean, the most specific first."""
    kinds = _kinds(schema)
    data = _json(text)
    inner = _json(data) if isinstance(data, str) else None
    quoted_for_a_reason = inner is not None and not isinstance(inner, str) and fits(schema, inner)
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
    if isinstance(data, str) and data and places and not fits(schema, data):
        return _file(places, data)
    return located(data, Path.cwd())


def _file(places: list[str], text: str) -> Any:
    """Return the File or Directory at a path or URL; for an input that takes both, as the file system says."""
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


def fits(schema: Any, value: Any) -> bool:
    """Ask schema-salad whether a value has a type; for Python, but not for CWL, true and false are numbers."""
    from cwltool.builder import INPUT_OBJ_VOCAB  # noqa: PLC0415 - it takes half a second
    from schema_salad.validate import validate  # noqa: PLC0415 - it takes half a second

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
