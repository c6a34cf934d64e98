"""The inputs of an application package, and the values that a user gives."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bai_kit.errors import UsageError
from bai_kit.package.files import read_file
from bai_kit.package.values import Text, fits, read_value, words

REQUIREMENTS = ("cwl:requirements", "https://w3id.org/cwl/cwl#requirements")
"""Keys under which a file of inputs may give requirements; every CWL runner understands the second one."""


@dataclass(frozen=True, slots=True)
class Input:
    """One input of a package's entry point."""

    name: str
    type: Any
    """Avro schema, as cwltool makes it of the CWL type."""
    required: bool
    """Whether a run must give the input: null is not allowed and there is no default."""


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
    fields = tool.names.get_name("input_record_schema", None).fields
    types = {field.name: field.type for field in fields}
    names = [entry["id"].rpartition("#")[2].rpartition("/")[2] for entry in in_file_order(tool.tool["inputs"])]
    return tuple(Input(name, types[name], not fits(types[name], None)) for name in names)


def in_file_order(entries: Any) -> list[Any]:
    """Return the inputs, outputs or steps of a process as the file has them; schema-salad sorts maps by name."""
    places = getattr(getattr(entries, "lc", None), "data", None) or {}
    return [entry for _, entry in sorted(enumerate(entries), key=lambda pair: places.get(pair[0], [pair[0], 0])[:2])]


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
        given = read_file(file)
    except RecursionError as exc:
        raise UsageError(f"cannot read {file}: it imports itself") from exc
    if not isinstance(given, dict | None):
        raise UsageError(f"cannot read {file}: not a map of inputs by name")
    return {str(name): value for name, value in (given or {}).items()}
