"""Return why a pod does not start or how its container ended, and wait until pods are gone."""

import logging
import math
import re
import threading
import time
from collections.abc import Iterable

from bai_kit.errors import BaiKitError, WaitTimeout
from bai_kit.kube.api import Json, Kube

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
_GROWTH_EVENTS = {"TriggeredScaleUp", "Provisioning", "WaitForFirstConsumer"}
"""Events that announce a node or a volume, so the pod is not given up before its patience ends."""


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
    if (unscheduled := _unscheduled(pod)) and waited_s > _limit("Unschedulable"):
        is_helped = "Insufficient" in unscheduled or any(event.get("reason") in _GROWTH_EVENTS for event in events)
        if is_late or not is_helped:
            return f"no node takes its pod: {unscheduled}"
    for reason in ("FailedMount", "FailedAttachVolume"):
        if (message := _last(events, reason)) and waited_s > _limit(reason):
            return f"a volume cannot be mounted: {message}"
    return f"its pod is {pod['status'].get('phase', 'Pending')} after {waited_s:.0f} s" if is_late else None


def waits_for(pod: Json | None) -> str:
    """Return what a pod that has not started waits for; empty once all its containers have started. Pure."""
    if pod is None:
        return "its pod is not created yet"
    if unscheduled := _unscheduled(pod):
        return "no node with enough " + " and ".join(found) if (found := _insufficient(unscheduled)) else unscheduled
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


def _insufficient(message: str) -> list[str]:
    return list(dict.fromkeys(re.findall(r"Insufficient ([\w./-]*\w)", message)))


def _container_states(pod: Json) -> list[Json]:
    status = pod.get("status", {})
    return [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]


def _last(events: list[Json], reason: str) -> str:
    messages = [event.get("message", "") for event in events if event.get("reason") == reason]
    return str(messages[-1]) if messages else ""
