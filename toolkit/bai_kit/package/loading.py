"""Load application packages with cwltool: find the entry point, check everything, and say what is wrong in one line.

cwltool knows which fields of CWL are references, how versions are upgraded and how documents are packed; this module
gives cwltool a fetcher with limits, chooses the process to start with, and translates cwltool's errors.
"""

import contextlib
import functools
import json
import logging
import re
import signal
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

from bai_kit.errors import PackageError
from bai_kit.package.addresses import shown, split

MOST_REASONS = 10
"""Reasons of an invalid package that are shown; later reasons often follow from the first."""
LOAD_S = 60
"""Seconds that loading may take; a package whose steps run each other many times over never ends to load."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A package that cwltool accepts."""

    url: str
    """Of the document, without the process."""
    entry: str
    """URL of the process that a run starts with."""
    tool: Any
    """cwltool's object for this process."""
    context: Any
    """cwltool's loading context, with the index of all documents."""
    fetcher: Any
    """The package's `Fetcher`, with the texts of all documents."""

    def path(self, url: str) -> Path:
        """Return the path of a local file that the package refers to.

        Raises:
            PackageError: the file is outside the package's folder.
        """
        with _translated(shown(self.url)):
            path: Path = self.fetcher.local(url)
            return path

    def text(self, url: str) -> str:
        """Return the text of a file or address that the package refers to.

        Raises:
            PackageError: the text cannot be read.
        """
        with _translated(shown(self.url)):
            return str(self.fetcher.fetch_text(url))


def load(package: str | Path, root: Path | None = None, *, alone: bool = False) -> Loaded:
    """Load a package as the runners do: by CWL's schema, by cwltool's own checks, and by those of our requirement.

    Args:
        package: Path or URL of a document, with `#NAME` for one of its processes.
        root: Folder that local references must stay in; the document's own folder when None.
        alone: Whether the document must do without any other.

    Raises:
        PackageError: the package is not valid; a line for each reason, with file, line and column.
    """
    url, name = split(package)
    local = Path(shown(url)) if urlsplit(url).scheme == "file" else None
    folder = (root.resolve() if root else local.parent) if local else None
    with _translated(shown(url)), _limited(), _quiet():
        return _load(url, name, functools.partial(_fetcher, folder, {}, alone=alone))


def load_text(text: str) -> Loaded:
    """Load a document that must be complete in itself.

    Raises:
        PackageError: the document is not valid, or refers to another one.
    """
    with tempfile.TemporaryDirectory(prefix="bai-kit-") as folder:
        path = Path(folder, "package.json")
        path.write_text(text, encoding="utf-8")
        return load(path, alone=True)


def pack(loaded: Loaded, top: Mapping[str, Any]) -> dict[str, Any]:
    """Return a package as one document with the entry point `main`, packed by cwltool.

    Args:
        loaded: The package.
        top: Keys of the document that are no part of a process: cwltool's packer drops them.

    Raises:
        PackageError: cwltool cannot pack the package.
    """
    from cwltool.pack import pack as cwltool_pack  # noqa: PLC0415 - cwltool takes half a second to import

    held: dict[str, Any] = {}
    texts = dict(loaded.fetcher.texts)
    with _translated(shown(loaded.url)), _limited(), _quiet():
        for url in filter(loaded.context.loader.idx.__contains__, texts):  # not the texts that are included
            loaded.fetcher.texts[url] = _without_defaults(texts[url], held)
        packed = cwltool_pack(loaded.context, loaded.entry)
    loaded.fetcher.texts.update(texts)
    graph = _ordered(packed["$graph"], held)
    head = {"cwlVersion": packed["cwlVersion"], **top}
    if "$schemas" in packed:  # one that is no list comes as its letters
        head["$schemas"] = sorted(schema for schema in packed["$schemas"] if len(schema) > 1)
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


def in_file_order(entries: Any) -> list[Any]:
    """Return the inputs, outputs or steps of a process as the file has them; schema-salad sorts maps by name."""
    places = getattr(getattr(entries, "lc", None), "data", None) or {}
    return [entry for _, entry in sorted(enumerate(entries), key=lambda pair: places.get(pair[0], [pair[0], 0])[:2])]


def _ordered(node: Any, held: Mapping[str, Any]) -> Any:
    """Return a packed document in the file's order, with the values of `held` in their places."""
    if isinstance(node, list):
        return [_ordered(entry, held) for entry in node]
    if not isinstance(node, dict):
        return held.get(node, node) if isinstance(node, str) else node
    lists = {key: in_file_order(value) for key, value in node.items() if key in _NAMED and isinstance(value, list)}
    return {key: _ordered(value, held) for key, value in {**node, **lists}.items()}


