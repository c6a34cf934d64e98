"""Find what a deploy would change, object by object, without changing anything and without showing a secret."""

import difflib
import hashlib
import json
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from bai_kit.release.helm import Helm, Json
from bai_kit.release.plan import Release
from bai_kit.release.render import as_yaml

_KEY = secrets.token_bytes(16)
_ABSENT = object()


@dataclass(frozen=True, slots=True)
class Change:
    """An object that would be created, changed or deleted."""

    release: str
    object: str
    """Kind and name."""
    what: str
    """create, change or delete."""
    diff: str
    """Unified diff of the object as YAML; for JSON inside a ConfigMap, the values that differ."""


@dataclass(frozen=True, slots=True)
class Changes:
    """Everything that a deploy would change."""

    namespace: str
    changes: tuple[Change, ...]

    def __rich__(self) -> str:
        """Show the changes to people."""
        from rich.markup import escape  # noqa: PLC0415 - only for people

        if not self.changes:
            return f"nothing to change in namespace {self.namespace}"
        texts = [f"{change.what} {change.object}\n{change.diff}".rstrip() for change in self.changes]
        return escape("\n".join(texts))


def new_namespace(name: str, labels: dict[str, str]) -> Change:
    """Return the change that creates the namespace."""
    text = as_yaml({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
    return Change("", f"Namespace/{name}", "create", _lines(f"Namespace/{name}", "", text))


def find_changes(helm: Helm, releases: Sequence[Release]) -> tuple[Change, ...]:
    """Compare installed objects with those that Helm would apply.

    Raises:
        ValuesError: a chart refuses its values.
    """
    found: list[Change] = []
    for release in releases:
        current = helm.current(release.name)
        before = _by_name(current.manifest if current else ())
        after = _by_name(helm.preview(release.name, release.chart, release.values).manifest)
        for name in sorted(before.keys() | after.keys()):
            old, new = before.get(name), after.get(name)
            if old != new:
                what = "create" if old is None else "change" if new is not None else "delete"
                found.append(Change(release.name, name, what, _diff(name, old, new)))
    return tuple(found)


def _by_name(objects: Sequence[Json]) -> dict[str, Json]:
    return {f"{found['kind']}/{found['metadata']['name']}": _hidden(found) for found in objects}


def _hidden(found: Json) -> Json:
    """Replace the values of a Secret with placeholders that show only whether values differ."""
    if found["kind"] != "Secret":
        return found
    parts = {key: found[key] for key in ("data", "stringData") if found.get(key)}
    return found | {key: {name: _fingerprint(value) for name, value in part.items()} for key, part in parts.items()}


def _fingerprint(value: object) -> str:
    """Return a placeholder that differs for different values. Its random key prevents guessing passwords from it."""
    return f"(hidden, {hashlib.blake2s(str(value).encode(), key=_KEY, digest_size=4).hexdigest()})"


def _diff(name: str, old: Json | None, new: Json | None) -> str:
    """Return the lines that differ; JSON inside a ConfigMap is compared value by value."""
    documents: list[str] = []
    if old and new and new["kind"] == "ConfigMap":
        old, new = old | {"data": dict(old.get("data") or {})}, new | {"data": dict(new.get("data") or {})}
        for key in sorted(old["data"].keys() & new["data"].keys()):
            before, after = _json(old["data"][key]), _json(new["data"][key])
            if before is not None and after is not None and old["data"][key] != new["data"][key]:
                documents += [f"{key}: {line}" for line in _values(before, after)]
                old["data"][key] = new["data"][key] = "(see below)"
    text = _lines(name, as_yaml(old) if old else "", as_yaml(new) if new else "")
    return "\n".join([*([text] if text else []), *documents])


def _json(text: str) -> Any:
    """Return what a text holds as a JSON object or list; None for any other text."""
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict | list) else None


def _values(old: Any, new: Any, path: str = "") -> Iterator[str]:
    """Yield `path: old -> new` for every value that differs."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            below = f"{path}.{key}" if path else key
            yield from _values(old.get(key, _ABSENT), new.get(key, _ABSENT), below)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, pair in enumerate(zip(old, new, strict=True)):
            yield from _values(*pair, f"{path}[{index}]")
    elif old != new:
        yield f"{path}: {_shown(old)} -> {_shown(new)}"


def _shown(value: Any) -> str:
    return "(none)" if value is _ABSENT else json.dumps(value, ensure_ascii=False)


def _lines(name: str, old: str, new: str) -> str:
    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), f"{name} (now)", f"{name} (then)", lineterm="")
    return "\n".join(lines)
