"""Observe a release's Deployments and volumes: ready, still starting, or unable to start. Changes nothing."""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

from bai_kit.kube.api import Json, Kube
from bai_kit.kube.pods import trouble

CROWDED_S = 120.0
"""Seconds a pod may stay unschedulable before the wait fails; pods that are terminating may still free the node."""
TAIL = 12
"""Number of last log lines to show of a failing container."""
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True, slots=True)
class Workload:
    """One Deployment or PersistentVolumeClaim at one moment."""

    kind: str
    name: str
    ready: int
    """Number of ready pods; 1 for a volume that is bound, or that is created with the first pod that uses it."""
    wanted: int
    """Number of pods the Deployment asks for; 1 for a volume."""
    note: str = ""
    """What the workload is waiting for, worded for a user."""
    trouble: str | None = None
    """Why the workload cannot become ready; None while it still might."""
    pods: tuple[tuple[str, str], ...] = ()
    """Pairs (pod name, container name) of the containers that are not ready."""

    @property
    def done(self) -> bool:
        """Return whether the workload is ready."""
        return self.ready >= self.wanted


def observe(kube: Kube, objects: Iterable[Json], waited_s: float) -> tuple[Workload, ...]:
    """Return the state of every Deployment and volume among a release's objects.

    Args:
        kube: Client for the release's namespace.
        objects: The objects of the release's manifest.
        waited_s: Seconds since the objects were created or changed.
    """
    found = []
    for manifest in objects:
        name = manifest["metadata"]["name"]
        if manifest["kind"] == "Deployment":
            found.append(_deployment(kube, name, waited_s))
        elif manifest["kind"] == "PersistentVolumeClaim":
            found.append(_volume(kube, name))
    return tuple(found)


def last_lines(kube: Kube, workload: Workload) -> tuple[str, ...]:
    """Return the last log lines of the containers that are not ready, each line after the pod's name."""
    lines: list[str] = []
    for pod, container in workload.pods:
        stamped = list(kube.log(pod, container, follow=False))[-TAIL:]
        texts = (line.decode(errors="replace").partition(" ")[2] for line in stamped)
        lines += [f"{pod}: {_COLOUR.sub('', text)}" for text in texts]
    return tuple(lines)


def _deployment(kube: Kube, name: str, waited_s: float) -> Workload:
    found = kube.get("deployments", name)
    if found is None:
        return Workload("deployment", name, 0, 1, "not created yet")
    status, wanted = found.get("status", {}), found["spec"].get("replicas", 1)
    seen = status.get("observedGeneration", 0) >= found["metadata"]["generation"]
    # availableReplicas also counts pods of the previous revision, so those are subtracted.
    old = status.get("replicas", 0) - status.get("updatedReplicas", 0)
    ready = max(0, status.get("availableReplicas", 0) - old) if seen else 0
    if ready >= wanted:
        return Workload("deployment", name, ready, wanted)
    refused = _condition(found, "ReplicaFailure", "True")
    if refused:
        return Workload("deployment", name, ready, wanted, refused, f"Kubernetes refuses its pods: {refused}")
    labels = ",".join(f"{key}={value}" for key, value in found["spec"]["selector"]["matchLabels"].items())
    pods = [pod for pod in kube.list("pods", labels=labels) if not _condition(pod, "Ready", "True", "yes")]
    pods = [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]
    events = kube.list("events") if pods else []
    troubles = [(pod, _trouble(pod, events, waited_s)) for pod in pods]
    worst = next((why for _, why in troubles if why), None)
    containers = tuple(
        (pod["metadata"]["name"], status["name"])
        for pod, why in troubles
        if why
        for status in pod["status"].get("containerStatuses", [])
        if not status["ready"]
    )
    return Workload("deployment", name, ready, wanted, worst or _waiting(pods), worst, containers)


def _volume(kube: Kube, name: str) -> Workload:
    found = kube.get("persistentvolumeclaims", name)
    if found and found.get("status", {}).get("phase") == "Bound":
        return Workload("volume", name, 1, 1)
    events = [event for event in kube.list("events", fields=f"involvedObject.name={name}") if "reason" in event]
    if any(event["reason"] == "WaitForFirstConsumer" for event in events):
        return Workload("volume", name, 1, 1, "created with the first job")
    note = events[-1].get("message", "") if events else "waits for a volume"
    refused = next((event for event in events if event["reason"] == "ProvisioningFailed"), None)
    return Workload("volume", name, 0, 1, note, refused.get("message") if refused else None)


def _trouble(pod: Json, events: list[Json], waited_s: float) -> str | None:
    own = [event for event in events if event["involvedObject"].get("name") == pod["metadata"]["name"]]
    if not _unscheduled(pod):  # no separate limit: pulling a large image may take as long as the deploy's timeout
        return trouble(pod, own, waited_s, math.inf)
    return trouble(pod, own, waited_s, CROWDED_S) if waited_s > CROWDED_S else None


def _unscheduled(pod: Json) -> str:
    """Return why the scheduler found no node for a pod; "" for a pod that is scheduled."""
    conditions = pod["status"].get("conditions", [])
    for condition in conditions:
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            return str(condition.get("message") or "no node takes its pod")
    return ""


def _waiting(pods: list[Json]) -> str:
    """Return in a few words what the first pod of a Deployment is waiting for."""
    for pod in pods:
        for status in pod["status"].get("containerStatuses", []):
            waiting = status.get("state", {}).get("waiting")
            return str(waiting["reason"]) if waiting else "started, not ready yet"
        return _unscheduled(pod) or str(pod["status"].get("phase", "Pending"))
    return "no pods yet"


def _condition(found: Json, kind: str, status: str, default: str = "") -> str:
    """Return the message of the condition of this kind and status, `default` if it is empty; "" if there is none."""
    for condition in found.get("status", {}).get("conditions", []):
        if condition["type"] == kind and condition["status"] == status:
            return str(condition.get("message") or default)
    return ""
