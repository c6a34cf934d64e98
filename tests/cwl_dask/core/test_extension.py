"""Test cwltool's messages about packages with the requirement, before anything runs."""

import json
import re
from functools import partial

import cwltool.process
import pytest
import yaml
from cwltool.context import LoadingContext
from cwltool.errors import WorkflowException
from cwltool.load_tool import load_tool
from schema_salad.exceptions import ValidationException

from cwl_dask.core.clusters import Clusters
from cwl_dask.core.extension import maker, register
from cwl_dask.local.steps import DaskTool

NAMESPACES = '$namespaces: {calrissian: "https://calrissian-cwl.github.io/schema#"}\n'
FIELDS = {
    "workerCores": 1,
    "workerCoresLimit": 1,
    "workerMemory": "512M",
    "clusterMaxCores": 2,
    "clusterMaxMemory": "1G",
}


@pytest.fixture(autouse=True)
def _registered():
    versions = dict(cwltool.process.custom_schemas)
    register()
    yield
    for version in list(cwltool.process.custom_schemas):
        cwltool.process.use_standard_schema(version)
    cwltool.process.custom_schemas.update(versions)


def load(path):
    context = LoadingContext()
    context.construct_tool_object = maker(partial(DaskTool, clusters=Clusters()))
    return load_tool(str(path), context)


def write(tmp_path, where, fields, name="calrissian:DaskGatewayRequirement", version="v1.2", namespaces=NAMESPACES):
    path = tmp_path / "tool.cwl"
    requirement = "".join(f"    {field}: {json.dumps(value)}\n" for field, value in fields.items())
    path.write_text(
        f"cwlVersion: {version}\n{namespaces}class: CommandLineTool\nid: t\nbaseCommand: 'true'\n"
        f"inputs: {{cores: int}}\noutputs: []\n{where}:\n  {name}:\n{requirement}"
    )
    return path


@pytest.mark.parametrize("where", ["hints", "requirements"])
@pytest.mark.parametrize("version", ["v1.0", "v1.1", "v1.2"])
def test_the_requirement_is_known_in_every_version(tmp_path, where, version):
    load(write(tmp_path, where, FIELDS, version=version))


@pytest.mark.parametrize("where", ["hints", "requirements"])
def test_expressions_the_older_spelling_and_plain_numbers_are_valid(tmp_path, where):
    fields = FIELDS | {"clusterMaxCore": "$(inputs.cores)", "workerMemory": 512, "idleTimeout": 60, "adaptive": True}
    del fields["clusterMaxCores"]
    load(write(tmp_path, where, fields))


@pytest.mark.parametrize("where", ["hints", "requirements"])
@pytest.mark.parametrize(
    ("change", "line", "field"),
    [
        ({"clusterMaxCors": 2}, 15, "clusterMaxCors"),
        ({"workerMemory": "4 X"}, 12, "workerMemory"),
        ({"workerCores": "one"}, 10, "workerCores"),
        ({"clusterMaxMemory": "256M"}, 14, "clusterMaxMemory"),
        ({"adaptive": "yes"}, 15, "adaptive"),
        ({"clusterMaxCores": None}, 9, "clusterMaxCores"),
    ],
)
def test_a_wrong_field_is_refused_with_its_name_and_line(tmp_path, where, change, line, field):
    fields = {name: value for name, value in (FIELDS | change).items() if value is not None}
    with pytest.raises((ValidationException, WorkflowException)) as refusal:
        load(write(tmp_path, where, fields))
    message = str(refusal.value)
    assert field in message
    assert re.search(rf"tool\.cwl:{line}:", message) or (where == "requirements" and "tool.cwl:9:" in message), message


@pytest.mark.parametrize(
    ("name", "namespaces"),
    [("calrissian:DaskGatewayRequirment", NAMESPACES), ("calrissian:DaskGatewayRequirement", "")],
)
def test_a_misspelt_class_under_hints_is_never_silently_no_cluster(tmp_path, name, namespaces):
    with pytest.raises(ValidationException, match="write calrissian:DaskGatewayRequirement"):
        load(write(tmp_path, "hints", FIELDS, name=name, namespaces=namespaces))


def test_a_requirement_of_the_workflow_is_checked_for_its_steps(tmp_path):
    tool = yaml.safe_load(write(tmp_path, "hints", FIELDS).read_text())
    hints = tool.pop("hints")
    hints["calrissian:DaskGatewayRequirement"]["workerMemory"] = "2G"
    workflow = {
        "class": "Workflow",
        "id": "main",
        "hints": hints,
        "inputs": {"cores": "int"},
        "outputs": [],
        "steps": {"s": {"run": "#t", "in": {"cores": "cores"}, "out": []}},
    }
    head = {name: tool.pop(name) for name in ("cwlVersion", "$namespaces")}
    path = tmp_path / "workflow.cwl"
    path.write_text(json.dumps(head | {"$graph": [workflow, tool]}))
    with pytest.raises(
        (ValidationException, WorkflowException), match="clusterMaxMemory: 1G is less than workerMemory"
    ):
        load(path)


def test_cwltools_own_extensions_stay_available(tmp_path):
    register(enable_ext=True)
    path = write(tmp_path, "requirements", FIELDS)
    extension = '  cwltool:CUDARequirement: {cudaVersionMin: "11.4", cudaComputeCapability: "3.0"}\n'
    path.write_text(path.read_text() + extension)
    path.write_text(path.read_text().replace("{calrissian:", '{cwltool: "http://commonwl.org/cwltool#", calrissian:'))
    load(path)
