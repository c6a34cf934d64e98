"""Test packages of several documents as one document, with cwltool itself as the runner."""

import json
import re
from pathlib import Path

import pytest

from bai_kit.errors import PackageError
from bai_kit.package import document as packages
from bai_kit.package.yamltext import parse_yaml
from tests.bai_kit.package.documents import (
    convert,
    run,
    tool,
    workflow,
)


def test_a_document_that_is_complete_keeps_its_form_and_dates_stay_text(tmp_path: Path) -> None:
    path = tool(tmp_path, more="s:date: 2024-05-01\n$namespaces: {s: 'https://schema.org/'}\n")
    assert list(convert(path)) == [
        "cwlVersion",
        "class",
        "id",
        "baseCommand",
        "inputs",
        "outputs",
        "stdout",
        "s:date",
        "$namespaces",
    ]
    assert convert(path)["s:date"] == "2024-05-01"
    assert packages.convert(path) == packages.convert(path)


def test_an_entry_point_with_another_name_becomes_main_and_the_metadata_stay(tmp_path: Path) -> None:
    graph = workflow(tmp_path, "'#say'", name="water-extent", graph=("say",), more="s:softwareVersion: 1.4.1\n")
    packed = convert(graph)
    assert (packed["s:softwareVersion"], packed["$namespaces"]) == ("1.4.1", {"s": "https://schema.org/"})
    assert {process["id"] for process in packed["$graph"]} == {"#main", "#say"}
    assert packages.validate(graph).processes == ("main (Workflow)", "say (CommandLineTool)")
    assert run(packed, tmp_path, text="hi")["out"]["size"] == 3


def test_a_step_may_name_its_own_file_or_others_of_other_versions(tmp_path: Path) -> None:
    tool(tmp_path, "old.cwl", version="v1.0")
    tool(tmp_path, "sub/tool.cwl", command="echo no")
    graph = workflow(tmp_path, "workflow.cwl#say", "old.cwl", "sub/tool.cwl", graph=("say",))
    packed = convert(graph)
    assert {process["class"] for process in packed["$graph"]} == {"Workflow", "CommandLineTool"}
    assert len(packed["$graph"]) == 4
    assert run(packed, tmp_path, text="hi")["out"]["size"] == run(graph, tmp_path, text="hi")["out"]["size"] == 3


def test_a_second_conversion_has_the_same_bytes(tmp_path: Path) -> None:
    tool(tmp_path)
    text = packages.convert(workflow(tmp_path, "tool.cwl"))
    (tmp_path / "once.json").write_text(text)
    assert packages.convert(tmp_path / "once.json") == text


def test_processes_without_an_id_get_the_same_bytes_each_time(tmp_path: Path) -> None:
    tool(tmp_path)
    path = workflow(
        tmp_path,
        "tool.cwl",
        "{class: ExpressionTool, inputs: {text: string}, outputs: {out: File}, expression: '$(null)'}",
    )
    path.write_text(path.read_text().replace("v1.2", "v1.0"))
    (tmp_path / "tool.cwl").write_text((tmp_path / "tool.cwl").read_text().replace("v1.2", "v1.0"))
    assert packages.convert(path) == packages.convert(path)


def test_types_that_a_schema_requirement_imports_travel_with_the_package(tmp_path: Path) -> None:
    (tmp_path / "kinds.yml").write_text("- {name: area, type: record, fields: {label: string}}\n")
    path = tool(
        tmp_path,
        more="requirements: {SchemaDefRequirement: {types: [{$import: kinds.yml}]}}\narguments: [$(inputs.text.label)]\n",
    )
    path.write_text(
        path.read_text().replace(
            "inputs: {text: {type: string, inputBinding: {position: 1}}}", "inputs: {text: 'kinds.yml#area'}"
        )
    )
    assert run(convert(path), tmp_path, text={"label": "north"})["out"]["size"] == 6


