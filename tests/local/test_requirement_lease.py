"""Test the lease with a real scheduler: the idle timeout ends a cluster without a runner, but never one in use."""

import asyncio
import os
import subprocess
import sys
import time

import dask
import pytest
import yaml
from dask_gateway import Gateway

from cwl_dask.local.gateway import EmbeddedGateway
from tests.local.steps import FIELDS, eventually

IDLE_S = 4
"""Long enough for the lease to be there, on a busy machine too."""
RUNNER = f"""
import sys
from cwl_dask.core.claim import Claim
from cwl_dask.core.requirement import parse_requirement
with Claim(parse_requirement({FIELDS | {"idleTimeout": IDLE_S}})) as claim:
    claim.wait_running()
    print(claim.name, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def runner(tmp_path):
    with EmbeddedGateway() as embedded, dask.config.set(gateway=embedded.section()):
        gateway = {"address": dask.config.get("gateway.address"), "auth": dask.config.get("gateway.auth")}
        (tmp_path / "gateway.yaml").write_text(yaml.safe_dump({"gateway": gateway}))
        process = subprocess.Popen(
            [sys.executable, "-c", RUNNER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"DASK_CONFIG": str(tmp_path)},
        )
        with process:
            yield process
            process.kill()


def status(name):
    async def asked():
        async with Gateway(asynchronous=True) as client:
            return (await client.get_cluster(name)).status.name

    return asyncio.run(asked())


def test_an_idle_cluster_lives_as_long_as_its_runner(runner):
    name = runner.stdout.readline().strip()
    over = time.monotonic() + 2.5 * IDLE_S
    while time.monotonic() < over:
        assert status(name) == "RUNNING"
    runner.kill()
    eventually(lambda: status(name) != "RUNNING", 8 * IDLE_S)
