"""Why pods have not started, in Kubernetes' words and in ours."""

import pytest
from kubernetes import client

from cwl_dask.calrissian import obstacles
from cwl_dask.calrissian.obstacles import obstacle_of
from cwl_dask.core.waiting import Obstacle

CPU = "0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are available: 1 No preemption victims found."


def pod(phase="Pending", waiting=None, message="", unschedulable=None, component=None, why=None):
    state = client.V1ContainerState(waiting=client.V1ContainerStateWaiting(reason=waiting, message=message))
    status = client.V1ContainerStatus(name="c", image="i", image_id="", ready=False, restart_count=0, state=state)
    condition = client.V1PodCondition(
        type="PodScheduled", status="False" if unschedulable else "True", message=unschedulable
    )
    labels = {"app.kubernetes.io/component": component} if component else None
    return client.V1Pod(
        metadata=client.V1ObjectMeta(name="p", labels=labels),
        status=client.V1PodStatus(
            phase=phase, reason=why, container_statuses=[status] if waiting else None, conditions=[condition]
        ),
    )


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (pod("Running"), None),
        (pod("Succeeded"), None),
        (pod(unschedulable=CPU), Obstacle("1 Insufficient cpu", room=True)),
        (pod(waiting="ContainerCreating"), Obstacle("pulling image")),
        (pod(waiting="ErrImagePull", message="not found"), Obstacle("ErrImagePull: not found")),
        (pod(waiting="ImagePullBackOff", message="gone"), Obstacle("ImagePullBackOff: gone", fault=True)),
        (pod("Failed", why="Evicted"), Obstacle("Evicted", fault=True)),
    ],
)
def test_an_obstacle(seen, expected):
    assert obstacle_of(seen) == expected


def test_the_obstacle_of_a_cluster_is_its_schedulers_and_then_that_of_all_its_workers():
    scheduler, worker = pod("Running", component="dask-scheduler"), pod(unschedulable=CPU, component="dask-worker")
    look = obstacles._cluster_obstacle
    assert look([]) is None
    assert look([pod(unschedulable=CPU, component="dask-scheduler"), worker]).text == "scheduler: 1 Insufficient cpu"
    assert look([scheduler, worker, worker]) == Obstacle("0 of 2 workers run; worker: 1 Insufficient cpu", room=True)
    assert look([scheduler, worker, pod("Running", component="dask-worker")]) is None


def test_clusters_of_another_namespace_are_invisible(monkeypatch):
    monkeypatch.setattr(obstacles.api, "connect", lambda: "jobs")
    assert obstacles.watch_cluster("gateways.abc") is None
    seen = client.V1PodList(items=[pod(unschedulable=CPU, component="dask-scheduler")])
    monkeypatch.setattr(obstacles.client.CoreV1Api, "list_namespaced_pod", lambda *_, **__: seen)
    assert obstacles.watch_cluster("jobs.abc").room