_NAMED = ("inputs", "outputs", "steps", "in")
"""Fields of CWL that are lists or maps by name, whose order means nothing."""


def needs(tool: Any) -> Iterator[str]:
    """Yield what a machine without a container engine lacks to run a package."""
    for step in getattr(tool, "steps", ()):
        yield from needs(step.embedded_tool)
    name = tool.tool["id"].rpartition("#")[2].rpartition("/")[2]
    docker, is_required = tool.get_requirement("DockerRequirement")
    if is_required and tool.tool["class"] == "CommandLineTool":
        image = docker.get("dockerPull", docker.get("dockerImageId"))
        yield f"a container engine, because {name} runs only in the image {image}"
    if tool.tool["class"] == "Operation":
        yield f"a program for {name}, because an Operation has none"


def parse_yaml(text: str, name: str) -> Any:
    """Return one YAML or JSON document as plain data; dates stay text, and keys keep their order.

    Raises:
        PackageError: not one YAML document, a key twice, an unknown tag; with file and line.
    """
    from ruamel.yaml import YAML, YAMLError  # noqa: PLC0415 - commands without a package need not pay
    from ruamel.yaml.constructor import SafeConstructor  # noqa: PLC0415

    from bai_kit.package.fetching import too_large  # noqa: PLC0415 - see above

    class Constructor(SafeConstructor):  # type: ignore[misc] # ruamel has no types
        """Leaves dates as they are written."""

    Constructor.add_constructor("tag:yaml.org,2002:timestamp", SafeConstructor.construct_yaml_str)
    yaml = YAML(typ="safe", pure=True)
    yaml.Constructor = Constructor
    if reason := too_large(text):
        raise PackageError(f"cannot read {name}: {reason}")
    try:
        return yaml.load(text)
    except YAMLError as exc:
        mark = getattr(exc, "problem_mark", None)
        where = f"{name}:{mark.line + 1}:{mark.column + 1}" if mark else name
        raise PackageError(f"{where}: {_sentence(getattr(exc, 'problem', None) or str(exc))}") from exc


def _load(url: str, name: str, fetcher: Callable[[Any, Any], Any]) -> Loaded:
    from cwltool.context import LoadingContext  # noqa: PLC0415 - cwltool takes half a second to import
    from cwltool.load_tool import fetch_document, make_tool, resolve_and_validate_document  # noqa: PLC0415

    _register_requirement()
    context = LoadingContext({
        "skip_schemas": True, "doc_cache": False, "enable_ext": True, "construct_tool_object": _make_checked,
        "fetcher_constructor": fetcher,
    })  # fmt: skip
    context, document, url = fetch_document(url, context)
    if not isinstance(document, dict) or not {"class", "$graph", "cwl:tool"} & set(document):
        raise PackageError(f"{shown(url)}: not a CWL document: neither `class` nor `$graph` at its top")
    tool = document.get("cwl:tool")  # a file of inputs names its package so
    context, _ = resolve_and_validate_document(context, document, url)
    if tool:
        if context.overrides_list:
            raise PackageError(f"{shown(url)}: its requirements cannot become a part of the package {tool}")
        url, _, fragment = urljoin(url, tool).partition("#")
        name = name or fragment
    entry = _entry(context.loader.resolve_ref(url)[0], url, name)
    return Loaded(url, entry, make_tool(entry, context), context, context.loader.fetcher)


def _fetcher(folder: Path | None, texts: dict[str, str], cache: Any, _session: Any, *, alone: bool) -> Any:
    from bai_kit.package.fetching import Fetcher  # noqa: PLC0415 - schema-salad takes as long

    return Fetcher(folder, texts, cache, alone=alone)


def _entry(found: Any, url: str, name: str) -> str:
    """Return the URL of the process to start with: the one that is named, `#main`, or the only one that none runs.

    Raises:
        PackageError: there is no such process, or there are several; the message lists them as `FILE#NAME`.
    """
    processes = {str(process["id"]): process for process in (found if isinstance(found, list) else [found])}
    short = {uri.rpartition("#")[2].rpartition("/")[2]: uri for uri in processes}
    if wanted := short.get(name or "main"):
        return wanted
    if not name:
        run = {reference for process in processes.values() for reference in _runs(process)}
        free = [uri for uri in processes if uri not in run]
        if len(free) == 1:
            return free[0]
        short = {key: uri for key, uri in short.items() if uri in free} or short
    reason = f"no process is named {name}" if name else "several processes could be run and none is named main"
    names = ", ".join(f"{shown(url)}#{key}" for key in short)
    raise PackageError(f"{shown(url)}: {reason}", hint=f"name one of {names}")


