"""Test steps in containers, with a fake engine that prints its arguments."""

import json
import sys

import dask
import pytest

from tests.cwl_dask.gateway import FakeGateway
from tests.local.steps import END, Run, package

ENGINE = f"""#!{sys.executable}
import pathlib, sys
arguments = sys.argv[1:]
if arguments[0] == "inspect":
    print('[{{"Id": "sha256:1"}}]')
pathlib.Path(sys.argv[0] + ".log").open("a").write("\\n".join(arguments) + "\\n")
"""


@pytest.fixture
def gateway():
    with FakeGateway() as fake, dask.config.set({"gateway.address": fake.address}):
        yield fake


@pytest.fixture
def in_container(tmp_path, monkeypatch):
    """Put the engine on the path; return a package whose step requires a container."""
    (tmp_path / "bin").mkdir()
    engine = tmp_path / "bin/docker"
    engine.write_text(ENGINE)
    engine.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    path = package(tmp_path, END)
    document = json.loads(path.read_text())
    document["$graph"][1]["requirements"] = {"DockerRequirement": {"dockerPull": "registry/app:1"}}
    path.write_text(json.dumps(document))
    return path


def test_a_container_sees_its_cluster_and_the_configuration_in_etc_dask(tmp_path, gateway, in_container):
    run = Run(tmp_path, "--dask-gateway", gateway.address, "--disable-pull", in_container, "--number", 0)
    run.ended()
    asked = (tmp_path / "bin/docker.log").read_text()
    assert "registry/app:1" in asked, run.said
    assert gateway.submitted["image"] == "registry/app:1"
    assert "--env=DASK_GATEWAY_CLUSTER=fake" in asked, run.said
    assert "--env=DASK_CLUSTER=fake" in asked
    assert "target=/etc/dask,readonly" in asked
    assert "DASK_CONFIG" not in asked
    assert gateway.status == "STOPPED"
    assert run.left() == []


def test_a_cluster_of_the_embedded_gateway_has_the_steps_image_and_its_folders(tmp_path, in_container):
    run = Run(tmp_path, "--dask-gateway", "local", "--disable-pull", in_container, "--number", 0)
    assert run.ended() == 1  # this engine starts nothing
    words = (tmp_path / "bin/docker.log").read_text().splitlines()
    start = words[words.index("run") : words.index("scheduler") + 1]
    assert {"--rm", "--network=host", "--env=DASK_GATEWAY_API_TOKEN"} <= set(start)
    assert start[-3:] == ["registry/app:1", "dask", "scheduler"]
    assert sum(word.startswith("--mount=") for word in start) == 2  # the scheduler's own files, the step's folder
    assert run.left() == []
