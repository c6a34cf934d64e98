"""Load application packages with cwltool, and find the process that a run starts with.

cwltool knows which fields of CWL are references, how versions are upgraded and what is valid; this module gives cwltool
a fetcher with limits and chooses the entry point. Importing this module takes half a second, because cwltool does.
"""

import functools
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

from cwltool.context import LoadingContext
from cwltool.load_tool import fetch_document, make_tool, resolve_and_validate_document
from cwltool.workflow import default_make_tool

from bai_kit.errors import PackageError
from bai_kit.package.addresses import shown, split
from bai_kit.package.faults import translated
from bai_kit.package.fetching import Fetcher
from cwl_dask.core.extension import check_tool
from cwl_dask.core.schema_cache import register

_register_requirement = functools.cache(functools.partial(register, enable_ext=True))
"""Makes cwltool know the requirement, once: cwltool reads its schemas anew each time."""


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
        with translated(shown(self.url)):
            path: Path = self.fetcher.local(url)
            return path

    def text(self, url: str) -> str:
        """Return the text of a file or address that the package refers to.

        Raises:
            PackageError: the text cannot be read.
        """
        with translated(shown(self.url)):
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
    texts: dict[str, str] = {}
    with translated(shown(url)):
        _register_requirement()
        context = LoadingContext({
            "skip_schemas": True, "doc_cache": False, "enable_ext": True, "construct_tool_object": _make_checked,
            "fetcher_constructor": lambda cache, _session: Fetcher(folder, texts, cache, alone=alone),
        })  # fmt: skip
        context, document, url = fetch_document(url, context)
        if not isinstance(document, dict) or not {"class", "$graph", "cwl:tool"} & set(document):
            raise PackageError(f"{shown(url)}: not a CWL document: neither `class` nor `$graph` at its top")
        tool = document.get("cwl:tool")  # a file of inputs names its package so
        context, _ = resolve_and_validate_document(context, document, url)
        if tool:
            if context.overrides_list:
                raise PackageError(f"{shown(url)}: its requirements cannot become a part of the package {tool}")
            for text in [text for text in texts if text.partition("#")[0] == url]:
                del texts[text]  # no document of the package
            url, _, fragment = urljoin(url, tool).partition("#")
            name = name or fragment
        entry = _entry(context.loader.resolve_ref(url)[0], url, name)
        return Loaded(url, entry, make_tool(entry, context), context, context.loader.fetcher)


def load_text(text: str) -> Loaded:
    """Load a document that must be complete in itself.

    Raises:
        PackageError: the document is not valid, or refers to another one.
    """
    with tempfile.TemporaryDirectory(prefix="bai-kit-") as folder:
        path = Path(folder, "package.json")
        path.write_text(text, encoding="utf-8")
        return load(path, alone=True)


def needs(tool: Any) -> Iterator[str]:
    """Yield what a machine without a container engine lacks to run a package."""
    for step in getattr(tool, "steps", ()):
        yield from needs(step.embedded_tool)
    name = tool.tool["id"].rpartition("#")[2].rpartition("/")[2]
    docker, is_required = tool.get_requirement("DockerRequirement")
    if is_required and tool.tool["class"] == "CommandLineTool":
        image = docker.get("dockerPull", docker.get("dockerImageId"))
        yield f"a container engine, because {name} runs only in the image {image}"
    if any(entry["id"].endswith(("#class", "/class")) for entry in tool.tool["inputs"]):
        yield f"another name of the input `class` of {name}, because cwltool takes it for the class of a value"
    if tool.tool["class"] == "Operation":
        yield f"a program for {name}, because an Operation has none"


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
    if spec.get("class") == "CommandLineTool":
        check_tool(spec, context)
    return default_make_tool(spec, context)
