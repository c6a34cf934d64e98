"""Validation and conversion of application packages, with cwltool itself as the runner of what was converted."""

import io
import json
import re
from functools import partial
from pathlib import Path

import pytest
from cwltool.main import main as cwltool

from bai_kit.errors import PackageError
from bai_kit.package import document as packages
from bai_kit.package.loading import parse_yaml
from cwl_dask.core.extension import register
from cwl_dask.core.files import QuickFetcher
from tests.bai_kit.package.documents import tool, workflow

ROOT = Path(__file__).parents[3]


known = partial(register, enable_ext=True)
"""Keeps the requirement known after a run of plain cwltool, which would forget it."""


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


def test_our_own_package_is_valid_and_says_what_a_run_needs() -> None:
    valid = packages.validate(ROOT / "bai/bai.cwl")
    assert valid.processes == ("main (Workflow)", "bai (CommandLineTool)")
    assert [name for name in valid.inputs if not name.endswith("?")] == ["pre_fire_url", "post_fire_url"]
    assert valid.needs == ()
    assert "  inputs     pre_fire_url, post_fire_url, " in valid.__rich__()


def test_the_charts_copy_is_what_convert_makes_of_our_package() -> None:
    copy = ROOT / "charts/bai-chart/files/app-package.json"
    assert copy.read_text() == packages.convert(ROOT / "bai/bai.cwl"), f"run: bai-kit package convert -o {copy}"


def test_our_package_is_found_beside_the_toolkit() -> None:
    assert packages.own_package().resolve() == ROOT / "bai/bai.cwl"


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


def test_includes_are_embedded(tmp_path: Path) -> None:
    (tmp_path / "text.md").write_text("Says it.\n")
    assert convert(tool(tmp_path, more="doc: {$include: text.md}\n"))["doc"] == "Says it.\n"


SUBCLASS = "<http://e.org/sub> <http://www.w3.org/2000/01/rdf-schema#subClassOf> <http://e.org/top> .\n"


def with_format(folder: Path, schemas: str, *, form: str = "format: 'http://e.org/top', ") -> Path:
    path = tool(folder, command="cat", more=f"$schemas: {schemas}\n")
    path.write_text(path.read_text().replace("{type: string, inputBinding", f"{{type: File, {form}inputBinding"))
    return path


def test_a_schema_travels_with_the_package_and_its_formats_are_known_to_the_runner(tmp_path: Path) -> None:
    (tmp_path / "kinds.ttl").write_text(SUBCLASS)
    path = with_format(tmp_path, "kinds.ttl")
    (embedded,) = convert(path)["$schemas"]
    assert embedded.startswith("data:,%3Chttp%3A//e.org/sub%3E")
    assert QuickFetcher({}, None).fetch_text(embedded) == SUBCLASS
    whole = workflow(tmp_path, "tool.cwl")
    with_format(tmp_path, "[kinds.ttl]")
    whole.write_text(whole.read_text().replace("text: string", "text: File"))
    (tmp_path / "converted.json").write_text(packages.convert(whole))
    assert convert(tmp_path / "converted.json")["$schemas"] == [embedded]


def test_schemas_that_nothing_uses_or_that_cannot_be_fetched_are_not_embedded(tmp_path: Path) -> None:
    assert "$schemas" not in convert(with_format(tmp_path, "['http://127.0.0.1:9/s.rdf']", form=""))
    assert convert(with_format(tmp_path, "['http://127.0.0.1:9/s.rdf']"))["$schemas"] == ["http://127.0.0.1:9/s.rdf"]
    (tmp_path / "large.ttl").write_text("#" * 70_000)
    path = with_format(tmp_path, "large.ttl")
    assert "large.ttl" in packages.read_package(path, portable=False).text
    with pytest.raises(PackageError, match=r"cannot make the schema .*large\.ttl a part of the package: more than"):
        convert(path)
    with pytest.raises(PackageError, match=r"cannot read .*none\.ttl: No such file"):
        convert(with_format(tmp_path, "none.ttl"))


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


