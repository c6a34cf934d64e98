"""Waiting until a job has started, and until it has ended."""

import contextlib
import math
import time
from collections.abc import Callable
from datetime import UTC, datetime

from bai_kit.errors import JobFailed, RemoteError, SetupError, UsageError, WaitTimeout
from bai_kit.job.state import TEMPORARY, Job, get_job, runner_pod, view, waits
from bai_kit.job.template import NUDGED, RUNNER
from bai_kit.kube.api import Kube
from bai_kit.kube.pods import POLL_S, StartLimits, events_of, lacks_room, started

TELL_AFTER_S = 10.0
"""Seconds after which a wait is explained, and explained again when its reason changes."""
EVENTS_EVERY_S = 2.0
"""Seconds between two requests for events, which may be many."""
NUDGE_EVERY_S = 6.0
"""Seconds between two changes of a Job whose pod a quota refuses: Kubernetes alone tries again after up to 60 s."""
END_TIMEOUT_S = 240.0
"""Seconds between a runner's last line and the Job's end: 30 for the runner's grace period, 90 for the guard that stops
the clusters of a killed runner, 90 for pods on a slow node, and a margin."""
Tell = Callable[[str], None]


class Explanation:
    """Tells what a wait is for, once it has lasted `TELL_AFTER_S`, and again on every change."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._since: float | None = None
        self._told = ""

    def update(self, reason: str) -> None:
        """Note what the wait is for now; empty when it is over."""
        if not reason:
            self._since, self._told = None, ""
            return
        now = time.monotonic()
        self._since = now if self._since is None else self._since
        if now - self._since >= TELL_AFTER_S and reason != self._told:
            self._told = reason
            self._tell(reason)


def wait_started(kube: Kube, name: str, limits: StartLimits, *, keep: bool = False, tell: Tell = lambda _: None) -> str:
    """Wait for the runner's container and return its pod's name; delete a job that cannot start, or `keep` it.

    Args:
        kube: The job's namespace.
        name: The job's name.
        limits: Time limits of the start; the time of a suspended job in its queue does not count.
        keep: Leave a job that cannot start as it is.
        tell: Called with what the job waits for.

    Raises:
        RemoteError: the job cannot start; the message has the reason.
        JobFailed: the job was deleted, or found no room (75).
    """
    looked_at = nudged_at = -math.inf
    explanation = Explanation(tell)
    while True:
        pod = runner_pod(kube, name)
        if pod and started(pod, RUNNER):
            return str(pod["metadata"]["name"])
        if time.monotonic() - looked_at >= EVENTS_EVERY_S:
            looked_at = time.monotonic()
            job = kube.get("jobs", name)
            if job is None:
                raise _deleted(name)
            seen = view(job, pod)
            if seen.phase.is_over:
                raise RemoteError(f"job {name} ended before it started", hint=f"bai-kit status {name}")
            events = events_of(kube, name, seen.pod)
            if job["spec"].get("suspend"):
                limits.restart()
            elif reason := limits.exceeded(pod, events):
                raise _never_started(kube, name, reason, keep=keep, temporary=limits.is_out_of_room)
            elif pod is None and lacks_room(pod, events) and looked_at - nudged_at >= NUDGE_EVERY_S:
                nudged_at = looked_at
                _nudge(kube, name)
            explanation.update(waits(job, pod, events))
        time.sleep(POLL_S)


def _nudge(kube: Kube, name: str) -> None:
    """Change the Job, on which its controller tries again to create the pod; without the permission do nothing."""
    with contextlib.suppress(SetupError):
        kube.patch("jobs", name, {"metadata": {"annotations": {NUDGED: datetime.now(UTC).isoformat()}}})


def _never_started(kube: Kube, name: str, reason: str, *, keep: bool, temporary: bool) -> RemoteError:
    if not keep:
        kube.delete("jobs", name)
    message = f"job {name} cannot start{'' if keep else ' and was deleted'}: {reason}"
    return JobFailed(message, exit_code=TEMPORARY) if temporary else RemoteError(message, hint="bai-kit doctor")


def wait_over(kube: Kube, name: str, timeout_s: float = END_TIMEOUT_S) -> Job:
    """Wait until Kubernetes marks a job as over.

    Raises:
        WaitTimeout: the job is not over in time.
        JobFailed: the job was deleted.
    """
    begin = time.monotonic()
    while True:
        try:
            job = get_job(kube, name)
        except UsageError as exc:
            raise _deleted(name) from exc
        if job.phase.is_over:
            return job
        if time.monotonic() - begin > timeout_s:
            message = f"job {name} is still {job.phase} {timeout_s:.0f} s after its runner's last line"
            raise WaitTimeout(message, hint=f"bai-kit status {name}")
        time.sleep(POLL_S)


def _deleted(name: str) -> JobFailed:
    return JobFailed(f"job {name} was deleted", hint="bai-kit list")
