"""The application package: validate it, and convert it to one JSON document that every CWL runner runs as it is.

A document that refers to nothing else keeps its own form, with keys in the file's order. Every other one is packed by
cwltool. Either way the entry point is `main` or the only process, and small default Files become part of the document.
"""

import contextlib
import importlib.util
import json
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

from bai_kit.errors import PackageError
from bai_kit.package.addresses import shown
from bai_kit.package.inputs import Input, inputs_of
from bai_kit.package.loading import Loaded, load, load_text, needs, pack, parse_yaml

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
MOST_CONTENTS = 64 * 1024
"""Bytes of a default File that can be part of a package: CWL's limit for the `contents` of a File."""


@dataclass(frozen=True, slots=True)
class Package:
    """A package that is valid and complete in itself."""

    text: str
    """One line of JSON."""
    cwl_version: str
    processes: tuple[str, ...]
    """Name and class of each process, the entry point first."""
    inputs: tuple[Input, ...]
    needs: tuple[str, ...]
    """What a machine without a container engine lacks to run the package."""


@dataclass(frozen=True, slots=True)
class Validation:
    """A package that is valid."""

    file: str
    cwl_version: str
    processes: tuple[str, ...]
    """Name and class of each process, the entry point first."""
    inputs: tuple[str, ...]
    """Inputs of the entry point; a question mark marks those that a run need not give."""
    needs: tuple[str, ...]
    """What a machine without a container engine or a network lacks to run the package."""

    def __rich__(self) -> str:
        """Return the package's facts as lines of text."""
        return "\n".join(
            [
                f"{self.file} is valid CWL {self.cwl_version}",
                f"  processes  {', '.join(self.processes)}",
                f"  inputs     {', '.join(self.inputs)}",
                *(f"  needs      {need}" for need in self.needs),
            ]
        )


@dataclass(frozen=True, slots=True)
class Conversion:
    """A package that was written as JSON."""

    file: Path
    bytes: int


def own_package() -> Path:
    """Find the package of the application that is installed beside the toolkit.

    Raises:
        PackageError: the application is not installed.
    """
    found = importlib.util.find_spec("bai")  # found, not imported: the toolkit does not need the application
    if found is None or found.origin is None:
        raise PackageError("the application is not installed", hint="bai-kit run --package FILE")
    return Path(os.path.relpath(Path(found.origin).with_name("bai.cwl")))


def read_package(package: str | Path, *, root: Path | None = None, portable: bool = True) -> Package:
    """Check a package and make it one document.

    Args:
        package: Path or URL of a document, with `#NAME` for one of its processes.
        root: Folder that local references must stay in; the document's own folder when None.
        portable: Whether default Files must be part of the document; else large ones keep their path on this machine.

    Raises:
        PackageError: the package is not valid, or has a default File that cannot travel; with file and line.
    """
    loaded = load(package, root)
    text = loaded.fetcher.texts[loaded.url]
    data = parse_yaml(text, shown(loaded.url))
    names_itself = f"{Path(shown(loaded.url)).name}#" in text
    if len(loaded.fetcher.texts) > 1 or names_itself or ("$graph" in data and not loaded.entry.endswith("#main")):
        top = {key: value for key, value in data.items() if key == "$namespaces" or (":" in key and "$graph" in data)}
        data = pack(loaded, top)
    return _complete(data, loaded, portable=portable)


def validate(package: str | Path, root: Path | None = None) -> Validation:
    """Check that a package can be run and converted, without running it.

    Raises:
        PackageError: the package is not valid; a line for each reason, with file, line and column.
    """
    found = read_package(package, root=root, portable=False)
    inputs = tuple(f"{entry.name}{'' if entry.required else '?'}" for entry in found.inputs)
    return Validation(
        str(package), found.cwl_version, found.processes, inputs, (*found.needs, *_unreachable(found.text))
    )


def _unreachable(text: str) -> Iterator[str]:
    """Yield the addresses of default Files that do not answer; a run needs them unless it gives other Files."""
    from bai_kit.package.fetching import answers  # noqa: PLC0415 - a run need not load it

    for url in dict.fromkeys(re.findall(r'"(?:location|path)":"(https?://[^"]+)"', text)):
        if reason := answers(url):
            yield f"the network or another File, because the default {shown(url)} cannot be fetched: {reason}"


def convert(package: str | Path, root: Path | None = None) -> str:
    """Return a valid package as one line of JSON, complete in itself; the same bytes for the same package.

    Raises:
        PackageError: the package is not valid, or cannot be made complete in itself.
    """
    return read_package(package, root=root).text


def write(text: str, path: Path) -> Conversion:
    """Write a converted package to a file, all of it or nothing.

    Raises:
        PackageError: the file cannot be written.
    """
    data = text.encode()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as temporary:
            temporary.write(data)
        written = Path(temporary.name)
        written.chmod(0o644)
        written.replace(path)
    except OSError as exc:
        raise PackageError(f"cannot write {path}: {exc.strerror}") from exc
    return Conversion(path, len(data))


