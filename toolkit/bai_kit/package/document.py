"""The application package: load, validate, convert to one self-contained JSON. Works for any CWL v1.x document.

YAML is read as YAML 1.2 (`on`, `no` and `12:30` are text; dates stay text), as CWL runners read it. The steps of
`convert` are: load, embed what the document refers to (`bai_kit.package.packing`), write JSON keys in the file's order.
"""

import importlib.util
import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bai_kit.errors import PackageError
from bai_kit.package.checking import check_cwl, first_line
from bai_kit.package.inputs import package_inputs
from bai_kit.package.packing import embed


@dataclass(frozen=True, slots=True)
class Validation:
    """A package that is valid."""

    file: Path
    cwl_version: str
    processes: list[str]
    """Ids of its processes, in the file's order."""
    inputs: list[str]
    """Inputs of the main process; a question mark says that a run need not give it."""

    def __rich__(self) -> str:
        """Say so."""
        return (
            f"{self.file} is valid CWL {self.cwl_version}\n"
            f"  processes  {', '.join(self.processes)}\n"
            f"  inputs     {', '.join(self.inputs)}"
        )


@dataclass(frozen=True, slots=True)
class Conversion:
    """A package that was written as JSON."""

    file: Path
    bytes: int


def own_package() -> Path:
    """Find the package of the application that is installed beside the toolkit.

    Raises:
        PackageError: it is not installed.
    """
    found = importlib.util.find_spec("bai")  # found, not imported: the toolkit does not need the application
    if found is None or found.origin is None:
        raise PackageError("the application is not installed", hint="name the package's file")
    return Path(os.path.relpath(Path(found.origin).with_name("bai.cwl")))


def load_document(path: Path) -> Any:
    """Read one YAML or JSON document.

    Raises:
        PackageError: no such file, not text, not one YAML document, a key twice, an unknown tag; with file and line.
    """
    from ruamel.yaml import YAML, YAMLError  # noqa: PLC0415 - commands without a package need not pay
    from ruamel.yaml.constructor import SafeConstructor  # noqa: PLC0415

    class Constructor(SafeConstructor):  # type: ignore[misc] # ruamel has no types
        """Leaves dates as they are written."""

    Constructor.add_constructor("tag:yaml.org,2002:timestamp", SafeConstructor.construct_yaml_str)
    yaml = YAML(typ="safe", pure=True)
    yaml.Constructor = Constructor
    try:
        return yaml.load(path.read_text(encoding="utf-8"))
    except OSError as exc:
        raise PackageError(f"{path}: {exc.strerror}") from exc
    except UnicodeDecodeError as exc:
        raise PackageError(f"{path}: not UTF-8 text, at byte {exc.start}") from exc
    except YAMLError as exc:
        mark = getattr(exc, "problem_mark", None)
        where = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else str(path)
        reason = getattr(exc, "problem", None) or str(exc)
        raise PackageError(f"{where}: {first_line(reason)}", hint=_yaml_hint(reason)) from exc


def load(path: Path) -> dict[str, Any]:
    """Read a package and embed all that it refers to.

    Returns:
        CWL as plain data that is complete in itself.

    Raises:
        PackageError: it cannot be read, is no CWL, or refers to something that cannot be embedded.
    """
    return embed(path, load_document)


def validate(path: Path) -> Validation:
    """Check a package as a CWL runner does, without running it.

    Raises:
        PackageError: it is not valid; a line for each reason, with file, line and column.
    """
    package = load(path)
    check_cwl(path)
    processes = package.get("$graph", [package])
    return Validation(
        file=path,
        cwl_version=package["cwlVersion"],
        processes=[f"{each.get('id', 'main').lstrip('#')} ({each['class']})" for each in processes],
        inputs=[f"{each.name}{'' if each.required else '?'}" for each in package_inputs(package)],
    )


def convert(path: Path) -> str:
    """Write a valid package as one line of JSON, complete in itself; the same bytes for the same package.

    Raises:
        PackageError: it is not valid, or cannot be made self-contained.
    """
    package = load(path)
    # Loaded by every run, so that a runner without a network would wait for each of these addresses.
    package.pop("$schemas", None)
    try:
        text = json.dumps(package, ensure_ascii=False, allow_nan=False, separators=(",", ":")) + "\n"
    except (TypeError, ValueError) as exc:
        raise PackageError(f"{path}: has a value that JSON cannot hold: {exc}") from exc
    with tempfile.TemporaryDirectory(prefix="bai-kit-") as folder:
        converted = Path(folder, "app-package.json")
        converted.write_text(text, encoding="utf-8")
        try:
            check_cwl(converted)
        except PackageError:
            check_cwl(path)  # the same fault, with the lines of the user's file
            raise
    return text


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
        raise PackageError(f"{path}: cannot be written: {exc.strerror}") from exc
    return Conversion(path, len(data))


def _yaml_hint(reason: str) -> str | None:
    if "another document" in reason:
        return "put the processes of one package into one document, under $graph"
    return None
