"""Run the CWL documents that are installed with cwltool and cwl-utils through validate, convert and run.

`make conformance` prints how many documents plain cwltool and this toolkit accept, and in how many cases the converted
document returns something else than the original under plain cwltool. Documents are run with made-up inputs of the
right types; a document that cannot run with them must fail in both forms.
"""

import contextlib
import functools
import io
import json
import logging
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from cwltool.context import LoadingContext
from cwltool.load_tool import load_tool
from cwltool.main import main as cwltool
from cwltool.workflow import default_make_tool

from bai_kit.errors import BaiKitError
from bai_kit.package.document import read_package
from bai_kit.package.inputs import check_inputs, location_of
from cwl_dask.core.extension import register

OPTIONS = ["--no-container", "--skip-schemas", "--enable-ext", "--disable-color", "--relax-path-checks", "--quiet"]
FOLDERS = [Path(find_spec("cwltool").origin).parent / "tests", Path(find_spec("cwl_utils").origin).parent / "testdata"]


known = functools.partial(register, enable_ext=True)
"""Keeps the requirement known after a run of plain cwltool, which would forget it."""


def main() -> int:
    """Print the counts and each difference; return 1 when a valid document is refused or returns something else."""
    logging.disable(logging.CRITICAL)
    known()
    counts: Counter[str] = Counter()
    for folder in FOLDERS:
        for document in sorted(folder.rglob("*.cwl")):
            for key, text in _differences(document, folder, counts):
                counts[key] += 1
                print(f"{key}: {document.relative_to(folder.parent)}: {text}")
    for key, count in sorted(counts.items()):
        print(f"{count:5d} {key}")
    return 1 if any(key.startswith("WRONG") for key in counts) else 0


def _differences(document: Path, folder: Path, counts: Counter[str]) -> Iterator[tuple[str, str]]:
    plain, refused = _plain(document), ""
    package = None
    try:
        package = read_package(document, root=folder, portable=False)
        again = _reread(package.text)
    except BaiKitError as error:
        refused = " ".join(error.message.split())
    counts["documents"] += 1
    counts["valid for plain cwltool"] += plain is None
    counts["valid for bai-kit"] += package is not None
    if package is None:
        if plain is None:
            yield "WRONG, refused", refused
        return
    if plain is not None:
        yield "only bai-kit takes", plain
    if again != package.text:
        yield "WRONG, second conversion differs", ""
    with contextlib.suppress(BaiKitError):
        read_package(document, root=folder)
        counts["converted"] += 1
    with tempfile.TemporaryDirectory() as scratch:
        values = {entry.name: _value(entry.type, Path(scratch)) for entry in package.inputs if entry.required}
        yield from _run(document, package.text, check_inputs(package.inputs, values), Path(scratch), counts)


def _run(
    document: Path, text: str, values: dict[str, Any], scratch: Path, counts: Counter[str]
) -> Iterator[tuple[str, str]]:
    (scratch / "params.json").write_text(json.dumps(values))
    (scratch / "converted.json").write_text(text)
    expected, outputs = _outputs(document, scratch), _outputs(scratch / "converted.json", scratch)
    counts["run"] += outputs is not None
    if expected is None and outputs is not None:
        counts["run only when converted, which names the entry point"] += 1
    elif expected != outputs:
        yield "WRONG, another result", f"{json.dumps(expected)[:300]} became {json.dumps(outputs)[:300]}"


def _plain(document: Path) -> str | None:
    """Return why plain cwltool refuses a document, or None."""
    context = LoadingContext({"skip_schemas": True, "construct_tool_object": default_make_tool})
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            load_tool(str(document), context)
    except Exception as error:  # noqa: BLE001 - cwltool's ways to refuse a document are many
        return " ".join(str(error).split())[:200]
    return None


def _reread(text: str) -> str:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "package.json").write_text(text)
        return read_package(Path(folder) / "package.json", portable=False).text


def _outputs(document: Path, scratch: Path) -> Any:
    """Return what a document returns under plain cwltool, without addresses; None when it fails."""
    printed = io.StringIO()
    with tempfile.TemporaryDirectory(dir=scratch) as out, contextlib.redirect_stderr(io.StringIO()):
        argv = [*OPTIONS, "--outdir", out, str(document), str(scratch / "params.json")]
        try:
            code = cwltool(argv, stdout=printed, stderr=io.StringIO(), custom_schema_callback=known)
        except (Exception, SystemExit):  # noqa: BLE001 - as above
            return None
    # Names that cwltool draws or derives from the address of the document.
    text = re.sub(r'"(location|path|id)": "[^"]*"', "", printed.getvalue()).replace(str(scratch), "")
    return re.sub(r"[0-9a-f]{40}", "HASH", text) if code == 0 else None


def _value(schema: Any, scratch: Path) -> Any:
    """Make up a value of a type."""
    kinds = getattr(schema, "schemas", [schema])
    kind = next((entry for entry in kinds if entry.type != "null"), kinds[0])
    name = str(getattr(kind, "name", kind.type)).rpartition(".")[2]
    if name == "File":
        (scratch / "file.txt").write_text("one\ntwo\n")
        return {"class": "File", "location": location_of(scratch / "file.txt")}
    if name == "Directory":
        (scratch / "folder").mkdir(exist_ok=True)
        (scratch / "folder/file.txt").write_text("one\n")
        return {"class": "Directory", "location": location_of(scratch / "folder")}
    if kind.type == "array":
        return [_value(kind.items, scratch)] * 2
    if kind.type == "record":
        return {field.name: _value(field.type, scratch) for field in kind.fields}
    if kind.type == "enum" and name != "Any":
        return kind.symbols[0]
    return {"int": 2, "long": 2, "float": 0.5, "double": 0.5, "boolean": True, "null": None}.get(kind.type, "text")


if __name__ == "__main__":
    sys.exit(main())
