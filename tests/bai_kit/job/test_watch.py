"""The workers of a running job, as the watch reports them."""

import pytest

from bai_kit.job import waiting, watch
from bai_kit.job.waiting import Explanation
from bai_kit.job.watch import report, watched_workers
from bai_kit.progress import Progress
from tests.bai_kit.fakes import FakeKube


def worker(name, phase, message=""):
    labels = {"gateway.dask.org/cluster": "abc", "app.kubernetes.io/component": "dask-worker"}
    conditions = [{"type": "PodScheduled", "status": "False", "message": message}] if message else []
    return {"metadata": {"name": name, "labels": labels}, "status": {"phase": phase, "conditions": conditions}}


LATE = worker("b", "Pending", "0/1 nodes: 1 Insufficient memory.")


class Recorder(Progress):
    def __init__(self):
        super().__init__()
        self.phases = []

    def phase(self, phase, detail, *, quiet=False):
        self.phases.append((phase, detail, quiet))


@pytest.mark.parametrize(
    ("pods", "number", "told"),
    [
        ([], [], []),
        ([worker("a", "Running")], [("workers", "1/1", True)], []),
        ([worker("a", "Running"), LATE], [("workers", "1/2", True)], ["1/2: no node with enough memory"]),
        ([LATE], [("workers", "0/1", True)], []),  # the runner's own log says so
    ],
)
def test_the_number_is_shown_and_late_workers_are_explained(monkeypatch, pods, number, told):
    monkeypatch.setattr(waiting, "TELL_AFTER_S", 0.0)
    seen, said = Recorder(), []
    report(pods, Explanation(said.append), seen)
    assert (seen.phases, said) == (number, told)


def test_the_last_cluster_is_watched_until_the_end_of_the_run(monkeypatch):
    monkeypatch.setattr(watch, "LOOK_EVERY_S", 0.0)
    kube, seen = FakeKube(("pods", worker("a", "Running"))), Recorder()
    done = watch.threading.Event()
    seen.phase = lambda *_, **__: done.set()
    with watched_workers(kube, ["ns.old", "ns.abc"], seen):
        assert done.wait(5)
