"""Read YAML and JSON text within limits, as CWL understands it."""

import contextlib
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import yaml
from ruamel.yaml import YAML, YAMLError
from ruamel.yaml.constructor import SafeConstructor

from bai_kit.errors import PackageError

MOST_BYTES = 1 << 20
"""Largest size of a document in bytes, aliases expanded: the package has to fit into a Kubernetes ConfigMap."""
MOST_DEPTH = 100
"""Largest depth of nested lists and maps in a document."""


class _Constructor(SafeConstructor):  # type: ignore[misc] # ruamel has no types
    """Leaves dates as they are written."""

    def construct_yaml_float(self, node: Any) -> float:
        """Return a float, or an int for a whole number with an exponent."""
        return exact(super().construct_yaml_float(node), node.value)


_Constructor.add_constructor("tag:yaml.org,2002:float", _Constructor.construct_yaml_float)
_Constructor.add_constructor("tag:yaml.org,2002:timestamp", SafeConstructor.construct_yaml_str)


def exact(value: float, text: str) -> float:
    """Return a number that has the same text in JSON as cwltool gives a step: 123000 for 1.23e5, not 123000.0.

    Args:
        value: the number.
        text: how the document writes the number.
    """
    return int(value) if value.is_integer() and "." not in format(Decimal(text), "f") else value


def parse_yaml(text: str, name: str) -> Any:
    """Return one YAML or JSON document as plain data; dates stay text, and keys keep their order.

    Raises:
        PackageError: not one YAML document, a key twice, an unknown tag; with file and line.
    """
    if reason := too_large(text):
        raise PackageError(f"cannot read {name}: {reason}")
    loader = YAML(typ="safe", pure=True)
    loader.Constructor = _Constructor
    try:
        return loader.load(text)
    except YAMLError as exc:
        mark = getattr(exc, "problem_mark", None)
        where = f"{name}:{mark.line + 1}:{mark.column + 1}" if mark else name
        raise PackageError(f"{where}: {' '.join(str(getattr(exc, 'problem', None) or exc).split())}") from exc


def too_large(text: str) -> str:
    """Return why YAML or JSON text must not be loaded, else an empty text; nothing is expanded to find out.

    Documents that repeat their parts with aliases grow beyond any memory when a program walks through them.
    """
    try:
        return _too_large(yaml.parse(text, Loader=yaml.CSafeLoader))
    except yaml.YAMLError:  # libyaml is fast, but reads YAML 1.1
        with contextlib.suppress(YAMLError):  # not YAML: a script that is included, or the loader names the fault
            return _too_large(YAML(typ="safe", pure=True).parse(text))
    return ""


def _too_large(events: Iterable[Any]) -> str:
    sizes: dict[str, int] = {}
    open_nodes: list[tuple[str | None, int]] = []
    size = 0
    for event in events:
        kind = type(event).__name__
        anchor = getattr(event, "anchor", None)
        if kind in {"SequenceStartEvent", "MappingStartEvent"}:
            open_nodes.append((anchor, size))
            size += 2
        elif kind in {"SequenceEndEvent", "MappingEndEvent"}:
            anchor, before = open_nodes.pop()
            sizes[anchor or ""] = size - before
        elif kind == "ScalarEvent":
            size += len(event.value) + 1
            sizes[anchor or ""] = len(event.value) + 1
        elif kind == "AliasEvent":
            if anchor not in sizes:
                return f"the alias *{anchor} stands inside its own value"
            size += sizes[anchor]
        if size > MOST_BYTES:
            return f"more than {MOST_BYTES} bytes with its aliases written out"
        if len(open_nodes) > MOST_DEPTH:
            return f"more than {MOST_DEPTH} levels deep"
    return ""