def _complete(data: Any, loaded: Loaded, *, portable: bool) -> Package:
    """Return a document as a package after loading it alone, so that a reference to another document is an error."""
    data = embed_files(_with_defaults(data, loaded.context.jobdefaults or {}), loaded, portable=portable)
    # Runners load schemas before each run, and use them only to compare the formats of Files.
    if "$schemas" in data and '"format": ' not in json.dumps(data, default=str):
        del data["$schemas"]
    if schemas := data.get("$schemas"):
        schemas = [schemas] if isinstance(schemas, str) else schemas
        data["$schemas"] = [_schema(reference, loaded, portable=portable) for reference in schemas]
    try:
        text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":")) + "\n"
    except (TypeError, ValueError) as exc:
        raise PackageError(f"cannot convert {shown(loaded.url)}: a value has no JSON form: {exc}") from exc
    # cwltool gives a random name to a process without one, in each conversion another.
    random = dict.fromkeys(
        name for name in _UUID.findall(text) if not any(name in t for t in loaded.fetcher.texts.values())
    )
    for number, name in enumerate(random, start=1):
        text = text.replace(name, f"process-{number}")
    alone = load_text(text)
    names = [(process.get("id", "main").rpartition("#")[2], process["class"]) for process in data.get("$graph", [data])]
    processes = tuple(f"{name} ({kind})" for name, kind in sorted(names, key=lambda pair: pair[0] != "main"))
    return Package(text, data["cwlVersion"], processes, inputs_of(alone.tool), tuple(dict.fromkeys(needs(alone.tool))))


def _with_defaults(data: Any, given: Mapping[str, Any]) -> Any:
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


def embed_files(node: Any, loaded: Loaded, *, portable: bool) -> Any:
    """Return CWL with default Files and Directories of this machine as literals, which need no file.

    Args:
        node: Any part of a document.
        loaded: The package: relative references are relative to its document.
        portable: Whether a File that cannot be a literal is an error; else the File keeps its path on this machine.

    Raises:
        PackageError: a default File is too large or not text, or lies outside the package's folder.
    """
    if isinstance(node, list):
        return [embed_files(entry, loaded, portable=portable) for entry in node]
    if not isinstance(node, dict):
        return node
    rest = {key: embed_files(value, loaded, portable=portable) for key, value in node.items()}
    reference = node.get("location", quote(str(node.get("path", ""))))
    if node.get("class") not in {"File", "Directory"} or not isinstance(reference, str) or not reference:
        return rest
    url = urljoin(loaded.url, reference)
    rest = {key: value for key, value in rest.items() if key not in {"location", "path"}}
    # A file that does not exist is no fault yet: a run may give another one.
    is_here = urlsplit(url).scheme == "file" and Path(shown(url)).exists()
    literal = _literal(loaded.path(url), portable=portable) if is_here else None
    return {**(literal or {"class": node["class"], "location": url}), **rest}


def _schema(reference: str, loaded: Loaded, *, portable: bool) -> str:
    """Return the URL of a schema: a `data:` URL with its text when small, which the runners of this project read."""
    url = urljoin(loaded.url, reference)
    if urlsplit(url).scheme == "data":
        return url
    is_here = urlsplit(url).scheme == "file"
    try:
        text = loaded.text(url)
    except PackageError:
        if is_here:
            raise
        return url
    if len(text) <= MOST_CONTENTS:
        return f"data:,{quote(text)}"
    if is_here and portable:
        raise PackageError(
            f"cannot make the schema {shown(url)} a part of the package: more than {MOST_CONTENTS} bytes",
            hint="name the schema by its address in the network",
        )
    return url


def _literal(path: Path, *, portable: bool) -> dict[str, Any] | None:
    """Return a File or Directory as a literal; None when it cannot be one and need not."""
    if path.is_dir():
        if not portable:
            return None
        listing = [_literal(entry, portable=True) for entry in sorted(path.iterdir())]
        return {"class": "Directory", "basename": path.name, "listing": listing}
    size = path.stat().st_size if path.is_file() else MOST_CONTENTS + 1
    with contextlib.suppress(UnicodeDecodeError):
        if size <= MOST_CONTENTS:
            return {"class": "File", "basename": path.name, "contents": path.read_bytes().decode()}
    if portable:
        reason = f"has {size} bytes; {MOST_CONTENTS} fit" if size > MOST_CONTENTS else "is not UTF-8 text"
        raise PackageError(
            f"cannot make the default file {path} a part of the package: the file {reason}",
            hint="bai-kit run --package PACKAGE --param NAME=FILE",
        )
    return None
