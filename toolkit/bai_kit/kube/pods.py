"""Return why a pod does not start or how its container ended, and wait until pods are gone."""

import logging
import math
import re
import threading
import time
from collections.abc import Iterable

from bai_kit.errors import BaiKitError, SetupError, WaitTimeout
from bai_kit.kube.api import Json, Kube
from bai_kit.kube.quantities import quantity

log = logging.getLogger(__name__)

PODS_GONE_TIMEOUT_S = 90.0
"""Seconds that deleted pods may take: a grace period of 30 s for a runner, another one for its steps, and a margin."""
POLL_S = 0.2
_FAULT_AFTER_S = {
    **dict.fromkeys(("InvalidImageName", "ErrImageNeverPull", "CreateContainerConfigError"), 0.0),
    **dict.fromkeys(("ContainerCreating", "PodInitializing", ""), math.inf),
    **dict.fromkeys(("FailedMount", "FailedAttachVolume"), 30.0),
}
"""Seconds a pod may show a state before the wait fails; infinity is not a fault."""
_OTHER_FAULT_AFTER_S = 15.0
"""The same for every other state: a registry may be slow, a quota may be freed."""
_GROWTH = {
    "TriggeredScaleUp": "an autoscaler adds a node",
    "Nominated": "an autoscaler adds a node",
    "Provisioning": "its volume is created",
    "WaitForFirstConsumer": "its volume is created",
}
"""Events that announce a node (Cluster Autoscaler, Karpenter) or a volume, in plain words."""
_NO_GROWTH = "NotTriggerScaleUp"
"""Event of Cluster Autoscaler: no node that it could add would take the pod."""


class StartLimits:
    """Time limits of one pod's start; the time in which the pod has no room on any node counts separately.

    Args:
        start_s: Seconds that the start may take once there is room.
        room_s: Seconds without room; other pods may end, or an autoscaler may add a node.
    """

    def __init__(self, start_s: float, room_s: float) -> None:
        self._start_s, self._room_s = start_s, room_s
        self.restart()

    def restart(self) -> None:
        """Begin to measure now."""
        self._begin = self._last = time.monotonic()
        self._without_room = 0.0

    @property
    def is_out_of_room(self) -> bool:
        """Whether the time limit without room has passed."""
        return self._without_room > self._room_s

    def exceeded(self, pod: Json | None, events: Iterable[Json]) -> str | None:
        """Return why to give up now, or None to go on waiting; call it regularly.

        Args:
            pod: The pod; None when its controller has not created one.
            events: Events of the pod and of its controller.
        """
        events, now = list(events), time.monotonic()
        missing = lacks_room(pod, events)
        if missing:
            self._without_room += now - self._last
        self._last = now
        if missing:
            return f"no room within {self._room_s:.0f} s: {missing}" if self.is_out_of_room else None
        return trouble(pod, events, now - self._begin - self._without_room, self._start_s)


def lacks_room(pod: Json | None, events: Iterable[Json]) -> str:
    """Return why there is no room for a pod at the moment; empty when there is, or when there can never be. Pure.

    Arguments as for `trouble`.
    """
    events = list(events)
    if pod is None:
        denied = _last(events, "FailedCreate")
        found = re.search(r"exceeded quota: ([^,]*), (requested: (.*?), used: .*?, limited: (.*))", denied)
        if not found or _is_larger(found[3], found[4]):
            return ""
        return f"quota {found[1]} is used up ({found[2]})"
    if not (unscheduled := _unscheduled(pod)):
        return ""
    insufficient = list(dict.fromkeys(re.findall(r"Insufficient ([\w./-]*\w)", unscheduled)))
    growth = [event for event in events if event.get("reason") in {*_GROWTH, _NO_GROWTH}]
    note = ""
    if growth and growth[-1]["reason"] != _NO_GROWTH:
        note = _GROWTH[growth[-1]["reason"]]
    elif growth and insufficient:
        note = f"no autoscaler adds a node: {growth[-1].get('message', '')}".rstrip(": ")
    if insufficient:
        return f"no node with enough {' and '.join(insufficient)}" + (f"; {note}" if note else "")
    return f"{note}: {unscheduled}" if note else ""


def trouble(pod: Json | None, events: Iterable[Json], waited_s: float, patience_s: float) -> str | None:
    """Return why a pod cannot start, or None while it still might. Pure.

    Args:
        pod: The pod; None when its controller has not created one.
        events: Events of the pod and of its controller.
        waited_s: Seconds since the wait began.
        patience_s: Seconds that the start may take.
    """
    events = list(events)
    is_late = waited_s > patience_s
    if pod is None:
        if (denied := _last(events, "FailedCreate")) and waited_s > _limit("FailedCreate"):
            return f"its pod was refused: {denied}"
        return f"it has no pod after {waited_s:.0f} s" if is_late else None
    for name, reason, message in _waiting_containers(pod):
        if waited_s >= _limit(reason):
            return f"container {name}: {reason}: {message}".rstrip(": ")
    unscheduled = _unscheduled(pod)
    if unscheduled and waited_s > _limit("Unschedulable") and (is_late or not lacks_room(pod, events)):
        return f"no node takes its pod: {unscheduled}"
    for reason in ("FailedMount", "FailedAttachVolume"):
        if (message := _last(events, reason)) and waited_s > _limit(reason):
            return f"a volume cannot be mounted: {message}"
    return f"its pod is {pod['status'].get('phase', 'Pending')} after {waited_s:.0f} s" if is_late else None


