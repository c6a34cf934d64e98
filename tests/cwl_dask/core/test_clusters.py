"""Test what the steps of one run share: the limit of clusters, and the environment of a step."""

import threading

import dask
import pytest

from cwl_dask.core import claim as lifecycle
from cwl_dask.core import clusters as shared
from cwl_dask.core.clusters import Clusters
from cwl_dask.core.failure import ClaimError
from tests.local.steps import eventually


class FakeClaim:
    """A claim that has its cluster immediately."""

    name, options, gone, running = "fake", {"worker_cores": 2}, False, True

    def __init__(self, requirement, image, keep=False):
        self.request = requirement, image

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.gone = True

    def wait_running(self):
        pass

    def is_running(self):
        return self.running

    def dismiss(self):
        pass


@pytest.fixture(autouse=True)
def _fake(monkeypatch):
    monkeypatch.setattr(lifecycle, "Claim", FakeClaim)


def test_at_most_so_many_clusters_at_a_time_and_the_rest_waits():
    clusters, log, go = Clusters(limit=2), [], threading.Semaphore(0)

    def step():
        with clusters.claim(None, None):
            log.append("in")
            go.acquire(timeout=10)
            log.append("out")

    steps = [threading.Thread(target=step) for _ in range(5)]
    for thread in steps:
        thread.start()
    eventually(lambda: log.count("in") >= 2)
    steps[0].join(0.2)  # time for a third to come in
    assert log == ["in", "in"]
    for ended in range(1, 6):
        go.release()
        eventually(lambda ended=ended: log.count("out") == ended and log.count("in") == min(ended + 2, 5))
    for thread in steps:
        thread.join(20)
    at_once = [sum(1 if word == "in" else -1 for word in log[: end + 1]) for end in range(len(log))]
    assert max(at_once) == 2


def test_after_a_stop_no_step_gets_a_cluster():
    clusters = Clusters(limit=1)
    clusters.stop()
    with pytest.raises(ClaimError, match="stopped"), clusters.claim(None, None):
        pass


def test_a_cluster_is_reported_when_it_is_claimed_and_when_it_is_gone():
    events = []
    clusters = Clusters(
        claimed=lambda name: events.append(f"claimed {name}"), gone=lambda name: events.append(f"{name} is gone")
    )
    with clusters.claim(None, None):
        assert events == ["claimed fake"]
    assert events == ["claimed fake", "fake is gone"]


def test_a_gateway_is_available_only_where_dask_is_told_of_one():
    assert not Clusters().available()
    with dask.config.set({"gateway.address": "http://gateway"}):
        assert Clusters().available()


def test_a_cluster_is_reused_by_steps_that_want_the_same():
    gone = []
    clusters = Clusters(gone=gone.append)
    clusters.reuse = True
    with clusters.claim("two cores", "image") as first:
        pass
    with clusters.claim("two cores", "other image") as other:
        pass
    with clusters.claim("two cores", "image") as again, clusters.claim("two cores", "image") as besides:
        pass
    assert again is first
    assert len({first, other, besides}) == 3
    assert not gone
    clusters.close()
    assert len(gone) == 3


def test_a_cluster_that_ended_meanwhile_is_not_reused():
    clusters = Clusters()
    clusters.reuse = True
    with clusters.claim(None, None) as first:
        pass
    first.running = False
    with clusters.claim(None, None) as second:
        assert second is not first
        assert first.gone
    clusters.close()


def test_a_cluster_of_a_failed_step_is_dismissed():
    clusters = Clusters()
    clusters.reuse = True
    with pytest.raises(ZeroDivisionError), clusters.claim(None, None) as claim:
        raise ZeroDivisionError
    assert claim.gone


def test_a_cluster_that_no_step_wants_is_dismissed_after_a_while(monkeypatch):
    monkeypatch.setattr(shared, "REUSE_WAIT_S", 0.01)
    clusters = Clusters()
    clusters.reuse = True
    with clusters.claim(None, None) as claim:
        pass
    eventually(lambda: claim.gone)


def test_a_cluster_that_waits_counts_towards_the_limit():
    clusters = Clusters(limit=1)
    clusters.reuse = True
    with clusters.claim("one core", None) as first:
        pass
    with clusters.claim("two cores", None):
        assert first.gone
    clusters.close()
