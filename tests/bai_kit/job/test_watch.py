"""What a running job waits for, from the pods of its steps and clusters."""

from bai_kit.job import waiting
from bai_kit.job.waiting import Explanation
from bai_kit.job.watch import describe, explained_waits, update
from bai_kit.progress import Progress
from tests.bai_kit.fakes import FakeKube


def pod(name, phase, *, message="", **labels):
    condition = {"type": "PodScheduled", "status": "False", "message": message}
    waiting = [{"name": "c", "state": {"waiting": {"reason": "ContainerCreating"}}}]
    status = {"phase": phase, "conditions": [condition]} if message else {"phase": phase, "containerStatuses": waiting}
    return {"metadata": {"name": name, "labels": {"app.kubernetes.io/part-of": "bai-kit", **labels}}, "status": status}


def dask(name, phase, component, **more):
    labels = {"gateway.dask.org/cluster": "abc", "app.kubernetes.io/component": component}
    return pod(name, phase, **labels, **more)


def test_pods_that_run_are_not_worth_a_word():
    assert describe("worker", [dask("a", "Running", "dask-worker")]) == ""
    assert describe("worker", []) == ""


def test_schedulers_and_workers_are_told_with_their_numbers_and_the_reason(monkeypatch):
    monkeypatch.setattr(waiting, "TELL_AFTER_S", 0.0)
    kube = FakeKube(
        ("pods", dask("s", "Pending", "dask-scheduler", message="0/1 nodes: 1 Insufficient memory.")),
        ("pods", dask("w1", "Running", "dask-worker")),
        ("pods", dask("w2", "Pending", "dask-worker")),
        ("pods", pod("t", "Pending", message="untolerated taint", **{"bai-kit/job": "one", "bai-kit/step": "map"})),
    )
    told = {"step": [], "workers": []}
    waits = {phase: Explanation(told[phase].append) for phase in told}
    update(kube, "one", ["ns.abc"], waits, Progress())
    assert told["step"] == ["step 0/1: untolerated taint"]
    assert told["workers"] == [
        "scheduler 0/1: no node with enough memory; worker 1/2: pulling its image or mounting its volumes"
    ]


def test_the_watch_ends_with_the_run():
    with explained_waits(FakeKube(), "one", [], Progress()):
        pass
