"""Reading, checking and converting application packages."""

import json
from pathlib import Path

import pytest

from bai_kit.errors import PackageError
from bai_kit.package import document as package

ROOT = Path(__file__).parents[3]
TOOL = """\
cwlVersion: v1.2
class: CommandLineTool
id: {id}
baseCommand: {command}
inputs: {{text: {{type: string, inputBinding: {{position: 1}}}}}}
outputs: {{out: stdout}}
stdout: out.txt
"""


def tool(folder: Path, name: str = "tool.cwl", *, id: str = "echo", command: str = "echo") -> Path:  # noqa: A002
    (folder / name).write_text(TOOL.format(id=id, command=command))
    return folder / name


def workflow(folder: Path, *runs: str, top: str = "") -> Path:
    steps = "\n".join(f"  s{i}: {{run: {run}, in: {{text: text}}, out: [out]}}" for i, run in enumerate(runs))
    path = folder / "workflow.cwl"
    path.write_text(
        f"cwlVersion: v1.2\n{top}class: Workflow\ninputs: {{text: string}}\n"
        f"outputs: {{out: {{type: File, outputSource: s0/out}}}}\nsteps:\n{steps}\n"
    )
    return path


def convert(path: Path) -> dict:
    return json.loads(package.convert(path))


def test_our_own_package_is_valid_and_says_what_a_run_needs() -> None:
    valid = package.validate(ROOT / "bai/bai.cwl")
    assert valid.processes == ["main (Workflow)", "bai (CommandLineTool)"]
    assert [name for name in valid.inputs if not name.endswith("?")] == ["pre_fire_url", "post_fire_url"]


def test_the_charts_copy_is_what_convert_makes_of_our_package() -> None:
    copy = ROOT / "charts/bai-chart/files/app-package.json"
    assert copy.read_text() == package.convert(ROOT / "bai/bai.cwl"), f"run: bai-kit package convert -o {copy}"


def test_our_package_is_found_beside_the_toolkit() -> None:
    assert package.own_package().resolve() == ROOT / "bai/bai.cwl"


def test_conversion_keeps_the_order_of_keys_and_gives_the_same_bytes_twice(tmp_path: Path) -> None:
    path = tool(tmp_path)
    assert list(convert(path)) == ["cwlVersion", "class", "id", "baseCommand", "inputs", "outputs", "stdout"]
    assert package.convert(path) == package.convert(path)


def test_converting_what_was_converted_changes_nothing(tmp_path: Path) -> None:
    tool(tmp_path)
    text = package.convert(workflow(tmp_path, "tool.cwl"))
    (tmp_path / "once.json").write_text(text)
    assert package.convert(tmp_path / "once.json") == text


def test_yaml_is_read_as_yaml_1_2_and_dates_stay_text(tmp_path: Path) -> None:
    (tmp_path / "odd.yaml").write_text("on: no\ntime: 12:30:00\ndate: 2024-05-01\nten: 010\nnorway: NO\n")
    assert package.load_document(tmp_path / "odd.yaml") == {
        "on": "no",
        "time": "12:30:00",
        "date": "2024-05-01",
        "ten": 10,
        "norway": "NO",
    }


@pytest.mark.parametrize(
    ("text", "where", "reason"),
    [
        ("a: 1\nb: 2\na: 3\n", ":3:1", "duplicate key"),
        ("a: 1\n---\nb: 2\n", ":2:1", "another document"),
        ("a: [1\n", ":2:1", "expected"),
        ("a: !python/name:os.system x\n", ":1:4", "could not determine a constructor"),
        ("[1, 2]\n", "", "not a CWL document"),
        ("class: CommandLineTool\n", "", "cwlVersion is missing"),
    ],
)
def test_a_file_that_is_no_package_is_refused_with_line_and_reason(
    tmp_path: Path, text: str, where: str, reason: str
) -> None:
    (tmp_path / "bad.cwl").write_text(text)
    with pytest.raises(PackageError) as error:
        package.convert(tmp_path / "bad.cwl")
    assert f"bad.cwl{where}: " in error.value.message
    assert reason in error.value.message


def test_a_file_that_is_not_there_or_not_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "binary.cwl").write_bytes(b"a: \xff\xfe")
    for name, reason in [("none.cwl", "No such file"), ("binary.cwl", "not UTF-8 text, at byte 3")]:
        with pytest.raises(PackageError, match=reason):
            package.validate(tmp_path / name)


def test_invalid_cwl_is_refused_with_file_line_and_field(tmp_path: Path) -> None:
    path = tool(tmp_path)
    path.write_text(path.read_text().replace("baseCommand", "baseComand"))
    with pytest.raises(PackageError) as error:
        package.validate(path)
    assert "tool.cwl:4:1:" in error.value.message
    assert "baseComand" in error.value.message


def test_a_step_with_an_unknown_source_is_refused(tmp_path: Path) -> None:
    tool(tmp_path)
    path = workflow(tmp_path, "tool.cwl")
    path.write_text(path.read_text().replace("in: {text: text}", "in: {text: txet}"))
    with pytest.raises(PackageError, match=r"workflow\.cwl:6.*txet"):
        package.validate(path)


