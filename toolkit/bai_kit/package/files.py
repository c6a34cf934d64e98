"""File and Directory values: where they lie on this machine, and what a job on Kubernetes needs of them."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from bai_kit.errors import UsageError


@dataclass(frozen=True, slots=True)
class Upload:
    """A file or directory of this machine that a job on Kubernetes needs."""

    source: Path
    target: str
    """Path below the folder `inputs` of the job."""


def read_file(file: Path) -> Any:
    """Return the data in a YAML or JSON file, with absolute locations and the contents of files to import.

    Raises:
        UsageError: a file cannot be read.
    """
    from bai_kit.package.yamltext import parse_yaml  # noqa: PLC0415 - `--help` need not load it

    return located(parse_yaml(_text(file), str(file)), file.parent)


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except OSError as exc:
        raise UsageError(f"cannot read {file}: {exc.strerror}") from exc
    except UnicodeDecodeError as exc:
        raise UsageError(f"cannot read {file}: not UTF-8 text, at byte {exc.start}") from exc


def located(value: Any, folder: Path) -> Any:
    """Return a value with absolute locations of Files and Directories, and with the contents of files to import."""
    if isinstance(value, list):
        return [located(entry, folder) for entry in value]
    if not isinstance(value, Mapping):
        return value
    for key, read in (("$import", read_file), ("$include", _text)):
        if list(value) == [key] and isinstance(value[key], str):
            return read(folder / unquote(value[key]))
    value = {key: located(entry, folder) for key, entry in value.items()}
    given = value.get("path", value.get("location"))
    if value.get("class") in ("File", "Directory") and isinstance(given, str) and given:
        value.pop("path", None)
        # A location is a URL, with %23 for #; a path is the name as it is.
        name = given if "location" not in value else unquote(given)
        value["location"] = given if urlsplit(given).scheme else location_of(folder / name)
    return value


def location_of(path: Path) -> str:
    """Return the file URL of a path."""
    return "file://" + quote(os.path.abspath(path))  # noqa: PTH100 - a link keeps its own name


def collect_uploads(values: Any) -> tuple[Any, tuple[Upload, ...]]:
    """Return values in which Files and Directories of this machine lie on the volume, and what to upload for that.

    Args:
        values: Inputs, or a package; anything of maps and lists.

    Raises:
        UsageError: a file does not exist here; the message names all of them.
    """
    missing = missing_files(values)
    if missing:
        raise UsageError(f"inputs: {'; '.join(f'{path} does not exist' for path in missing)}")
    uploads: list[Upload] = []

    def move(value: Mapping[str, Any], path: Path) -> dict[str, Any]:
        target = f"{len(uploads)}/{path.name}"
        uploads.append(Upload(path, target))
        return {**value, "location": f"file://{quote(f'/calrissian/inputs/{target}')}"}

    return _with_local_files(values, move), tuple(uploads)


def missing_files(values: Any) -> list[str]:
    """Return the paths of Files and Directories in the values that do not exist on this machine."""
    missing: list[str] = []

    def look(value: Mapping[str, Any], path: Path) -> dict[str, Any]:
        if not (path.is_dir() if value["class"] == "Directory" else path.is_file()):
            missing.append(str(path))
        return dict(value)

    _with_local_files(values, look)
    return missing


def _with_local_files(value: Any, change: Callable[[Mapping[str, Any], Path], dict[str, Any]]) -> Any:
    if isinstance(value, list):
        return [_with_local_files(entry, change) for entry in value]
    if not isinstance(value, Mapping):
        return value
    value = {key: _with_local_files(entry, change) for key, entry in value.items()}
    location = urlsplit(str(value.get("location", "")))
    on_volume = location.path.startswith("/calrissian/")
    if value.get("class") in ("File", "Directory") and location.scheme == "file" and not on_volume:
        return change(value, Path(unquote(location.path)))
    return value
