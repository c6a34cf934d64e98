"""`cwl-dask` with a real gateway: cluster claimed, seen by the step, dismissed. Runs with both versions of cwltool."""

import asyncio
import re

import dask
import pytest
import yaml
from dask_gateway import Gateway

from cwl_dask.local.gateway import EmbeddedGateway
from tests.local.steps import END, SUM, Run, package

SAID = r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} \| INFO     \| [\w.]+:\w+:\d+ - "


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    """One gateway for all runs; returns the environment that leads to it."""
    with EmbeddedGateway() as embedded:
        section = embedded.section()
        directory = tmp_path_factory.mktemp("dask")
        kept = {name: section[name] for name in ("address", "auth")}
        (directory / "gateway.yaml").write_text(yaml.safe_dump({"gateway": kept}))
        with dask.config.set(gateway=section):
            yield {"DASK_CONFIG": str(directory)}


def clusters():
    async def listed():
        async with Gateway(asynchronous=True) as client:
            return [report.name for report in await client.list_clusters()]

    return asyncio.run(listed())


def test_a_step_computes_on_its_cluster_which_is_dismissed(tmp_path, gateway):
    path = package(tmp_path, SUM, clusterMaxCores="$(inputs.number)")
    run = Run(tmp_path, path, "--number", 2, **gateway)
    assert run.ended() == 0, run.said
    name, total, workers = (tmp_path / "results/result.txt").read_text().split()
    assert (total, workers) == ("5050", "2")
    assert run.output["result"]["path"] == str(tmp_path / "results/result.txt")
    for words in (
        "procuring a Dask cluster at http://127.0.0.1:",
        f"claimed cluster {name}$",
        f"cluster {name} is running$",
        f"scaled cluster {name} to 2 workers of 1 cores and 256 MiB memory$",
        f"dashboard: http://127.0.0.1:.*{name}/status$",
        rf"dismissed cluster {name} after \d+\.\d s$",
    ):
        assert re.search(SAID + words, run.said, re.MULTILINE), run.said
    assert "Error" not in run.said
    assert clusters() == []
    assert run.left() == []


def test_scattered_steps_have_a_cluster_each_and_wait_for_their_turn(tmp_path, gateway):
    path = package(tmp_path, SUM, scatter=True)
    run = Run(tmp_path, "--parallel", "--max-clusters", 1, path, "--number", 1, "--number", 1, **gateway)
    assert run.ended(120) == 0, run.said
    names = {line.split()[0] for file in (tmp_path / "results").iterdir() for line in file.read_text().splitlines()}
    assert len(names) == 2
    words = re.findall(r"- (claimed|dismissed) cluster", run.said)
    assert words == ["claimed", "dismissed"] * 2
    assert run.left() == []


def test_scattered_steps_share_a_cluster_when_reuse_is_wanted(tmp_path, gateway):
    path = package(tmp_path, SUM, scatter=True)
    run = Run(tmp_path, "--reuse-clusters", path, *(("--number", 1) * 3), **gateway)
    assert run.ended(120) == 0, run.said
    words = re.findall(r"- (claimed|reused|dismissed) cluster", run.said)
    assert words == ["claimed", "reused", "reused", "dismissed"]
    assert clusters() == []
    assert run.left() == []


@pytest.mark.parametrize(("code", "ends"), [(1, 1), (75, 75), (-9, 1)])
def test_the_steps_exit_code_counts_whether_it_wrote_its_output_or_not(tmp_path, gateway, code, ends):
    run = Run(tmp_path, package(tmp_path, END, where="requirements"), f"--number={code}", **gateway)
    assert run.ended() == ends, run.said
    assert "dismissed cluster" in run.said
    assert clusters() == []
    assert run.left() == []


def test_a_proxy_for_the_rest_of_the_world_is_not_asked_for_what_is_on_this_machine(tmp_path):
    proxy = {"http_proxy": "http://127.0.0.1:9", "no_proxy": "", "NO_PROXY": ""}
    run = Run(tmp_path, "--dask-gateway", "local", package(tmp_path, SUM), "--number", 1, **proxy)
    assert run.ended() == 0, run.said
    assert (tmp_path / "results/result.txt").read_text().split()[1:] == ["5050", "1"]


def test_without_a_gateway_a_hint_is_a_warning_and_a_requirement_an_error(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    hint = Run(tmp_path / "a", package(tmp_path / "a", END), "--number", 0)
    assert hint.ended() == 0, hint.said
    assert "no Dask Gateway is configured: tool runs without a cluster" in hint.said
    required = Run(tmp_path / "b", package(tmp_path / "b", END, where="requirements"), "--number", 0)
    assert required.ended() == 33, required.said
    assert "DaskGatewayRequirement needs --dask-gateway" in required.said


def test_a_gateway_that_is_away_is_a_temporary_failure(tmp_path):
    run = Run(tmp_path, "--dask-gateway", "http://127.0.0.1:9", package(tmp_path, END), "--number", 0)
    assert run.ended() == 75, run.said
    assert "no Dask cluster from http://127.0.0.1:9: " in run.said
    assert run.left() == []


def test_a_wrong_value_of_an_expression_is_refused_before_anything_is_created(tmp_path, gateway):
    run = Run(tmp_path, package(tmp_path, END, clusterMaxCores="$(inputs.number)"), "--number", 0, **gateway)
    assert run.ended() == 1, run.said
    assert re.search(r"package\.cwl:\d+:\d+: DaskGatewayRequirement: clusterMaxCores: not a positive number", run.said)
    assert "claimed" not in run.said
    assert run.left() == []