def _runs(process: Any) -> Iterator[str]:
    for step in process.get("steps", ()):
        if isinstance(step["run"], str):
            yield step["run"]
        else:
            yield from _runs(step["run"])


def _make_checked(spec: Any, context: Any) -> Any:
    from cwltool.workflow import default_make_tool  # noqa: PLC0415 - see above

    from cwl_dask.core.extension import check_tool  # noqa: PLC0415 - see above

    if spec.get("class") == "CommandLineTool":
        check_tool(spec, context)
    return default_make_tool(spec, context)


@functools.cache  # cwltool reads its schemas anew each time
def _register_requirement() -> None:
    from cwl_dask.core.schema_cache import register  # noqa: PLC0415 - see above

    register(enable_ext=True)


@contextlib.contextmanager
def _translated(name: str) -> Iterator[None]:
    """Turn every failure of cwltool into one PackageError."""
    from cwltool.errors import WorkflowException  # noqa: PLC0415 - see above
    from schema_salad.exceptions import SchemaSaladException  # noqa: PLC0415 - see above

    try:
        yield
    except PackageError:
        raise
    except StopIteration as exc:
        raise PackageError(f"cannot load {name}: not a CWL document: the file is empty") from exc
    except (SchemaSaladException, WorkflowException, RecursionError) as exc:
        raise PackageError(f"cannot load {name}:{reasons(exc)}") from exc
    # Documents of an odd form fail in cwltool with Python's own errors.
    except (AssertionError, AttributeError, KeyError, IndexError, RuntimeError, TypeError, ValueError) as exc:
        reason = f"{type(exc).__name__} in cwltool: {' '.join(str(exc).split())}"
        raise PackageError(f"cannot load {name}: {reason}") from exc


def reasons(error: Exception) -> str:
    """Return a failure of cwltool as text: one line if there is one reason, else a line for each, with its place."""
    leaves: list[Any] = error.leaves() if hasattr(error, "leaves") else []
    # A class that fits none of CWL's is compared with all of them; the other reasons say what is wrong.
    leaves = [leaf for leaf in leaves if "Expected class" not in leaf.message] or leaves
    lines = [f"{_place(leaf.prefix())}{_sentence(leaf.message)}" for leaf in leaves] or [_sentence(str(error))]
    lines = list(dict.fromkeys(lines))
    if len(lines) == 1:
        return f" {lines[0]}"
    more = [f"and {len(lines) - MOST_REASONS} more"] if len(lines) > MOST_REASONS else []
    return "".join(f"\n  {line}" for line in lines[:MOST_REASONS] + more)


_PLACE = re.compile(r"(?:\w+://)?[^\s:]+:\d+:\d+:")
_PREAMBLE = re.compile(r"(Tool definition failed (initialization|validation):|Got workflow error|\* )\s*")


def _sentence(text: str) -> str:
    """Join the lines of an error message of cwltool; keep file and line number once, though every line repeats them."""
    text = _PREAMBLE.sub("", text)
    places = [match.group() for match in _PLACE.finditer(text)]
    joined = " ".join(_PLACE.sub("", text).split())
    return f"{_place(places[-1])}{joined}" if places else joined


def _place(prefix: str) -> str:
    """Return `file:line:column: ` with the whole path of a local file; empty where cwltool names no place."""
    file, _, place = shown(prefix.rstrip(": ")).partition(":")
    if not place:
        return ""
    return f"{Path(file).resolve() if Path(file).exists() else file}:{place}: "


@contextlib.contextmanager
def _limited() -> Iterator[None]:
    """End loading after a minute; only the main thread can have a timer."""

    def stop(_signum: int, _frame: object) -> None:
        raise PackageError(f"the package takes more than {LOAD_S} s to load: its steps run too many others")

    try:
        before = signal.signal(signal.SIGALRM, stop)
    except ValueError:  # not the main thread
        yield
        return
    signal.setitimer(signal.ITIMER_REAL, LOAD_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Hide cwltool's log lines, because the raised error repeats them."""
    loggers = [logging.getLogger(name) for name in ("cwltool", "salad", "rdflib.term")]
    before = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.CRITICAL)
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
