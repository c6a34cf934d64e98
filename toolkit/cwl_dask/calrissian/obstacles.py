"""Why pods of steps and clusters have not started, as Kubernetes reports it."""

import contextlib
import logging
import re
from collections.abc import Iterable
from typing import Any

from kubernetes import client, config
from kubernetes.client.rest import ApiException
from urllib3.exceptions import HTTPError

from cwl_dask.calrissian import api
from cwl_dask.core.waiting import Obstacle

log = logging.getLogger(__name__)

_FAULTS = {
    "ImagePullBackOff",
    "InvalidImageName",
    "ErrImageNeverPull",
    "CreateContainerConfigError",
    "CreateContainerError",
    "CrashLoopBackOff",
}
"""Reasons of a waiting container that only a person can fix."""
_STARTING = {None, "PodInitializing", "ContainerCreating"}
_NODES = re.compile(r"^\d+/\d+ nodes are available: |\. preemption:.*$|\.$", re.DOTALL)
"""What the Kubernetes scheduler says around its reasons."""


def obstacle_of(pod: Any, what: str = "") -> Obstacle | None:
    """Return what keeps a `V1Pod` from starting; None when its container runs or has run.

    Args:
        pod: the pod.
        what: put before the text, such as `scheduler`.
    """
    lead = f"{what}: " if what else ""
    status = pod.status
    if status.phase == "Failed":
        return Obstacle(f"{lead}{status.reason or 'Failed'}", fault=True)
    containers = (status.init_container_statuses or []) + (status.container_statuses or [])
    for container in containers:
        waiting = container.state.waiting
        if waiting and waiting.reason not in _STARTING:
            text = f"{lead}{waiting.reason}: {waiting.message}"
            return Obstacle(text, fault=waiting.reason in _FAULTS)
    for condition in status.conditions or []:
        if condition.type == "PodScheduled" and condition.status == "False":
            return Obstacle(f"{lead}{_NODES.sub('', condition.message or condition.reason or '')}", room=True)
    if status.phase == "Pending":
        return Obstacle(f"{lead}{'pulling image' if status.conditions else 'not on a node yet'}")
    return None


def watch_cluster(name: str) -> Obstacle | None:
    """Return what keeps a cluster from starting; None when nothing is known.

    Pods in another namespace, or in one that the runner may not read, are invisible.

    Args:
        name: the cluster's name, as `NAMESPACE.NAME`.
    """
    namespace, _, short = name.rpartition(".")
    with contextlib.suppress(ApiException, HTTPError, OSError, config.ConfigException):
        if namespace == api.connect():
            pods = client.CoreV1Api().list_namespaced_pod(namespace, label_selector=f"gateway.dask.org/cluster={short}")
            return _cluster_obstacle(pods.items)
    return None


def _cluster_obstacle(pods: Iterable[Any]) -> Obstacle | None:
    of: dict[str, list[Obstacle | None]] = {"dask-scheduler": [], "dask-worker": []}
    for pod in pods:
        component = (pod.metadata.labels or {}).get("app.kubernetes.io/component", "")
        if component in of:
            of[component].append(obstacle_of(pod, component.removeprefix("dask-")))
    if any(of["dask-scheduler"]):
        return of["dask-scheduler"][0]
    workers = of["dask-worker"]
    if workers and all(workers):
        first = workers[0]
        assert first  # noqa: S101 - all of them are obstacles
        return Obstacle(f"0 of {len(workers)} workers run; {first.text}", first.room, first.fault)
    return None
