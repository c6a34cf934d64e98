"""What a deploy would change: object by object, and line by line without secrets. Only reads."""

import difflib
import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

import yaml

from bai_kit.release.helm import Helm, Json
from bai_kit.release.plan import Release

_KEY = secrets.token_bytes(16)


@dataclass(frozen=True, slots=True)
class Change:
    """An object that would be made, changed or removed."""

    release: str
    object: str
    """Kind and name."""
    what: str
    """create, change or delete."""
    diff: str
    """Unified diff of the object as YAML."""


@dataclass(frozen=True, slots=True)
class Changes:
    """Everything that a deploy would change."""

    namespace: str
    changes: tuple[Change, ...]
    show_diff: bool = True

    def __rich__(self) -> str:
        """Show it to people."""
        from rich.markup import escape  # noqa: PLC0415 - only for people

        if not self.changes:
            return f"nothing to change in namespace {self.namespace}"
        lines = [escape(each.diff) if self.show_diff else f"{each.what} {each.object}" for each in self.changes]
        return "\n".join(lines)


def find_changes(helm: Helm, releases: Sequence[Release]) -> tuple[Change, ...]:
    """Compare what is installed with what Helm would apply; Kubernetes is asked, nothing is changed.

    Raises:
        ValuesError: a chart does not take its values.
    """
    found: list[Change] = []
    for release in releases:
        current = helm.current(release.name)
        before = _by_name(current.manifest if current else ())
        after = _by_name(helm.preview(release.name, release.chart, release.values).manifest)
        for name in sorted(before.keys() | after.keys()):
            old, new = before.get(name, ""), after.get(name, "")
            if old != new:
                what = "create" if not old else "change" if new else "delete"
                found.append(Change(release.name, name, what, _diff(name, old, new)))
    return tuple(found)


def _by_name(objects: Sequence[Json]) -> dict[str, str]:
    return {f"{each['kind']}/{each['metadata']['name']}": _text(each) for each in objects}


def _text(found: Json) -> str:
    """Write an object as YAML; of a Secret's values only what tells that they differ."""
    if found["kind"] == "Secret":
        parts = {key: found[key] for key in ("data", "stringData") if found.get(key)}
        hidden = {key: {name: _fingerprint(value) for name, value in part.items()} for key, part in parts.items()}
        found = found | hidden
    return yaml.safe_dump(found, sort_keys=True, width=1000)


def _fingerprint(value: object) -> str:
    """Tell values apart within this process; the key keeps anybody from trying passwords against it."""
    return f"(hidden, {hashlib.blake2s(str(value).encode(), key=_KEY, digest_size=4).hexdigest()})"


def _diff(name: str, old: str, new: str) -> str:
    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), f"{name} (now)", f"{name} (then)", lineterm="")
    return "\n".join(lines)
