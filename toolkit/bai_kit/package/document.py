"""The application package: validate it, and convert it to one JSON document that every CWL runner runs as it is.

A document that refers to nothing else keeps its own form, with keys in the file's order. Every other one is packed by
cwltool. Either way the entry point is `main` or the only process, and small default Files become part of the document.
"""

import importlib.util
import json
import os
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bai_kit.errors import PackageError
from bai_kit.package.addresses import shown
from bai_kit.package.inputs import Input, inputs_of

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


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
    # cwltool takes half a second to import.
    from bai_kit.package import embedding, loading, packing  # noqa: PLC0415 - see above

    loaded = loading.load(package, root)
    data = embedding.embedded(packing.packed(loaded), loaded, portable=portable)
    try:
        text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":")) + "\n"
    except (TypeError, ValueError) as exc:
        raise PackageError(f"cannot convert {shown(loaded.url)}: a value has no JSON form: {exc}") from exc
    # cwltool gives a random name to a process without one, in each conversion another.
    given = "".join(loaded.fetcher.texts.values())
    for number, name in enumerate(dict.fromkeys(name for name in _UUID.findall(text) if name not in given), start=1):
        text = text.replace(name, f"process-{number}")
    tool = loading.load_text(text).tool
    names = [(process.get("id", "main").rpartition("#")[2], process["class"]) for process in data.get("$graph", [data])]
    processes = tuple(f"{name} ({kind})" for name, kind in sorted(names, key=lambda pair: pair[0] != "main"))
    return Package(text, data["cwlVersion"], processes, inputs_of(tool), tuple(dict.fromkeys(loading.needs(tool))))


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
