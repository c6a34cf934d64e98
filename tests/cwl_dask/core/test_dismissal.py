"""Test stopping clusters at a gateway that loses requests, knows no cluster, or does not answer."""

import asyncio
import time

import pytest
from dask_gateway import Gateway

from cwl_dask.core.dismissal import FRESH_S, until_gone
from tests.cwl_dask.gateway import FakeGateway


@pytest.fixture
def gateway():
    with FakeGateway() as fake:
        fake.status = "RUNNING"
        yield fake


def stop(fake, since=0.0, within_s=10):
    async def stopped():
        async with Gateway(fake.address, asynchronous=True) as client:
            await until_gone(client, "fake", since, within_s)

    asyncio.run(stopped())


def test_a_stop_that_the_gateway_lost_is_repeated(gateway):
    gateway.lost_stops = 1
    stop(gateway)
    assert gateway.status == "STOPPED"
    assert [call.partition(" ")[0] for call in gateway.calls].count("DELETE") == 2


def test_a_cluster_that_does_not_end_is_an_error_after_the_time_limit(gateway):
    gateway.lost_stops = 1000
    with pytest.raises(TimeoutError, match=r"not gone after 0\.5 s"):
        stop(gateway, within_s=0.5)


def test_the_gateways_last_error_is_in_the_message(gateway):
    gateway.refuses = {"DELETE": 503}
    with pytest.raises(TimeoutError, match=r"not gone after 0\.5 s; ."):
        stop(gateway, within_s=0.5)


def test_an_unknown_cluster_is_gone_unless_it_was_submitted_a_moment_ago(monkeypatch):
    class Unknown:
        async def stop_cluster(self, name):
            raise ValueError(f"Cluster {name} not found")

    asyncio.run(until_gone(Unknown(), "fake", time.monotonic() - FRESH_S - 1, 1))
    with pytest.raises(TimeoutError, match="Cluster fake not found"):
        asyncio.run(until_gone(Unknown(), "fake", time.monotonic(), 0.5))
