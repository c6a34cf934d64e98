"""Values put together as Helm does it: later ones win, maps merge, lists are replaced, null deletes a default. Pure.

Null stays in the result: Helm itself applies it to the chart's own defaults.
"""

import copy
import itertools
import re
from collections.abc import Callable, Mapping
from typing import Any

from bai_kit.errors import ValuesError

Values = dict[str, Any]
LARGEST_INDEX = 65536
"""Helm's own limit of an index (helm pkg/strvals, MaxIndex): one slip of the finger would fill the memory."""
_KEY = re.compile(r"((?:\\.|[^\\=\[,.])*)([=\[,.]|$)", re.DOTALL)
_INDEX = re.compile(r"(\d+)\]([=\[.]|$)")
_VALUE = re.compile(r"((?:\\.|[^\\,])*)(?:,|$)", re.DOTALL)
_ITEM = re.compile(r"((?:\\.|[^\\,}])*)([,}])", re.DOTALL)


def merge(base: Mapping[str, Any], override: Mapping[str, Any]) -> Values:
    """Return `base` with `override` on top; neither is changed."""
    merged = copy.deepcopy(dict(base))
    for key, value in override.items():
        below = merged.get(key)
        if isinstance(below, dict) and isinstance(value, Mapping):
            merged[key] = merge(below, value)
        else:
            merged[key] = copy.deepcopy(value)
    return merged


def typed(text: str) -> Any:
    """Read a value as `helm --set` does: true, false, null, whole numbers; all else is text."""
    words = {"true": True, "false": False, "null": None, "0": 0}
    if text.lower() in words:
        return words[text.lower()]
    return int(text) if re.fullmatch(r"[+-]?[1-9]\d{0,17}", text) else text


def apply_set(values: Values, expression: str, read: Callable[[str], Any] = typed) -> Values:
    r"""Return values with `a.b=1,c[0].d=x,e={x,y}` on top: the grammar of Helm's --set, --set-string and --set-file.

    Args:
        values: What there is; stays as it is.
        expression: One or more assignments; `\` takes the meaning from `,`, `.`, `=`, `[` and `{`.
        read: What becomes of the text of a value: `typed`, `str`, or the content of the file that it names.

    Raises:
        ValuesError: the expression cannot be read.
    """
    result = copy.deepcopy(values)
    position = 0
    while position < len(expression):
        position = _assign(result, expression, position, read)
    return result


def _assign(values: Values, text: str, position: int, read: Callable[[str], Any]) -> int:
    """Set one value; return where the next assignment begins."""
    path, position = _path(text, position)
    value, position = _value(text, position, read)
    node: Any = values
    for key, following in itertools.pairwise(path):
        node = _enter(node, key, [] if isinstance(following, int) else {})
    _put(node, path[-1], value)
    return position


def _path(text: str, position: int) -> tuple[list[str | int], int]:
    """Read `a.b[0].c=`; return the keys and indices, and where the value begins."""
    path: list[str | int] = []
    pattern, end = _KEY, "."
    while end != "=":
        match = pattern.match(text, position)
        word = match.group(1) if match else ""
        if not match or (pattern is _KEY and not word and end != "]"):
            raise ValuesError(f"--set {text}: a key or an index is missing after {text[:position]!r}")
        if pattern is _INDEX:
            if int(word) > LARGEST_INDEX:
                raise ValuesError(f"--set {text}: index {word} is larger than {LARGEST_INDEX}")
            path.append(int(word))
        else:
            path.append(_plain(word))
        position, end = match.end(), match.group(2)
        if end in {"", ","}:
            raise ValuesError(f"--set {text}: key {word!r} has no value", hint="KEY=VALUE")
        pattern = _INDEX if end == "[" else _KEY
    return path, position


def _value(text: str, position: int, read: Callable[[str], Any]) -> tuple[Any, int]:
    """Read a value, or a list in braces; return it and where the next assignment begins."""
    if text[position : position + 1] != "{":
        match = _VALUE.match(text, position)
        if match is None:
            raise ValuesError(f"--set {text}: ends in the middle of an escape")
        return read(_plain(match.group(1))), match.end()
    items: list[Any] = []
    end = ","
    position += 1
    while end == ",":
        match = _ITEM.match(text, position)
        if match is None:
            raise ValuesError(f"--set {text}: a list must end with '}}'")
        items.append(read(_plain(match.group(1))))
        position, end = match.end(), match.group(2)
    return items, position + (text[position : position + 1] == ",")


def _enter(node: Any, key: str | int, empty: Any) -> Any:
    """Return what is at the key, made if it is not there or is not of the wanted kind."""
    below = node[key] if isinstance(node, dict) and key in node else None
    if isinstance(key, int) and key < len(node):
        below = node[key]
    if below is None:
        below = empty
    if not isinstance(below, type(empty)):
        raise ValuesError(f"--set {key}: the value there is {below!r}, which has nothing below it")
    _put(node, key, below)
    return below


def _put(node: Any, key: str | int, value: Any) -> None:
    if isinstance(key, int):
        node.extend([None] * (key + 1 - len(node)))
    node[key] = value


def _plain(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)
