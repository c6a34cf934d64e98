"""Why the runner of a job does not start. Pure: the API's JSON in, a sentence out."""

from collections.abc import Iterable

from bai_kit.kube.api import Json

HOPELESS_S = 15.0
"""Seconds until a fault is believed that seldom mends itself: a registry may be slow, a quota may be freed."""
NOT_YET = {"ContainerCreating", "PodInitializing"}
_AT_ONCE = {"InvalidImageName", "ErrImageNeverPull", "CreateContainerConfigError"}
_GROWS = {"TriggeredScaleUp", "Provisioning", "WaitForFirstConsumer"}
"""Events that say that help is on its way: a pod may wait for a node to come. What others use may also become free."""


def trouble(pod: Json | None, events: Iterable[Json], waited_s: float, patience_s: float) -> str | None:
    """Say why a pod will not start; None while it still may.

    Args:
        pod: The runner's pod; None when the Job controller has not made one.
        events: Events of the Job and of the pod.
        waited_s: Seconds since the Job was created.
        patience_s: Seconds that a start may take.
    """
    events = list(events)
    late = waited_s > patience_s
    if pod is None:
        refused = _last(events, "FailedCreate")
        if refused and waited_s > HOPELESS_S:
            return f"its pod was refused: {refused}"
        return f"it has no pod after {waited_s:.0f} s" if late else None
    for status in _container_states(pod):
        waiting = status.get("state", {}).get("waiting", {})
        reason = waiting.get("reason", "")
        if reason and reason not in NOT_YET and (reason in _AT_ONCE or waited_s > HOPELESS_S):
            return f"container {status['name']}: {reason}: {waiting.get('message', '')}".rstrip(": ")
    scheduled: Json = next((each for each in pod["status"].get("conditions", []) if each["type"] == "PodScheduled"), {})
    if scheduled.get("status") == "False" and waited_s > HOPELESS_S:
        message = str(scheduled.get("message", scheduled.get("reason", "")))
        helped = "Insufficient" in message or any(each.get("reason") in _GROWS for each in events)
        if late or not helped:
            return f"no node takes its pod: {message}"
    mount = _last(events, "FailedMount") or _last(events, "FailedAttachVolume")
    if mount and waited_s > 2 * HOPELESS_S:
        return f"a volume cannot be mounted: {mount}"
    return f"its pod is {pod['status'].get('phase', 'Pending')} after {waited_s:.0f} s" if late else None


def started(pod: Json | None, container: str) -> bool:
    """Tell whether a container runs or has run."""
    states = [each["state"] for each in _container_states(pod or {}) if each["name"] == container]
    return any("running" in state or "terminated" in state for state in states)


def _container_states(pod: Json) -> list[Json]:
    status = pod.get("status", {})
    return [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]


def _last(events: list[Json], reason: str) -> str:
    messages = [each.get("message", "") for each in events if each.get("reason") == reason]
    return str(messages[-1]) if messages else ""
