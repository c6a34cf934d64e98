"""Test the schemas that are stored in the runner's image and in the user's cache folder."""

import cwltool.process
import pytest
from cwltool.context import LoadingContext
from cwltool.load_tool import load_tool
from cwltool.workflow import default_make_tool
from schema_salad.exceptions import ValidationException

from cwl_dask.core import extension
from cwl_dask.core import schema_cache as schemas

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


@pytest.mark.parametrize("content", [None, b"", b"not a pickle"])
def test_without_a_file_that_can_be_read_everything_is_as_before(tmp_path, content):
    if content is not None:
        (tmp_path / "file").write_bytes(content)
    before = dict(cwltool.process.SCHEMA_CACHE)
    assert not schemas.recall(tmp_path / "file")
    assert before == cwltool.process.SCHEMA_CACHE


def test_a_file_that_others_can_write_is_not_read(saved, tmp_path):
    file = tmp_path / "file"
    file.write_bytes(saved.read_bytes())
    file.chmod(0o666)
    assert not schemas.recall(file)
    file.chmod(0o600)
    assert schemas.recall(file)


@pytest.mark.parametrize("enable_ext", [False, True])
def test_schemas_are_parsed_once_for_a_user(tmp_path, monkeypatch, enable_ext):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(cwltool.process, "SCHEMA_CACHE", {})
    schemas.register(enable_ext=enable_ext)
    (file,) = (tmp_path / "cwl-dask").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    monkeypatch.setattr(cwltool.process, "SCHEMA_CACHE", {})
    monkeypatch.setattr(cwltool.process, "get_schema", pytest.fail)
    schemas.register(enable_ext=enable_ext)
    assert cwltool.process.SCHEMA_CACHE


def test_a_cache_that_cannot_be_written_is_no_error(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    schemas.register(enable_ext=False)
