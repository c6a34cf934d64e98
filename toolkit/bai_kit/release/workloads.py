"""What a release's Deployments and volumes are doing: ready, on the way, or never going to be. Changes nothing."""

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
    """Pods that are ready; 1 for a volume that is bound or waits for its first pod."""
    wanted: int
    note: str = ""
    """What it is waiting for, for people."""
    trouble: str | None = None
    """Why it will not become ready; None while it still may."""
    pods: tuple[tuple[str, str], ...] = ()
    """(pod, container) of every container that is not ready."""

    @property
    def done(self) -> bool:
        """Whether there is nothing left to wait for."""
        return self.ready >= self.wanted


def observe(kube: Kube, objects: Iterable[Json], waited_s: float) -> tuple[Workload, ...]:
    """Look at every Deployment and volume among a release's objects.

    Args:
        kube: The release's namespace.
        objects: The release's manifest.
        waited_s: Seconds since the objects were made or changed.
    """
    found = []
    for each in objects:
        name = each["metadata"]["name"]
        if each["kind"] == "Deployment":
            found.append(_deployment(kube, name, waited_s))
        elif each["kind"] == "PersistentVolumeClaim":
            found.append(_volume(kube, name))
    return tuple(found)


def last_lines(kube: Kube, workload: Workload) -> tuple[str, ...]:
    """Return the last log lines of the containers that are not ready, each with its pod's name in front."""
    lines: list[str] = []
    for pod, container in workload.pods:
        stamped = list(kube.log(pod, container, follow=False))[-TAIL:]
        texts = (line.decode(errors="replace").partition(" ")[2] for line in stamped)
        lines += [f"{pod}: {_COLOUR.sub('', text)}" for text in texts]
    return tuple(lines)


def _deployment(kube: Kube, name: str, waited_s: float) -> Workload:
    found = kube.get("deployments", name)
    if found is None:
        return Workload("deployment", name, 0, 1, "is not there yet")
    status, wanted = found.get("status", {}), found["spec"].get("replicas", 1)
    seen = status.get("observedGeneration", 0) >= found["metadata"]["generation"]
    # Pods of the former revision count as available too: only those of this one matter.
    old = status.get("replicas", 0) - status.get("updatedReplicas", 0)
    ready = max(0, status.get("availableReplicas", 0) - old) if seen else 0
    if ready >= wanted:
        return Workload("deployment", name, ready, wanted)
    refused = _condition(found, "ReplicaFailure", "True")
    if refused:
        return Workload("deployment", name, ready, wanted, refused, f"its pods are refused: {refused}")
    labels = ",".join(f"{key}={value}" for key, value in found["spec"]["selector"]["matchLabels"].items())
    pods = [each for each in kube.list("pods", labels=labels) if not _condition(each, "Ready", "True", "yes")]
    pods = [each for each in pods if "deletionTimestamp" not in each["metadata"]]
    events = kube.list("events") if pods else []
    troubles = [(each, _trouble(each, events, waited_s)) for each in pods]
    worst = next((why for _, why in troubles if why), None)
    containers = tuple(
        (each["metadata"]["name"], status["name"])
        for each, why in troubles
        if why
        for status in each["status"].get("containerStatuses", [])
        if not status["ready"]
    )
    return Workload("deployment", name, ready, wanted, worst or _waiting(pods), worst, containers)


def _volume(kube: Kube, name: str) -> Workload:
    found = kube.get("persistentvolumeclaims", name)
    if found and found.get("status", {}).get("phase") == "Bound":
        return Workload("volume", name, 1, 1)
    events = [each for each in kube.list("events", fields=f"involvedObject.name={name}") if "reason" in each]
    if any(each["reason"] == "WaitForFirstConsumer" for each in events):
        return Workload("volume", name, 1, 1, "is made with the first job")
    note = events[-1].get("message", "") if events else "waits for a volume"
    refused = next((each for each in events if each["reason"] == "ProvisioningFailed"), None)
    return Workload("volume", name, 0, 1, note, refused.get("message") if refused else None)


def _trouble(pod: Json, events: list[Json], waited_s: float) -> str | None:
    own = [each for each in events if each["involvedObject"].get("name") == pod["metadata"]["name"]]
    if not _unscheduled(pod):  # pulling a large image takes as long as the whole deploy may
        return trouble(pod, own, waited_s, math.inf)
    return trouble(pod, own, waited_s, CROWDED_S) if waited_s > CROWDED_S else None


def _unscheduled(pod: Json) -> str:
    """Return the scheduler's words about a pod that no node takes; "" for any other."""
    conditions = pod["status"].get("conditions", [])
    no = (each for each in conditions if each["type"] == "PodScheduled" and each["status"] == "False")
    return next((str(each.get("message") or "no node takes its pod") for each in no), "")


def _waiting(pods: list[Json]) -> str:
    """Say in a word or two what the first pod that is not ready is waiting for."""
    for pod in pods:
        for status in pod["status"].get("containerStatuses", []):
            waiting = status.get("state", {}).get("waiting")
            return str(waiting["reason"]) if waiting else "started, not ready yet"
        return _unscheduled(pod) or str(pod["status"].get("phase", "Pending"))
    return "waits for its pods"


def _condition(found: Json, kind: str, status: str, default: str = "") -> str:
    """Return the message of a condition that holds, or `default` where it has none; "" when it does not hold."""
    for each in found.get("status", {}).get("conditions", []):
        if each["type"] == kind and each["status"] == status:
            return str(each.get("message") or default)
    return ""
