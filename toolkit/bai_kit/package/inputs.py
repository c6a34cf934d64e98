"""The inputs of an application package, and whether what the user gave fits them. Pure: JSON in, CWL values out."""

import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from bai_kit.errors import PackageError, UsageError


@dataclass(frozen=True, slots=True)
class Input:
    """One input of the package's main process."""

    name: str
    type: Any
    """CWL type: a word, a list of alternatives, or an object for arrays, enums and records."""
    required: bool
    """Whether a run must give it: it may not be null and has no default."""


def package_inputs(package: Mapping[str, Any]) -> tuple[Input, ...]:
    """List the inputs of the package's main process, in the package's order.

    Args:
        package: CWL as JSON: one process, or a `$graph` whose main process has the id `main` or is the only workflow.

    Raises:
        PackageError: there is no main process.
    """
    inputs = _main(package).get("inputs", [])
    if isinstance(inputs, Mapping):
        inputs = [{"id": key, **(value if _is_input(value) else {"type": value})} for key, value in inputs.items()]
    return tuple(_input(each) for each in inputs)


def check_inputs(inputs: Iterable[Input], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values as CWL wants them; text, as it comes from a command line, is read by the input's type.

    Args:
        inputs: What the package takes.
        given: Values by name. Text is converted; anything else must have the type already.

    Raises:
        UsageError: inputs are missing, unknown or of the wrong type; every one of them is named.
    """
    known = {each.name: each for each in inputs}
    wrong = [
        f"{name} is missing ({_words(each.type)})"
        for name, each in known.items()
        if each.required and name not in given
    ]
    wrong += [f"{name} is not an input of this package" for name in given if name not in known]
    values = {}
    for name, value in given.items():
        if name in known:
            try:
                values[name] = _value(known[name].type, value)
            except ValueError:
                shown = json.dumps(value, default=str)
                wrong.append(f"{name} must be {_words(known[name].type)}, not {shown[:80]}")
    if wrong:
        takes = ", ".join(f"{each.name}{'' if each.required else '?'}" for each in known.values())
        raise UsageError(f"inputs: {'; '.join(wrong)}", hint=f"the package takes {takes}")
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
            params[name] = [*(params[name] if isinstance(params[name], list) else [params[name]]), value]
        else:
            params[name] = value
    return params


# ---------------------------------------------------------------------------------------------------- the package


def _main(package: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$graph" not in package:
        return package
    graph = package["$graph"]
    for each in graph:
        if each.get("id", "").lstrip("#") == "main":
            return dict(each)
    workflows = [each for each in graph if each.get("class") == "Workflow"]
    if len(workflows) != 1:
        raise PackageError(f"the package has {len(workflows)} workflows and none is called main")
    return dict(workflows[0])


def _is_input(value: object) -> bool:
    """Tell `name: {type: File, doc: ...}` from `name: {type: array, items: ...}` and `name: string`."""
    return isinstance(value, Mapping) and value.get("type") not in ("array", "enum", "record")


def _input(entry: Mapping[str, Any]) -> Input:
    kind = _spell_out(entry["type"])
    optional = "default" in entry or kind == "null" or (isinstance(kind, list) and "null" in kind)
    return Input(entry["id"].rsplit("/", 1)[-1].lstrip("#"), kind, not optional)


def _spell_out(kind: Any) -> Any:
    """Write `string?` as [null, string] and `File[]` as an array, as packed documents do."""
    if isinstance(kind, list):
        return [_spell_out(each) for each in kind]
    if isinstance(kind, Mapping):
        return {**kind, "items": _spell_out(kind["items"])} if kind["type"] == "array" else dict(kind)
    if kind.endswith("?"):
        return ["null", _spell_out(kind[:-1])]
    if kind.endswith("[]"):
        return {"type": "array", "items": _spell_out(kind[:-2])}
    return kind


# ------------------------------------------------------------------------------------------------------ the values


def _value(kind: Any, value: Any) -> Any:
    """Return the value in the type; ValueError when it does not fit."""
    if isinstance(kind, list):
        return _first_that_fits(kind, value)
    if isinstance(kind, Mapping):
        return _compound(kind, value)
    return _SIMPLE[kind](value) if kind in _SIMPLE else value


def _first_that_fits(kinds: list[Any], value: Any) -> Any:
    # Text fits `string` always, so it is tried last.
    for kind in sorted(kinds, key=lambda each: each == "string"):
        try:
            return _value(kind, value)
        except ValueError:
            continue
    raise ValueError(value)


def _compound(kind: Mapping[str, Any], value: Any) -> Any:
    if kind["type"] == "enum":
        if value in [each.rsplit("/", 1)[-1] for each in kind["symbols"]]:
            return value
        raise ValueError(value)
    if kind["type"] == "array":
        return [_value(kind["items"], each) for each in _as_list(value)]
    if kind["type"] == "record" and not isinstance(value, Mapping):
        raise ValueError(value)
    return value


def _as_list(value: Any) -> list[Any]:
    """Read a list: as it is, as JSON, or separated by commas."""
    if isinstance(value, str):
        value = json.loads(value) if value.startswith("[") else value.split(",")
    if not isinstance(value, list):
        raise ValueError(value)  # noqa: TRY004 - callers know one error
    return value


def _number(convert: type, *already: type) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        if isinstance(value, str) or (isinstance(value, already) and not isinstance(value, bool)):
            number = convert(value)
            if math.isfinite(number):
                return number
        raise ValueError(value)

    return read


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    raise ValueError(value)


def _boolean(value: Any) -> bool:
    words = {"true": True, "false": False, "yes": True, "no": False}
    word = str(value).lower()
    if word in words and isinstance(value, str | bool):
        return words[word]
    raise ValueError(value)


def _null(value: Any) -> None:
    if value is not None and value != "":
        raise ValueError(value)


def _located(kind: str) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        if isinstance(value, Mapping) and value.get("class") == kind:
            return dict(value)
        if isinstance(value, str) and value:
            return {"class": kind, "location" if urlsplit(value).scheme else "path": value}
        raise ValueError(value)

    return read


_SIMPLE: dict[str, Callable[[Any], Any]] = {
    "null": _null,
    "string": _text,
    "boolean": _boolean,
    "int": _number(int, int),
    "long": _number(int, int),
    "float": _number(float, int, float),
    "double": _number(float, int, float),
    "File": _located("File"),
    "Directory": _located("Directory"),
}


def _words(kind: Any) -> str:
    """Name a type for people."""
    if isinstance(kind, list):
        return " or ".join(_words(each) for each in kind if each != "null")
    if isinstance(kind, Mapping) and kind["type"] == "enum":
        return f"one of {', '.join(each.rsplit('/', 1)[-1] for each in kind['symbols'])}"
    if isinstance(kind, Mapping) and kind["type"] == "array":
        return f"a list of {_words(kind['items'])}"
    return str(kind["type"] if isinstance(kind, Mapping) else kind)
