"""Compute the values of both charts from the profile, the user's files and assignments.

One document holds the values of both charts, below the keys `dask-gateway` and `bai`, and values for both charts below
`global`.
"""

import copy
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bai_kit.errors import ValuesError
from bai_kit.release.helm import Assignments, Helm
from bai_kit.release.profiles import render_values
from bai_kit.settings import Settings

Values = dict[str, Any]

GATEWAY, BAI = "dask-gateway", "bai"
"""Top-level keys of values."""
SHARED = "global"
"""Top-level key of the values that both charts get as `global`."""
CHARTS = {GATEWAY: "dask-gateway", BAI: "bai-chart"}
"""Top-level key to the directory of its chart."""


@dataclass(frozen=True, slots=True)
class Overrides:
    """The values that a user gives in addition to a profile."""

    files: tuple[Path, ...] = ()
    """Values files, later ones win."""
    sets: tuple[str, ...] = ()
    """Assignments as for `helm --set`."""
    set_strings: tuple[str, ...] = ()
    """Assignments whose values are text, as for `helm --set-string`."""
    set_files: tuple[str, ...] = ()
    """Assignments whose values are the contents of files, as for `helm --set-file`."""
    package: str | None = None
    """Another application package, as JSON text."""

    @property
    def assignments(self) -> Assignments:
        """The assignments by Helm's option for each kind."""
        return {"--set": self.sets, "--set-string": self.set_strings, "--set-file": self.set_files}


def plan_values(helm: Helm, settings: Settings, overrides: Overrides) -> Values:
    """Return the values that profile, files and assignments give to both charts, without the charts' own defaults.

    Raises:
        ValuesError: a file cannot be read, an assignment cannot be parsed, or a top-level key is unknown.
    """
    moved = settings.sources.get("registry", "default") != "default"
    values = render_values(settings.profile, registry=settings.registry if moved else "", tag=settings.tag)
    if overrides.package is not None:
        values = merge(values, {BAI: {"package": {"cwl": overrides.package}}})
    for path in overrides.files:
        values = merge(values, load_values(path))
    values = helm.assign(values, overrides.assignments)
    check_top(values, "--set")
    shared = {"global": values[SHARED]} if values.get(SHARED) else {}
    values = {chart: merge(shared, values.get(chart) or {}) for chart in CHARTS}
    for chart in CHARTS:
        if values[chart].get("enabled") is False:
            hint = "bai-kit deploy --no-gateway" if chart == GATEWAY else None
            raise ValuesError(f"cannot leave out a chart by {chart}.enabled: the key is for umbrella charts", hint=hint)
    if settings.tag and not (values[BAI].get("package") or {}).get("cwl"):  # steps must run the code of the workers
        own = {"package": {"image": {"repository": "ghcr.io/bai-kit/bai", "tag": settings.tag}}}
        values[BAI] = merge(own, values[BAI])
    return values


def load_values(path: Path) -> Values:
    """Read a values file.

    Raises:
        ValuesError: the file cannot be read, is not YAML, or has an unknown top-level key.
    """
    try:
        content = yaml.safe_load(path.read_text("utf-8")) or {}
    except (OSError, UnicodeDecodeError) as exc:
        raise ValuesError(f"cannot read {path}: {exc}") from exc
    except yaml.YAMLError as exc:
        raise ValuesError(f"cannot read {path}: not YAML: {' '.join(str(exc).split())}") from exc
    if not isinstance(content, dict):
        raise ValuesError(f"cannot use {path}: not a mapping of values")
    check_top(content, str(path))
    return content


def check_top(values: Mapping[str, Any], where: str) -> None:
    """Check that only the two charts' keys and `global` are at the top.

    Raises:
        ValuesError: another key is there, or a chart's values are not a mapping.
    """
    for key, value in values.items():
        if key not in {*CHARTS, SHARED}:
            raise ValuesError(
                f"{where}: unknown top-level key {key!r}",
                hint=f"put the values of the charts below `{GATEWAY}:` and `{BAI}:`, those of both below `{SHARED}:`",
            )
        if value is not None and not isinstance(value, dict):
            raise ValuesError(f"{where}: {key} is {value!r}, not a mapping of values")


def locate(settings: Settings, overrides: Overrides, chart: str, key: str, fault: str) -> str:
    """Return one line about a value that a chart's schema refuses: where it comes from, its path, and the fault.

    Args:
        settings: Names the profile.
        overrides: Files and assignments.
        chart: Top-level key of the chart.
        key: Path of the value in the chart, joined with dots; a number is an index of a list.
        fault: What the schema says.
    """
    path = f"{chart}.{key}" if key else chart
    unknown = re.search(r"additional prop\w+ '([^']+)'", fault)  # the path is that of the mapping around the key
    wanted = f"{path}.{unknown[1]}" if unknown else path
    source = f"profile {settings.profile}"
    for file in overrides.files:
        source = str(file) if _holds(load_values(file), wanted.split(".")) else source
    for option, expressions in overrides.assignments.items():
        for word in expressions:
            source = option if word.startswith((f"{wanted}=", f"{wanted}[", f"{wanted}.")) else source
    return f"{source}: {path}: {fault}"


def _holds(node: Any, path: Sequence[str]) -> bool:
    """Return whether nested values have something at a path."""
    for part in path:
        if isinstance(node, list) and part.isdigit() and int(part) < len(node):
            node = node[int(part)]
        elif isinstance(node, dict) and part in node:
            node = node[part]
        else:
            return False
    return True


def merge(base: Mapping[str, Any], override: Mapping[str, Any]) -> Values:
    """Return `base` with `override` on top; neither is changed.

    Mappings are merged, lists are replaced. Null stays in the result: Helm itself applies it to the chart's defaults.
    """
    merged = copy.deepcopy(dict(base))
    for key, value in override.items():
        below = merged.get(key)
        if isinstance(below, dict) and isinstance(value, Mapping):
            merged[key] = merge(below, value)
        else:
            merged[key] = copy.deepcopy(value)
    return merged
