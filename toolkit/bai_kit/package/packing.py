"""Pack an application package into one document, complete in itself."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cwltool.pack import pack
from ruamel.yaml.representer import RoundTripRepresenter
from ruamel.yaml.scalarfloat import ScalarFloat

from bai_kit.package.addresses import shown
from bai_kit.package.faults import translated
from bai_kit.package.inputs import in_file_order
from bai_kit.package.loading import Loaded
from bai_kit.package.yamltext import exact, parse_yaml


def packed(loaded: Loaded) -> dict[str, Any]:
    """Return a package as one document, whose entry point is the only process or `main`.

    A document that refers to nothing else and has such an entry point keeps its own form; cwltool packs others.

    Raises:
        PackageError: cwltool cannot pack the package.
    """
    text = loaded.fetcher.texts[loaded.url]
    data: dict[str, Any] = parse_yaml(text, shown(loaded.url))
    names_itself = f"{Path(shown(loaded.url)).name}#" in text
    if len(loaded.fetcher.texts) > 1 or names_itself or ("$graph" in data and not loaded.entry.endswith("#main")):
        # cwltool's packer drops the keys of the document that are no part of a process.
        top = {key: value for key, value in data.items() if key == "$namespaces" or (":" in key and "$graph" in data)}
        data = _packed(loaded, top)
    return _with_defaults(data, loaded.context.jobdefaults or {})


def _packed(loaded: Loaded, top: Mapping[str, Any]) -> dict[str, Any]:
    held: dict[str, Any] = {}
    texts = dict(loaded.fetcher.texts)
    with translated(shown(loaded.url)):
        for url in filter(loaded.context.loader.idx.__contains__, texts):  # not the texts that are included
            loaded.fetcher.texts[url] = _without_defaults(texts[url], held)
        made = pack(loaded.context, loaded.entry)
    loaded.fetcher.texts.update(texts)
    graph = _ordered(made["$graph"], held)
    head = {"cwlVersion": made["cwlVersion"], **top}
    if "$schemas" in made:  # one that is no list comes as its letters
        head["$schemas"] = sorted(schema for schema in made["$schemas"] if len(schema) > 1)
    return {**head, **graph[0], **head} if len(graph) == 1 else {**head, "$graph": graph}


def _without_defaults(text: str, held: dict[str, Any]) -> str:
    """Return a document with names in place of default values that are maps or lists; the values go to `held`.

    cwltool's packer takes maps in them for processes and named types. Files stay, for cwltool to resolve them.
    """
    data = parse_yaml(text, "")
    before = len(held)
    for process in _entries(data.get("$graph", [data]) if isinstance(data, dict) else ()):
        for parameter in _parameters(process):
            value = parameter.get("default")
            if isinstance(value, dict | list) and not re.search(
                r'"(class|\$import|\$include)": "', json.dumps(value, default=str)
            ):
                parameter["default"] = f"held-default-{len(held)}"
                held[parameter["default"]] = value
    return json.dumps(data, default=str) if len(held) > before else text


def _parameters(process: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the inputs of a process and of its steps."""
    yield from _entries(process.get("inputs"))
    for step in _entries(process.get("steps")):
        yield from _entries(step.get("in"))
        yield from (_parameters(step["run"]) if isinstance(step.get("run"), dict) else ())


def _entries(field: Any) -> list[dict[str, Any]]:
    """Return the maps in a list or a map by name."""
    return [entry for entry in (field.values() if isinstance(field, dict) else field or ()) if isinstance(entry, dict)]


def _ordered(node: Any, held: Mapping[str, Any]) -> Any:
    """Return a packed document in the file's order, with the values of `held` in their places."""
    if isinstance(node, list):
        return [_ordered(entry, held) for entry in node]
    if isinstance(node, ScalarFloat):
        return exact(node, RoundTripRepresenter().represent_scalar_float(node).value)
    if not isinstance(node, dict):
        return held.get(node, node) if isinstance(node, str) else node
    lists = {key: in_file_order(value) for key, value in node.items() if key in _NAMED and isinstance(value, list)}
    return {key: _ordered(value, held) for key, value in {**node, **lists}.items()}


_NAMED = ("inputs", "outputs", "steps", "in")
"""Fields of CWL that are lists or maps by name, whose order means nothing."""


def _with_defaults(data: dict[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return a document whose entry point has the values of a file of inputs (`cwl:tool`) as its defaults."""
    for process in data.get("$graph", [data]) if given else ():
        if "$graph" not in data or process["id"].removeprefix("#") == "main":
            entries = process["inputs"]
            if isinstance(entries, dict):
                entries = [{"id": k, **(v if isinstance(v, dict) else {"type": v})} for k, v in entries.items()]
            names = [entry["id"].rpartition("#")[2].rpartition("/")[2] for entry in entries]
            process["inputs"] = [
                {**entry, "default": given[name]} if name in given else entry
                for name, entry in zip(names, entries, strict=True)
            ]
    return data
