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


def test_a_container_does_not_reach_the_embedded_gateway(tmp_path, in_container):
    run = Run(tmp_path, "--dask-gateway", "local", in_container, "--number", 0)
    assert run.ended() == 1
    assert "does not reach the gateway on this machine's loopback: add --no-container" in run.said
