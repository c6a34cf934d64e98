"""Test that application packages of every kind bring the same outputs home from Kubernetes and from this machine."""

import functools
import http.server
import json
import threading

import pytest

from bai_kit.package.outputs import TOOLKIT_FILES

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("clean")]

SMALL = """requirements:
  InlineJavascriptRequirement: {}
  ResourceRequirement: {coresMin: 0.1, coresMax: 0.1, ramMin: 64, ramMax: 128}
hints: {DockerRequirement: {dockerPull: IMAGE}}
"""
SAY = """cwlVersion: v1.0
class: CommandLineTool
baseCommand: [sh, -c, 'echo "$0" > said.txt']
inputs: {word: {type: string, inputBinding: {position: 1}}}
outputs: {said: {type: File, outputBinding: {glob: said.txt}}}
""" + SMALL.replace("0.1", "1")  # before CWL v1.2 cores are whole numbers
MIXED = """cwlVersion: v1.2
class: Workflow
inputs: {word: string}
outputs: {said: {type: File, outputSource: say/said}}
steps: {say: {run: say.cwl, in: {word: word}, out: [said]}}
"""
EXTENT = """cwlVersion: v1.2
$graph:
- class: Workflow
  id: water-extent
  inputs: {aoi: string, table: File}
  outputs:
    rows: {type: int, outputSource: count/rows}
    area: {type: float, outputSource: count/area}
    name: {type: string, outputSource: count/name}
    nothing: {type: "string?", outputSource: count/nothing}
  steps: {count: {run: "#count", in: {aoi: aoi, table: table}, out: [rows, area, name, nothing]}}
- class: CommandLineTool
  id: count
  baseCommand: [python, -c]
  arguments:
  - |
    import json, sys
    rows = open(sys.argv[2]).read().splitlines()
    made = {"rows": len(rows), "area": sum(map(float, rows)), "name": sys.argv[1], "nothing": None}
    json.dump(made, open("cwl.output.json", "w"))
  - $(inputs.aoi)
  - $(inputs.table.path)
  inputs: {aoi: string, table: File}
  outputs: {rows: int, area: float, name: string, nothing: "string?"}
""" + "".join(f"  {line}\n" for line in SMALL.splitlines())


def both(kit, directory, *words):
    """Run a package on Kubernetes and on this machine; return the outputs, and the files by name with their text."""
    found = []
    for place, options in (("there", []), ("here", ["--local"])):
        result = kit.result("run", *options, *words, "-o", str(directory / place))
        written = json.loads((directory / place / "outputs.json").read_text())
        assert written == result.get("results", result)["outputs"]
        texts = {
            path.name: path.read_text() for path in (directory / place).iterdir() if path.name not in TOOLKIT_FILES
        }
        found.append((written, texts))
    assert found[0] == found[1]
    return found[0]


@pytest.fixture
def served(kit, tmp_path):
    """Return the address of a server of packages on this machine's loopback."""
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "say.cwl").write_text(SAY.replace("IMAGE", kit.image))
    (folder / "mixed.cwl").write_text(MIXED)
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_package_by_url_whose_step_is_another_document_of_another_version(kit, served, tmp_path):
    outputs, files = both(kit, tmp_path, "--package", f"{served}/mixed.cwl", "--param", "word=hi there")
    assert files == {"said.txt": "hi there\n"}
    assert outputs["said"]["path"] == "said.txt"


def test_numbers_from_a_file_of_this_machine_by_an_entry_that_is_not_called_main(kit, tmp_path):
    (tmp_path / "pkg.cwl").write_text(EXTENT.replace("IMAGE", kit.image))
    (tmp_path / "a b#ü.csv").write_text("1.5\n40\n")
    inputs = ["--param", "aoi=north", "--param", f"table={tmp_path / 'a b#ü.csv'}"]
    outputs, files = both(kit, tmp_path, "--package", str(tmp_path / "pkg.cwl"), *inputs)
    assert outputs == {"rows": 2, "area": 41.5, "name": "north", "nothing": None}
    assert files == {}
