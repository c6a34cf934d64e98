"""CWL documents for tests, and what plain cwltool makes of them."""

import io
import json
import re
from functools import partial
from pathlib import Path
from typing import Any

from cwltool.main import main as cwltool

from bai_kit.package import document as packages
from bai_kit.package.inputs import check_inputs, package_inputs
from cwl_dask.core.extension import register

ENUM = {"type": "enum", "symbols": ["dnbr", "rbr"]}
RECORD = {"type": "record", "fields": {"label": "string", "km2": "double"}}
FILE = {"class": "File", "location": "https://host/a.json"}
known = partial(register, enable_ext=True)
"""Keeps the requirement known after a run of plain cwltool, which would forget it."""

PROCESS = """\
class: CommandLineTool
id: {name}
baseCommand: [{command}]
inputs: {{text: {{type: string, inputBinding: {{position: 1}}}}}}
outputs: {{out: stdout}}
stdout: out.txt
"""


def tool(folder: Path, name: str = "tool.cwl", *, command: str = "echo", version: str = "v1.2", more: str = "") -> Path:
    """Write a tool that echoes its input `text` into its output `out`."""
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    command = ", ".join(command.split())
    path.write_text(f"cwlVersion: {version}\n{PROCESS.format(name=path.stem, command=command)}{more}")
    return path


def workflow(folder: Path, *runs: str, name: str = "main", graph: tuple[str, ...] = (), more: str = "") -> Path:
    """Write a workflow that runs each of `runs` in a step; with `graph`, tools of these names stand in the document."""
    steps = "\n".join(f"  s{i}: {{run: {run}, in: {{text: text}}, out: [out]}}" for i, run in enumerate(runs))
    text = (
        f"class: Workflow\nid: {name}\ninputs: {{text: string}}\n"
        f"outputs: {{out: {{type: File, outputSource: s0/out}}}}\nsteps:\n{steps}\n"
    )
    head = "cwlVersion: v1.2\n$namespaces: {s: 'https://schema.org/'}\n" + more
    if graph:
        processes = [text, *(PROCESS.format(name=entry, command="echo") for entry in graph)]
        text = "$graph:\n" + "".join("- " + process.replace("\n", "\n  ").rstrip(" ") for process in processes)
    (folder / "workflow.cwl").write_text(head + text)
    return folder / "workflow.cwl"


def with_default(folder: Path, value: str, kind: str = "File") -> Path:
    path = tool(folder, command="cat")
    path.write_text(
        re.sub(
            "inputs: .*",
            lambda _: f"inputs: {{text: {{type: {kind}, default: {value}, inputBinding: {{}}}}}}",
            path.read_text(),
        )
    )
    return path


def convert(path: Path | str, root: Path | None = None) -> dict:
    return json.loads(packages.convert(path, root))


def run(package: Path | dict, folder: Path, **values: object) -> dict:
    """Return what plain cwltool makes of a package, without naming a process."""
    if isinstance(package, dict):
        (folder / "converted").mkdir(exist_ok=True)
        (folder / "converted/p.json").write_text(json.dumps(package))
        package = folder / "converted/p.json"
    (folder / "values.json").write_text(json.dumps(values))
    out = io.StringIO()
    argv = ["--quiet", "--no-container", "--skip-schemas", "--outdir", str(folder / "out")]
    assert (
        cwltool(
            [*argv, str(package), str(folder / "values.json")],
            stdout=out,
            stderr=io.StringIO(),
            custom_schema_callback=known,
        )
        == 0
    )
    return json.loads(out.getvalue())


def package(inputs: dict) -> dict:
    return {"cwlVersion": "v1.2", "class": "CommandLineTool", "baseCommand": "echo", "inputs": inputs, "outputs": []}


def value(kind: Any, given: Any) -> Any:
    return check_inputs(package_inputs(package({"x": {"type": kind}})), {"x": given})["x"]
