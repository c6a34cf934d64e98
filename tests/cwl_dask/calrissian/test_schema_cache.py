"""Test the schemas that are stored in the runner's image."""

import cwltool.process
import pytest
from cwltool.context import LoadingContext
from cwltool.load_tool import load_tool
from cwltool.workflow import default_make_tool
from schema_salad.exceptions import ValidationException

from cwl_dask.calrissian import schema_cache as schemas
from cwl_dask.core import extension

TOOL = """
cwlVersion: {version}
class: CommandLineTool
$namespaces: {{calrissian: "https://calrissian-cwl.github.io/schema#"}}
requirements:
  calrissian:DaskGatewayRequirement:
    {field}: 1
    workerCoresLimit: 1
    workerMemory: 1G
    clusterMaxCores: 1
    clusterMaxMemory: 1G
baseCommand: "true"
inputs: []
outputs: []
"""


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    file = tmp_path_factory.mktemp("schemas") / "schemas.pickle"
    schemas.save(file)
    return file


@pytest.fixture
def recalled(saved, monkeypatch):
    """Load the schemas from the file only."""
    monkeypatch.setattr(cwltool.process, "SCHEMA_CACHE", {})
    extension.register()
    schemas.recall(saved)

    def refuse(*_):
        raise AssertionError("a schema was parsed again")

    monkeypatch.setattr(cwltool.process, "load_schema", refuse)


@pytest.mark.parametrize("version", ["v1.0", "v1.1", "v1.2"])
@pytest.mark.usefixtures("recalled")
def test_a_package_is_validated_with_what_was_saved(tmp_path, version):
    path = tmp_path / "tool.cwl"
    path.write_text(TOOL.format(version=version, field="workerCores"))
    assert (
        load_tool(str(path), LoadingContext({"construct_tool_object": default_make_tool})).get_requirement(
            extension.URI
        )[0]["workerMemory"]
        == "1G"
    )


@pytest.mark.usefixtures("recalled")
def test_what_was_saved_refuses_what_the_schema_refuses(tmp_path):
    path = tmp_path / "tool.cwl"
    path.write_text(TOOL.format(version="v1.2", field="workerCore"))
    with pytest.raises(ValidationException, match="workerCore"):
        load_tool(str(path), LoadingContext({"construct_tool_object": default_make_tool}))


def test_without_a_file_everything_is_as_before(tmp_path):
    before = dict(cwltool.process.SCHEMA_CACHE)
    schemas.recall(tmp_path / "none")
    assert before == cwltool.process.SCHEMA_CACHE