def waits_for(pod: Json | None, events: Iterable[Json] = ()) -> str:
    """Return what a pod that has not started waits for; empty once all its containers have started. Pure.

    Arguments as for `trouble`.
    """
    if missing := lacks_room(pod, events):
        return missing
    if pod is None:
        return "its pod is not created yet"
    if unscheduled := _unscheduled(pod):
        return unscheduled
    for _, reason, message in _waiting_containers(pod):
        if reason == "ContainerCreating":
            return "pulling its image or mounting its volumes"
        return f"{reason}: {message}".rstrip(": ")
    return "" if _container_states(pod) else "its containers are not created yet"


def started(pod: Json | None, container: str) -> bool:
    """Tell whether a container runs or has run. Pure."""
    states = [status["state"] for status in _container_states(pod or {}) if status["name"] == container]
    return any("running" in state or "terminated" in state for state in states)


def terminated(pod: Json | None, container: str) -> Json | None:
    """Return how a container ended (`exitCode`, `reason`, `message`), or None while it has not. Pure."""
    states = [status["state"] for status in _container_states(pod or {}) if status["name"] == container]
    return next((state["terminated"] for state in states if "terminated" in state), None)


def has_ended(pod: Json | None, container: str) -> bool:
    """Tell whether a container writes no further lines: it has ended, or its pod is deleted or over. Pure."""
    if pod is None or pod["status"].get("phase") in {"Succeeded", "Failed"}:
        return True
    return terminated(pod, container) is not None


def events_of(kube: Kube, *names: str | None) -> list[Json]:
    """Return the events of objects by their names; none without the permission to list events."""
    try:
        return [event for name in names if name for event in kube.list("events", fields=f"involvedObject.name={name}")]
    except SetupError:
        return []


def wait_gone(kube: Kube, labels: str, *, timeout_s: float = PODS_GONE_TIMEOUT_S) -> None:
    """Wait until no pod has the labels.

    Raises:
        WaitTimeout: pods are left; names them.
    """
    deadline = time.monotonic() + timeout_s
    while left := kube.list("pods", labels=labels):
        if time.monotonic() > deadline:
            pods = ", ".join(pod["metadata"]["name"] for pod in left)
            raise WaitTimeout(f"pods still exist after {timeout_s:.0f} s: {pods}", hint="kubectl get pods")
        time.sleep(POLL_S)


def delete_helper(kube: Kube, pod: str) -> None:
    """Delete a short-lived pod of a command; a failure is a warning with the command.

    The deletion runs in a thread of its own, because Python handles signals in the main thread: a signal that arrives
    meanwhile is raised after the deletion, and a second one at once.
    """
    deletion = threading.Thread(target=_delete_helper, args=(kube, pod), daemon=True)
    deletion.start()
    try:
        deletion.join()
    except BaseException:
        deletion.join()
        raise


def _delete_helper(kube: Kube, pod: str) -> None:
    try:
        kube.delete("pods", pod, grace_s=0)
    except BaiKitError as exc:
        log.warning("%s; remove it with: kubectl -n %s delete pod %s", exc.message, kube.namespace, pod)


def _limit(reason: str) -> float:
    return _FAULT_AFTER_S.get(reason, _OTHER_FAULT_AFTER_S)


def _waiting_containers(pod: Json) -> list[tuple[str, str, str]]:
    """List name, reason and message of the containers that wait."""
    waiting = [(status["name"], status.get("state", {}).get("waiting")) for status in _container_states(pod)]
    return [(name, state.get("reason", ""), state.get("message", "")) for name, state in waiting if state]


def _unscheduled(pod: Json) -> str:
    """Return the scheduler's message about a pod that no node takes; empty for any other."""
    conditions = pod["status"].get("conditions", [])
    refused: Json = next((found for found in conditions if found["type"] == "PodScheduled"), {})
    if refused.get("status") != "False":
        return ""
    return str(refused.get("message") or refused.get("reason") or "unschedulable")


def _is_larger(requested: str, limited: str) -> bool:
    """Return whether a request is larger than its quota, so that it never fits; both as `cpu=1,memory=2Gi`."""
    limits = dict(pair.partition("=")[::2] for pair in limited.split(","))
    pairs = (pair.partition("=")[::2] for pair in requested.split(","))
    return any(quantity(amount) > quantity(limits[name]) for name, amount in pairs if name in limits)


def _container_states(pod: Json) -> list[Json]:
    status = pod.get("status", {})
    return [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]


def _last(events: list[Json], reason: str) -> str:
    messages = [event.get("message", "") for event in events if event.get("reason") == reason]
    return str(messages[-1]) if messages else ""
