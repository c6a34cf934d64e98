"""Describe what a run returned: the files in the results folder and the outputs object of the workflow.

Files that have a meaning for the toolkit, whichever application wrote them, lie at the top of the results folder:

- `outputs.json`: the CWL outputs object. The toolkit writes the file; `path` of each File and Directory in the object
  is relative to the results folder.
- `report.json`: written by an application that measures areas. `area.classes` is a list of objects with `label` (text),
  `lower` (number), `hectares` (number) and `share` (0 to 1 of the valid area). A file of another form is ignored.
"""

import contextlib
import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

log = logging.getLogger(__name__)

OUTPUTS = "outputs.json"
TOOLKIT_FILES = frozenset({OUTPUTS, "output.json", "run.log", "step.log", "usage.json", "failure.json"})
"""Names at the top of the results folder that the toolkit writes; the application did not write these files."""
_WORTH_OPENING = ("bai.png", "bai.tif", "catalog.json")
"""Files that are shown first, when the application wrote them."""


@dataclass(frozen=True, slots=True)
class SeverityArea:
    """The area of one severity class."""

    name: str
    lower: float
    """dNBR at which the class begins."""
    hectares: float
    share: float
    """Part of the valid area, 0 to 1."""


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a run returned."""

    directory: Path
    files: tuple[str, ...]
    """Files that the application wrote: paths in `directory`, sorted."""
    bytes: int
    """Size of all these files."""
    seconds: float
    """Wall time, from the start of the runner to the results in place."""
    outputs: Mapping[str, Any] = field(default_factory=dict)
    """The CWL outputs object; paths are relative to `directory`."""
    severity: tuple[SeverityArea, ...] = ()
    """From the application's report.json; empty when the application writes no such report."""

    def __rich__(self) -> str:
        """Return the areas, the plain values and the files as lines of text."""
        areas = [f"  {area.hectares:12,.1f} ha {area.share:7.1%}  {area.name}" for area in self.severity]
        values = [f"  {name} = {value}" for name, value in self.outputs.items() if isinstance(value, str | int | float)]
        look = [f"  {self.directory / name}" for name in self.files if name in _WORTH_OPENING]
        size = f"{len(self.files)} files, {self.bytes / 1e6:.1f} MB" if self.files else "the package wrote nothing"
        return "\n".join(
            [
                *(["area by severity:", *areas] if areas else []),
                *(["outputs:", *values] if values else []),
                f"results: {self.directory} ({size} in {self.seconds:.1f} s)",
                *look,
            ]
        )


def describe(directory: Path, seconds: float, outputs: Mapping[str, Any]) -> RunResult:
    """Describe the results in a folder.

    Args:
        directory: The results folder; it may be missing when the package wrote nothing.
        seconds: Wall time of the run.
        outputs: The CWL outputs object.
    """
    found = {str(path.relative_to(directory)): path for path in directory.rglob("*") if path.is_file()}
    files = {name: found[name] for name in sorted(found) if name not in TOOLKIT_FILES}
    return RunResult(
        directory=directory,
        files=tuple(files),
        bytes=sum(path.stat().st_size for path in files.values()),
        seconds=round(seconds, 1),
        outputs=outputs,
        severity=_severity(directory / "report.json"),
    )


def root(outputs: Mapping[str, Any], written: Path) -> Path:
    """Return the folder whose contents are the results: that of the only Directory, else `written` itself.

    A package that returns one Directory has its files at the top of the results, locally and on Kubernetes alike.
    """
    placed = list(_files(list(outputs.values())))
    return written / str(placed[0]["basename"]) if [value["class"] for value in placed] == ["Directory"] else written


def relative(outputs: Mapping[str, Any], written: Path) -> dict[str, Any]:
    """Return the outputs object with paths in the results folder in place of the runner's own addresses.

    Args:
        outputs: What the runner printed.
        written: The folder in which the runner put the outputs, as the runner names this folder.
    """
    base = root(outputs, written)
    return {name: _relative(value, base) for name, value in outputs.items()}


def save(outputs: Mapping[str, Any], directory: Path) -> None:
    """Write `outputs.json` into the results folder, unless the application wrote a file of this name itself."""
    if (directory / OUTPUTS).exists():
        log.warning("%s is the application's own file, so the outputs object is not written", directory / OUTPUTS)
        return
    (directory / OUTPUTS).write_text(json.dumps(outputs, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def _files(value: Any) -> Iterator[Mapping[str, Any]]:
    """Yield the File and Directory values in an output, but not the contents of these directories."""
    if isinstance(value, list):
        for entry in value:
            yield from _files(entry)
    elif isinstance(value, Mapping):
        if value.get("class") in ("File", "Directory"):
            yield value
        else:
            yield from _files(list(value.values()))


def _relative(value: Any, base: Path) -> Any:
    if isinstance(value, list):
        return [_relative(entry, base) for entry in value]
    if not isinstance(value, Mapping):
        return value
    if value.get("class") not in ("File", "Directory"):
        return {key: _relative(entry, base) for key, entry in value.items()}
    location = str(value.get("location", value.get("path", "")))
    path = location if urlsplit(location).scheme not in {"", "file"} else unquote(location.removeprefix("file://"))
    path = str(Path(path).relative_to(base)) if Path(path).is_relative_to(base) else path
    # Other keys with a colon, such as cwltool's generation, mean nothing after the run.
    rest = {key: _relative(entry, base) for key, entry in value.items() if key not in {"location", "path", "class"}}
    return {"class": value["class"], "path": path, **{key: entry for key, entry in rest.items() if ":" not in key}}


def _severity(report: Path) -> tuple[SeverityArea, ...]:
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):  # another application's report, or no report
        classes = json.loads(report.read_text(encoding="utf-8"))["area"]["classes"]
        return tuple(SeverityArea(c["label"], float(c["lower"]), float(c["hectares"]), c["share"]) for c in classes)
    return ()