@pytest.mark.parametrize("name", ["legend.txt", "a b%23ü.txt"])
def test_a_default_file_travels_with_the_package(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("legend")
    packed = convert(with_default(tmp_path, json.dumps({"class": "File", "path": name})))
    assert packed["inputs"]["text"]["default"] == {"class": "File", "basename": name, "contents": "legend"}


def test_a_default_directory_travels_too(tmp_path: Path) -> None:
    (tmp_path / "parts/deep").mkdir(parents=True)
    (tmp_path / "parts/deep/a.txt").write_text("a")
    found = convert(with_default(tmp_path, "{class: Directory, location: parts}", "Directory"))["inputs"]["text"][
        "default"
    ]
    assert found["listing"][0]["listing"] == [{"class": "File", "basename": "a.txt", "contents": "a"}]


@pytest.mark.parametrize(
    ("data", "reason"), [(bytes(70_000), "has 70000 bytes; 65536 fit"), (b"\xff", "is not UTF-8 text")]
)
def test_a_default_file_that_cannot_travel_is_named_and_stays_where_it_is_for_a_run_here(
    tmp_path: Path, data: bytes, reason: str
) -> None:
    (tmp_path / "big.bin").write_bytes(data)
    path = with_default(tmp_path, "{class: File, location: big.bin}")
    with pytest.raises(PackageError, match=rf"big\.bin a part of the package: the file {reason}"):
        packages.convert(path)
    here = json.loads(packages.read_package(path, portable=False).text)
    assert here["inputs"]["text"]["default"]["location"] == (tmp_path / "big.bin").as_uri()


def test_a_default_file_outside_the_folder_is_refused_and_a_missing_one_may_be_given(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match="cannot read /etc/hostname: the file is outside the package's folder"):
        packages.convert(with_default(tmp_path, "{class: File, location: /etc/hostname}"))
    assert convert(with_default(tmp_path, "{class: File, location: none.txt}"))


def test_a_container_that_is_required_is_named(tmp_path: Path) -> None:
    tool(tmp_path, more="requirements: {DockerRequirement: {dockerPull: 'a/b:1'}}\n")
    valid = packages.validate(workflow(tmp_path, "tool.cwl"))
    assert valid.needs == ("a container engine, because tool.cwl runs only in the image a/b:1",)


def test_a_process_without_a_program_and_a_default_that_cannot_be_fetched_are_named(tmp_path: Path) -> None:
    path = with_default(tmp_path, "{class: File, location: 'http://ada:secret@127.0.0.1:9/a'}")
    (need,) = packages.validate(path).needs
    assert need.endswith("because the default http://127.0.0.1:9/a cannot be fetched: ConnectionError")
    path.write_text("cwlVersion: v1.2\nclass: Operation\nid: later\ninputs: {text: string}\noutputs: {out: File}\n")
    assert packages.validate(path).needs == ("a program for later, because an Operation has none",)


@pytest.mark.parametrize("value", ["{run: x, name: z}", "[{name: z, a: 1}, {name: z, a: 2}]", "{q: '#main/x', id: z}"])
def test_default_values_are_no_references(tmp_path: Path, value: str) -> None:
    part = tool(tmp_path)
    part.write_text(part.read_text().replace("inputs: {", f"inputs: {{default: {{type: Any, default: {value}}}, "))
    graph = json.loads(packages.convert(workflow(tmp_path, "tool.cwl")))["$graph"]
    inputs = next(process["inputs"] for process in graph if process["id"] != "#main")
    assert inputs[0] == {"type": "Any", "default": parse_yaml(value, ""), "id": "#tool.cwl/tool/default"}


def test_a_value_without_a_json_form_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match="a value has no JSON form"):
        packages.convert(tool(tmp_path, more="s:x: .nan\n$namespaces: {s: 'https://s/'}\n"))


def test_a_file_is_written_whole_and_readable(tmp_path: Path) -> None:
    target = tmp_path / "new/app.json"
    assert packages.write("{}\n", target).bytes == 3
    assert target.read_text() == "{}\n"
    assert oct(target.stat().st_mode)[-3:] == "644"
    assert [path.name for path in target.parent.iterdir()] == ["app.json"]
    with pytest.raises(PackageError, match="cannot write"):
        packages.write("{}", target / "below-a-file.json")
