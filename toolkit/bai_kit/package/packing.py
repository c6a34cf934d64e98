"""One CWL document out of several: `$import`, `$include` and the files that steps run become parts of it.

A file that a step runs adds its processes to `$graph`; an id that is taken gets a number. What a step runs in the same
document is left as it is, so that a document without references comes out as it went in.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urldefrag, urlsplit

from bai_kit.errors import PackageError

Json = dict[str, Any]
MOST_FILES = 100
"""Files of one package; more is a mistake or an attack."""


def embed(path: Path, load: Callable[[Path], Any]) -> Json:
    """Load a document and everything that it refers to into one.

    Args:
        path: The package's file.
        load: Reads one file.

    Raises:
        PackageError: no CWL document, a reference that cannot be read, that leads back to itself or to a network
            address, or parts that do not go together.
    """
    return _Packing(path.resolve(), load).pack(path)


class _Packing:
    """What is known while files are put together."""

    def __init__(self, root: Path, load: Callable[[Path], Any]) -> None:
        self.root = root
        self.load = load
        self.version = ""
        self.namespaces: dict[str, str] = {}
        self.added: list[Json] = []
        """Processes of other files, in the order in which they were met."""
        self.names: set[str] = set()
        """Ids that are taken."""
        self.renamed: dict[Path, dict[str, str]] = {}
        """For each file that a step runs, its processes' ids and the ids that they have here."""
        self.files: set[Path] = set()

    def pack(self, path: Path) -> Json:
        document = self._document(self.root, shown=path)
        self.names = {_name(each) for each in document.get("$graph", [document])}
        package: Json = self._resolve(document, self.root, (self.root,))
        if self.added:
            package = _as_graph(package)
            package["$graph"] += self.added
        if self.namespaces:
            package["$namespaces"] = self.namespaces
        return package

    def _document(self, file: Path, shown: Path) -> Json:
        document = self.load(file if file != self.root else shown)
        if not isinstance(document, dict) or not ("class" in document or "$graph" in document):
            raise PackageError(f"{shown}: not a CWL document: neither `class` nor `$graph` at its top")
        version = document.get("cwlVersion", self.version)
        if not isinstance(version, str) or not version:
            raise PackageError(f"{shown}: cwlVersion is missing")
        if self.version and version != self.version:
            raise PackageError(f"{shown}: is CWL {version}, the package is {self.version}; one version is needed")
        self.version = version
        for prefix, uri in document.get("$namespaces", {}).items():
            if self.namespaces.setdefault(prefix, uri) != uri:
                raise PackageError(f"{shown}: $namespaces.{prefix} has another address than in {self.root.name}")
        return document

    def _resolve(self, node: Any, file: Path, chain: tuple[Path, ...]) -> Any:
        if isinstance(node, list):
            return [self._resolve(each, file, chain) for each in node]
        if not isinstance(node, dict):
            return node
        if set(node) == {"$import"}:
            target = self._target(node["$import"], file, chain)
            return self._resolve(self.load(target), target, (*chain, target))
        if set(node) == {"$include"}:
            return self._text(self._target(node["$include"], file, ()))
        resolved = {key: self._resolve(value, file, chain) for key, value in node.items()}
        if isinstance(resolved.get("run"), str) and not resolved["run"].startswith("#"):
            resolved["run"] = self._run(resolved["run"], file, chain)
        if node.get("class") in {"File", "Directory"}:
            _refuse_local(resolved, file)
        return resolved

    def _run(self, reference: str, file: Path, chain: tuple[Path, ...]) -> str:
        path, fragment = urldefrag(reference)
        target = self._target(path, file, chain)
        if target not in self.renamed:
            self._add(target, chain)
        renamed = self.renamed[target]
        wanted = fragment or ("main" if "main" in renamed else next(iter(renamed)) if len(renamed) == 1 else "")
        if wanted not in renamed:
            raise PackageError(f"{file.name}: run: {reference}: that file has {', '.join(renamed)}")
        return f"#{renamed[wanted]}"

    def _add(self, target: Path, chain: tuple[Path, ...]) -> None:
        """Add a file's processes under ids that are free here."""
        document = self._document(target, shown=target)
        processes = document.get("$graph", [document])
        renamed = {_name(each): self._free(_name(each), target) for each in processes}
        self.renamed[target] = renamed
        for process in processes:
            own = {key: value for key, value in process.items() if key not in {"cwlVersion", "$namespaces", "$schemas"}}
            own = {"class": own["class"], **own, "id": renamed[_name(process)]}
            self.added.append(_point_to(self._resolve(own, target, (*chain, target)), renamed))

    def _free(self, name: str, target: Path) -> str:
        wanted = target.stem if name == "main" else name
        free = next(each for each in _numbered(wanted) if each not in self.names)
        self.names.add(free)
        return free

    def _target(self, reference: Any, file: Path, chain: tuple[Path, ...]) -> Path:
        """Find the file that a reference means."""
        parts = urlsplit(str(reference))
        if parts.scheme not in {"", "file"}:
            raise PackageError(
                f"{file.name}: {reference} is a network address",
                hint="download it beside the package and refer to the file",
            )
        target = (file.parent / unquote(parts.path)).resolve()
        if target in chain:
            raise PackageError(f"{file.name}: {reference} leads back to itself")
        self.files.add(target)
        if len(self.files) > MOST_FILES:
            raise PackageError(f"{self.root.name}: refers to more than {MOST_FILES} files")
        if not target.is_file():
            raise PackageError(f"{file.name}: {reference}: no such file: {target}")
        return target

    @staticmethod
    def _text(file: Path) -> str:
        try:
            return file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as exc:
            raise PackageError(f"{file}: cannot be included: {exc}") from exc


def _as_graph(package: Json) -> Json:
    """Move a package's only process under `$graph`."""
    if "$graph" in package:
        return package
    top = {key: value for key, value in package.items() if key in {"cwlVersion", "$schemas"} or ":" in key}
    process = {key: value for key, value in package.items() if key not in top and key != "$namespaces"}
    return {**top, "$graph": [{**process, "id": "main"}]}


def _name(process: Mapping[str, Any]) -> str:
    return str(process.get("id", "main")).rsplit("#", 1)[-1]


def _numbered(name: str) -> Iterator[str]:
    yield name
    for number in range(2, MOST_FILES * MOST_FILES):
        yield f"{name}_{number}"


def _point_to(node: Any, renamed: Mapping[str, str]) -> Any:
    """Let what a process says about processes of its own file (`#id`, `#id/port`) mean their new ids."""
    if isinstance(node, list):
        return [_point_to(each, renamed) for each in node]
    if isinstance(node, dict):
        return {key: _point_to(value, renamed) for key, value in node.items()}
    if isinstance(node, str) and node.startswith("#"):
        first, slash, rest = node[1:].partition("/")
        return f"#{renamed.get(first, first)}{slash}{rest}"
    return node


def _refuse_local(value: Mapping[str, Any], file: Path) -> None:
    location = value.get("location", value.get("path"))
    if isinstance(location, str) and not urlsplit(location).scheme:
        raise PackageError(
            f"{file.name}: the default {value['class']} {location} is on this machine only",
            hint="make it an input without a default, or give its URL",
        )
