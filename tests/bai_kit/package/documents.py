"""CWL documents for tests."""

from pathlib import Path

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
