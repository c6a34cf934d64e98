"""Test which cluster is used, and the error if no cluster is found."""

from __future__ import annotations

import socket
from concurrent.futures import Future, ThreadPoolExecutor
from types import SimpleNamespace

import dask
import dask_gateway  # adds its defaults to the configuration, which config.set would else take away again
import pytest
from distributed import LocalCluster
from distributed.scheduler import KilledWorker

from bai import cluster as module
from bai.cluster import Cluster, connect, translate
from bai.errors import ComputeError, InputError, TemporaryError


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name in ("DASK_GATEWAY_CLUSTER", "DASK_CLUSTER", "DASK_SCHEDULER_ADDRESS"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


@pytest.fixture
def closed_port():
    """Return a port of this machine on which no process listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@pytest.fixture
def empty_cluster(environment):
    """Start a real scheduler without workers."""
    with LocalCluster(
        n_workers=0, processes=False, dashboard_address="127.0.0.1:0", host="127.0.0.1", protocol="tcp"
    ) as cluster:
        environment.setenv("DASK_SCHEDULER_ADDRESS", cluster.scheduler_address)
        yield cluster


def test_without_a_cluster_threads_of_this_process_do_the_work():
    with connect() as cluster:
        assert isinstance(cluster.executor, ThreadPoolExecutor)
        assert cluster.threads() >= 1
        assert cluster.executor.submit(sum, (1, 2)).result() == 3


@pytest.mark.parametrize("variable", ["DASK_GATEWAY_CLUSTER", "DASK_CLUSTER"])
def test_a_gateway_that_cannot_be_reached_is_a_temporary_error(environment, closed_port, variable):
    environment.setenv(variable, "default.abc")
    environment.setenv("DASK_SCHEDULER_ADDRESS", "tcp://ignored:1")
    with (
        dask.config.set({"gateway.address": f"http://127.0.0.1:{closed_port}", "gateway.auth.type": "basic"}),
        pytest.raises(TemporaryError, match=r"cluster default.abc: the gateway cannot be reached: .*connect"),
        connect(),
    ):
        pass


def test_a_gateway_without_an_address_is_an_error(environment):
    environment.setenv("DASK_GATEWAY_CLUSTER", "default.abc")
    with (
        dask.config.set({"gateway.address": None}),
        pytest.raises(ComputeError, match=r"default.abc: .*address"),
        connect(),
    ):
        pass


class SlowGateway:
    """A gateway whose cluster is pending for a while, and then stopped."""

    answers: tuple[str, ...] = ()

    def __init__(self, *, asynchronous):
        self.statuses = iter(self.answers)

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        pass

    async def get_cluster(self, name, *, wait):
        return SimpleNamespace(status=SimpleNamespace(name=next(self.statuses)))


@pytest.mark.parametrize(("deadline_s", "found"), [(60, "stopped"), (0, "pending")])
def test_a_cluster_that_is_starting_is_waited_for(environment, deadline_s, found):
    environment.setenv("DASK_GATEWAY_CLUSTER", "default.abc")
    environment.setattr(SlowGateway, "answers", ("PENDING", "PENDING", "STOPPED"))
    environment.setattr(dask_gateway, "Gateway", SlowGateway)
    environment.setattr(module, "PENDING_S", 0.01)
    with pytest.raises(TemporaryError, match=f"cluster default.abc is {found}"), connect(deadline_s):
        pass


def test_a_scheduler_that_cannot_be_reached_is_a_temporary_error(environment, closed_port):
    environment.setenv("DASK_SCHEDULER_ADDRESS", f"tcp://127.0.0.1:{closed_port}")
    with (
        dask.config.set({"distributed.comm.timeouts.connect": "300ms"}),
        pytest.raises(TemporaryError, match=rf"scheduler tcp://127.0.0.1:{closed_port}: cannot be reached"),
        connect(),
    ):
        pass


def test_a_scheduler_address_that_is_none_is_an_error(environment):
    environment.setenv("DASK_SCHEDULER_ADDRESS", "nonsense://x")
    with pytest.raises(ComputeError, match=r"scheduler nonsense://x"), connect():
        pass


@pytest.mark.usefixtures("empty_cluster")
def test_a_cluster_that_gets_no_worker_is_a_temporary_error():
    with pytest.raises(TemporaryError, match=r"no worker for 0.3 s"), connect(deadline_s=0.3):
        pass


def test_a_cluster_that_loses_its_workers_is_a_temporary_error(monkeypatch):
    monkeypatch.setattr(module, "POLL_S", 0.01)
    with ThreadPoolExecutor(1) as executor, pytest.raises(TemporaryError, match=r"cluster x: no worker for 0.05 s"):
        Cluster("x", executor, lambda: 0, deadline_s=0.05).wait({Future()})


def test_a_slow_task_is_waited_for(monkeypatch):
    monkeypatch.setattr(module, "POLL_S", 0.01)
    future = Future()
    polls = iter(range(20))

    def threads():
        if next(polls) == 10:
            future.set_result(1)
        return 1

    with ThreadPoolExecutor(1) as executor:
        assert Cluster("x", executor, threads, deadline_s=0.05).wait({future}) == ({future}, set())


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (InputError("kept"), InputError, "kept"),
        (KilledWorker("task-1", None, 3), ComputeError, "cluster x: a task ended its worker again and again"),
        (MemoryError(), ComputeError, "cluster x: out of memory"),
        (
            ModuleNotFoundError("No module named 'bai'"),
            ComputeError,
            "the workers lack a package: No module named 'bai'",
        ),
        (OSError("closed"), ComputeError, "cluster x: lost: closed"),
    ],
)
def test_what_a_cluster_raises_becomes_one_clear_line(error, kind, message):
    clear = translate(error, Cluster("x", ThreadPoolExecutor(1), lambda: 1))
    assert isinstance(clear, kind)
    assert message in str(clear)


def test_a_bug_stays_a_bug():
    assert translate(KeyError("x"), Cluster("x", ThreadPoolExecutor(1), lambda: 1)) is None
