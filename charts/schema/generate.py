"""Generate the schema, the README's table and the refused keys of a chart from the models of its values.

    python -m charts.schema.generate write [CHART ...]     values.schema.json, the README's table, files/refused.json
    python -m charts.schema.generate check [CHART ...]     end with 1 and name files that are out of date

`values.yaml` is written by hand, because of its comments; `check` compares its defaults with those of the models.
"""

import importlib
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml
from pydantic.fields import FieldInfo

from charts.schema.model import Model

MODELS = MappingProxyType({"bai-chart": "charts.schema.bai_chart", "dask-gateway": "charts.schema.dask_gateway"})
"""Chart's name to the module whose class `Values` models its values."""
CHARTS = Path(__file__).parents[1]
TABLE = re.compile(r"(?<=<!-- values -->\n).*?(?=<!-- /values -->)", re.DOTALL)


def values_model(chart: str) -> type[Model]:
    """Return the class that models a chart's values."""
    model: type[Model] = importlib.import_module(MODELS[chart]).Values
    return model


def json_schema(model: type[Model]) -> dict[str, Any]:
    """Return the JSON schema that Helm applies: draft 7, which every Helm since 3.0 reads."""
    schema = {"$schema": "http://json-schema.org/draft-07/schema#", **model.model_json_schema(by_alias=True)}
    cleaned: dict[str, Any] = _without_titles(schema)
    cleaned["title"] = "values"
    return cleaned


def _without_titles(node: Any) -> Any:
    """Remove the titles that pydantic makes of names, but keep properties with the name `title`."""
    if isinstance(node, list):
        return [_without_titles(item) for item in node]
    if not isinstance(node, dict):
        return node
    return {key: _without_titles(item) for key, item in node.items() if key != "title" or not isinstance(item, str)}


def defaults(model: type[Model]) -> dict[str, Any]:
    """Return the defaults that values.yaml must have."""
    return model().model_dump(by_alias=True, mode="json", exclude_unset=False)


def _leaves(model: type[Model], prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Yield (dotted key, field) of every key whose value is not a model."""
    for name, field in model.model_fields.items():
        key = f"{prefix}{field.alias or name}"
        if isinstance(field.annotation, type) and issubclass(field.annotation, Model):
            yield from _leaves(field.annotation, f"{key}.")
        else:
            yield key, field


def _is_refused(field: FieldInfo) -> bool:
    return isinstance(field.json_schema_extra, dict) and bool(field.json_schema_extra.get("refused"))


def refused_keys(model: type[Model]) -> dict[str, str]:
    """Return the keys that the chart refuses, each with its replacement."""
    return {key: field.description or "" for key, field in _leaves(model) if _is_refused(field)}


def table(model: type[Model]) -> str:
    """Return the README's table: every key, its default, its meaning."""
    tree = defaults(model)
    rows = ["| key | default | meaning |", "|---|---|---|"]
    for key, field in _leaves(model):
        if _is_refused(field):
            continue
        value: Any = tree
        for part in key.split("."):
            value = value[part]
        meaning = " ".join((field.description or "").split()).replace("|", r"\|")
        rows.append(f"| `{key}` | `{json.dumps(value).replace('|', chr(92) + '|')}` | {meaning} |")
    if gone := refused_keys(model):
        rows += ["", "Refused keys:", "", "| key | instead |", "|---|---|"]
        rows += [f"| `{key}` | {use} |" for key, use in gone.items()]
    return "\n".join(rows) + "\n"


def generated(chart: str) -> dict[Path, str]:
    """Return the files made from a chart's models, with their whole text."""
    model, home = values_model(chart), CHARTS / chart
    files = {home / "values.schema.json": json.dumps(json_schema(model), indent=2, ensure_ascii=False) + "\n"}
    if gone := refused_keys(model):
        files[home / "files" / "refused.json"] = json.dumps(gone, indent=2) + "\n"
    readme = home / "README.md"
    if readme.exists():
        rows = table(model)
        files[readme] = TABLE.sub(lambda _: rows, readme.read_text("utf-8"))
    return files


def drift(chart: str) -> list[str]:
    """Return a line for each file or key that is out of date."""
    found = [
        f"{path} is not what the models say: run python -m charts.schema.generate write"
        for path, text in generated(chart).items()
        if not path.exists() or path.read_text("utf-8") != text
    ]
    written = dict(_flat(yaml.safe_load((CHARTS / chart / "values.yaml").read_text("utf-8"))))
    modelled = dict(_flat(defaults(values_model(chart))))
    for key in sorted(written.keys() | modelled.keys()):
        ours, theirs = modelled.get(key, "no such key"), written.get(key, "no such key")
        if ours != theirs:
            found.append(f"{chart}: {key}: values.yaml says {theirs!r}, the models say {ours!r}")
    return found


def _flat(node: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(node, dict) and node:
        for key, value in node.items():
            yield from _flat(value, f"{prefix}{key}.")
    else:
        yield prefix.rstrip("."), node


def main(arguments: list[str]) -> int:
    """Run the command; return its exit code."""
    verb, charts = arguments[0] if arguments else "", arguments[1:] or list(MODELS)
    if verb not in {"write", "check"}:
        sys.stderr.write(f"{__doc__}\n")
        return 2
    if verb == "write":
        for chart in charts:
            for path, text in generated(chart).items():
                path.parent.mkdir(exist_ok=True)
                path.write_text(text, "utf-8")
        return 0
    found = [line for chart in charts for line in drift(chart)]
    sys.stderr.writelines(f"{line}\n" for line in found)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