def test_a_type_that_a_workflow_and_its_tool_import_is_defined_where_it_stands_first(tmp_path: Path) -> None:
    (tmp_path / "kinds.yml").write_text("- {name: area, type: record, fields: {label: string}}\n")
    types = "requirements: {SchemaDefRequirement: {types: [{$import: kinds.yml}]}}\n"
    part = tool(tmp_path, "a.cwl", more=types + "arguments: [$(inputs.text.label)]\n")
    old = "inputs: {text: {type: string, inputBinding: {position: 1}}}"
    part.write_text(part.read_text().replace(old, "inputs: {text: 'kinds.yml#area'}"))
    whole = workflow(tmp_path, "a.cwl", more=types)
    whole.write_text(whole.read_text().replace("inputs: {text: string}", "inputs: {text: 'kinds.yml#area'}"))
    assert run(convert(whole), tmp_path, text={"label": "north"})["out"]["size"] == 6


@pytest.mark.parametrize("inputs", ["{text: string, other: [int, 'null']}", "[{id: text, type: string}]"])
def test_a_file_of_inputs_that_names_its_tool_is_a_package_with_defaults(tmp_path: Path, inputs: str) -> None:
    path = tool(tmp_path, more="arguments: [$(inputs.text)]\n")
    path.write_text(re.sub("inputs: {.*", lambda _: f"inputs: {inputs}", path.read_text()))
    (tmp_path / "job.yml").write_text("cwl:tool: tool.cwl\ntext: hello\n")
    assert packages.validate(tmp_path / "job.yml").inputs[0] == "text?"
    assert run(convert(tmp_path / "job.yml"), tmp_path)["out"]["size"] == 6
    (tmp_path / "job.yml").write_text("{cwl:tool: tool.cwl, text: {$include: '#attachment-1'}}\n--- |\nhello\n")
    assert packages.validate(tmp_path / "job.yml").inputs[0] == "text?"
    (tmp_path / "job.yml").write_text("cwl:tool: tool.cwl\ncwl:requirements: [{class: ShellCommandRequirement}]\n")
    with pytest.raises(PackageError, match="part of"):
        convert(tmp_path / "job.yml")


def test_an_input_may_be_called_like_a_keyword_and_maps_may_be_merged(tmp_path: Path) -> None:
    path = tool(tmp_path)
    text = path.read_text().replace("inputs: {text:", "inputs: {run:")
    path.write_text(text + "hints:\n- &r {class: ResourceRequirement, coresMin: 1}\n- {<<: *r, ramMin: 9}\n")
    packed = convert(path)
    assert packed["hints"][1] == {"class": "ResourceRequirement", "coresMin": 1, "ramMin": 9}
    assert run(packed, tmp_path, run="hi")["out"]["size"] == 3


@pytest.mark.parametrize("text", ["1.23e5", "1e4", "1.50e1", "1000.0", "1.23e-5", "12"])
def test_numbers_reach_a_step_with_the_text_that_they_have_in_yaml(tmp_path: Path, text: str) -> None:
    path = tool(tmp_path)
    path.write_text(path.read_text().replace("type: string,", f"type: float, default: {text},"))
    step = "{run: tool.cwl, in: [], out: [out]}"
    (tmp_path / "two.cwl").write_text(
        "cwlVersion: v1.2\nclass: Workflow\ninputs: []\n"
        f"outputs: {{out: {{type: File, outputSource: tool/out}}}}\nsteps: {{tool: {step}}}\n"
    )
    found = {
        run(package, tmp_path)["out"]["checksum"] for package in (path, convert(path), convert(tmp_path / "two.cwl"))
    }
    assert len(found) == 1


@pytest.mark.parametrize("value", ["{run: x, name: z}", "[{name: z, a: 1}, {name: z, a: 2}]", "{q: '#main/x', id: z}"])
def test_default_values_are_no_references(tmp_path: Path, value: str) -> None:
    part = tool(tmp_path)
    part.write_text(part.read_text().replace("inputs: {", f"inputs: {{default: {{type: Any, default: {value}}}, "))
    graph = json.loads(packages.convert(workflow(tmp_path, "tool.cwl")))["$graph"]
    inputs = next(process["inputs"] for process in graph if process["id"] != "#main")
    assert inputs[0] == {"type": "Any", "default": parse_yaml(value, ""), "id": "#tool.cwl/tool/default"}