def test_files_that_steps_run_become_processes_of_the_graph(tmp_path: Path) -> None:
    tool(tmp_path)
    (tmp_path / "sub").mkdir()
    tool(tmp_path / "sub", command="cat")  # the same id
    packed = convert(workflow(tmp_path, "tool.cwl", "sub/tool.cwl", "tool.cwl#echo"))
    main, first, second = packed["$graph"]
    assert (main["id"], first["id"], second["id"]) == ("main", "echo", "echo_2")
    assert [step["run"] for step in main["steps"].values()] == ["#echo", "#echo_2", "#echo"]
    assert (first["baseCommand"], second["baseCommand"]) == ("echo", "cat")
    assert "cwlVersion" not in first


def test_a_graph_that_a_step_runs_is_taken_over_with_its_own_references(tmp_path: Path) -> None:
    tool(tmp_path)
    inner = workflow(tmp_path, "'#echo'")
    graph = {"cwlVersion": "v1.2", "$graph": []}
    for path, name in [(inner, "main"), (tmp_path / "tool.cwl", "echo")]:
        process = package.load_document(path)
        process.pop("cwlVersion")
        graph["$graph"].append(process | {"id": name})
    (tmp_path / "graph.json").write_text(json.dumps(graph))
    packed = convert(workflow(tmp_path, "graph.json", top="requirements: {SubworkflowFeatureRequirement: {}}\n"))
    assert [each["id"] for each in packed["$graph"]] == ["main", "graph", "echo"]
    assert packed["$graph"][0]["steps"]["s0"]["run"] == "#graph"
    assert packed["$graph"][1]["steps"]["s0"]["run"] == "#echo"


def test_imports_and_includes_are_resolved_beside_the_file_that_has_them(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts/text.md").write_text("Says {{ it }}.\n")
    (tmp_path / "parts/text.yml").write_text("{type: string, doc: {$include: text.md}}\n")
    path = tool(tmp_path)
    path.write_text(
        "cwlVersion: v1.2\nclass: CommandLineTool\nbaseCommand: 'true'\n"
        "inputs: {text: {$import: parts/text.yml}}\noutputs: []\n"
    )
    assert convert(path)["inputs"] == {"text": {"type": "string", "doc": "Says {{ it }}.\n"}}


def test_namespaces_of_all_files_are_kept_and_schemas_are_not_fetched_at_run_time(tmp_path: Path) -> None:
    path = tool(tmp_path)
    path.write_text('$namespaces: {b: "http://b/"}\n' + path.read_text() + "b:x: 1\n")
    packed = convert(
        workflow(tmp_path, "tool.cwl", top='$namespaces: {a: "http://a/"}\n$schemas: ["http://a/s.rdf"]\n')
    )
    assert packed["$namespaces"] == {"a": "http://a/", "b": "http://b/"}
    assert "$schemas" not in packed
    path.write_text(path.read_text().replace("b:", "a:"))
    with pytest.raises(PackageError, match=r"\$namespaces\.a has another address"):
        convert(tmp_path / "workflow.cwl")


@pytest.mark.parametrize(
    ("run", "reason"),
    [
        ("none.cwl", "no such file"),
        ("https://127.0.0.1/tool.cwl", "network address"),
        ("workflow.cwl", "leads back to itself"),
        ("tool.cwl#other", "that file has echo"),
        ("old.cwl", "one version is needed"),
    ],
)
def test_a_reference_that_cannot_be_embedded_is_refused(tmp_path: Path, run: str, reason: str) -> None:
    old = tool(tmp_path, "old.cwl")
    old.write_text(old.read_text().replace("v1.2", "v1.0"))
    tool(tmp_path)
    with pytest.raises(PackageError, match=reason):
        package.load(workflow(tmp_path, run))


def test_a_default_file_of_this_machine_is_refused(tmp_path: Path) -> None:
    path = tool(tmp_path)
    path.write_text(
        path.read_text().replace(
            "inputs: {", "inputs: {data: {type: File, default: {class: File, location: data.txt}}, "
        )
    )
    with pytest.raises(PackageError, match=r"default File data\.txt"):
        package.convert(path)


def test_a_file_is_written_whole_and_readable(tmp_path: Path) -> None:
    target = tmp_path / "new/app.json"
    assert package.write("{}\n", target).bytes == 3
    assert target.read_text() == "{}\n"
    assert oct(target.stat().st_mode)[-3:] == "644"
    assert [each.name for each in target.parent.iterdir()] == ["app.json"]
    with pytest.raises(PackageError, match="cannot be written"):
        package.write("{}", target / "below-a-file.json")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ("workerMemory: 1G", "workerCores: missing"),
        (
            "workerCores: 2, workerCoresLimit: 1, workerMemory: 1G, clusterMaxCores: 2, clusterMaxMemory: 4G",
            "workerCores",
        ),
        (
            "workerCores: 1, workerCoresLimit: 1, workerMemory: 1X, clusterMaxCores: 2, clusterMaxMemory: 4G",
            "workerMemory",
        ),
    ],
)
def test_a_wrong_dask_requirement_is_refused_though_it_is_a_hint(tmp_path: Path, fields: str, reason: str) -> None:
    path = tool(tmp_path)
    path.write_text(
        path.read_text()
        + '$namespaces: {d: "https://calrissian-cwl.github.io/schema#"}\n'
        + f"hints:\n  d:DaskGatewayRequirement: {{{fields}}}\n"
    )
    with pytest.raises(PackageError, match=rf"tool\.cwl:10.*{reason}"):
        package.validate(path)
