"""Run the CWL documents that are installed with cwltool and cwl-utils through validate, convert and run.

`make conformance` prints what plain cwltool and this toolkit accept, and which documents return something else with
`bai-kit run --local` than with plain cwltool. Inputs are the job files that lie beside a document and fit, and values
that are made up by type. A document is compared with the first inputs that plain cwltool completes.
"""

import contextlib
import functools
import io
import json
import logging
import os
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from cwltool.context import LoadingContext
from cwltool.load_tool import load_tool
from cwltool.main import main as cwltool
from cwltool.workflow import default_make_tool

from bai_kit.errors import BaiKitError
from bai_kit.local import run_local
from bai_kit.package.document import Package, read_package
from bai_kit.package.files import location_of, missing_files
from bai_kit.package.inputs import check_inputs, read_params
from bai_kit.package.outputs import relative
from bai_kit.progress import Progress
from cwl_dask.core.extension import register

OPTIONS = ["--no-container", "--enable-ext", "--disable-color", "--relax-path-checks", "--quiet"]
FOLDERS = [Path(find_spec("cwltool").origin).parent / "tests", Path(find_spec("cwl_utils").origin).parent / "testdata"]
VALID, VALID_HERE = "valid for plain cwltool", "valid for bai-kit"
RUN, RUN_HERE = "with outputs by plain cwltool", "with the same outputs by bai-kit run --local"

known = functools.partial(register, enable_ext=True)
"""Keeps the requirement known after a run of plain cwltool, which would forget it."""


def main() -> int:
    """Print the counts and each difference; return 1 when a valid document is refused or returns something else."""
    documents = [(document, folder) for folder in FOLDERS for document in sorted(folder.rglob("*.cwl"))]
    counts: Counter[str] = Counter(documents=len(documents))
    with ProcessPoolExecutor(max_workers=os.cpu_count()) as pool:
        for (document, folder), found in zip(documents, pool.map(_check, *zip(*documents, strict=True)), strict=True):
            counts.update(key for key, _ in found)
            for key, text in found:
                if text:
                    print(f"{key}: {document.relative_to(folder.parent)}: {text}", flush=True)
    for key, count in counts.items():
        print(f"{count:5d} {key}")
    return 1 if any(key.startswith("WRONG") for key in counts) else 0


def _check(document: Path, folder: Path) -> list[tuple[str, str]]:
    """Return what was found about a document: keys to count, and a text for those to be printed."""
    logging.disable(logging.CRITICAL)
    known()
    return list(_findings(document, folder))


def _findings(document: Path, folder: Path) -> Iterator[tuple[str, str]]:
    plain = _plain(document)
    if plain is None:
        yield VALID, ""
    try:
        package = read_package(document, root=folder, portable=False)
        again = _reread(package.text)
    except BaiKitError as error:
        if plain is None:
            yield "WRONG, refused", " ".join(error.message.split())
        return
    yield VALID_HERE, ""
    if plain is not None:
        yield "valid only for bai-kit", plain
    if again != package.text:
        yield "WRONG, second conversion differs", "the bytes"
    with contextlib.suppress(BaiKitError):
        read_package(document, root=folder)
        yield "converted", ""
    if package.needs:
        yield "not run, because containers or a network are required", ""
        return
    with tempfile.TemporaryDirectory() as scratch:
        yield from _compare(document, package, folder, Path(scratch))


def _compare(document: Path, package: Package, folder: Path, scratch: Path) -> Iterator[tuple[str, str]]:
    for values in _inputs(document, package, scratch):
        (scratch / "params.json").write_text(json.dumps(values))
        expected = _outputs(document, scratch)
        if expected is not None:
            break
    else:
        yield "not run, because plain cwltool completes none of the inputs", ""
        return
    yield RUN, ""
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            found = run_local(document, values, scratch / "results", Progress(), root=folder).outputs
    except BaiKitError as error:
        yield "WRONG, fails", " ".join(error.message.split())[:300]
        return
    expected, found = _without_names(expected), _without_names(found)
    if expected == found:
        yield RUN_HERE, ""
    elif expected != _without_names(_outputs(document, scratch)):
        yield "not compared, because plain cwltool returns something else each time", ""
    else:
        yield "WRONG, another result", f"{expected[:300]} became {found[:300]}"


def _inputs(document: Path, package: Package, scratch: Path) -> Iterator[dict[str, Any]]:
    """Yield inputs that fit a document: values of job files in its folder, then made-up ones."""
    for file in sorted(document.parent.iterdir()):
        if file.suffix in {".json", ".yml", ".yaml"}:
            with contextlib.suppress(BaiKitError):
                values = check_inputs(package.inputs, read_params(file))
                if values and not missing_files(values):
                    yield values
    required = {entry.name: _value(entry.type, scratch) for entry in package.inputs if entry.required}
    yield check_inputs(package.inputs, required)


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
        return read_package(Path(folder) / "package.json", root=Path("/"), portable=False).text


def _outputs(document: Path, scratch: Path) -> Any:
    """Return what a document returns with plain cwltool, as `outputs.json` would have it; None when it fails."""
    printed = io.StringIO()
    with tempfile.TemporaryDirectory(dir=scratch) as out, (scratch / "log").open("w") as log:
        argv = [*OPTIONS, "--outdir", out, str(document), str(scratch / "params.json")]
        try:
            with contextlib.redirect_stderr(log):
                code = cwltool(argv, stdout=printed, stderr=log, custom_schema_callback=known)
        except (Exception, SystemExit):  # noqa: BLE001 - as above
            return None
        return relative(json.loads(printed.getvalue()), Path(out)) if code == 0 else None


def _without_names(outputs: Any) -> str:
    """Return outputs as text without the names that a runner draws, or derives from the address of the document."""
    return re.sub(r"(?<!sha1\$)\b[0-9a-f]{40}\b", "HASH", json.dumps(outputs, sort_keys=True))


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
