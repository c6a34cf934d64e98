"""A job about to start, and a job about to end: looked at until it does, or until it is clear that it will not."""

import time

from bai_kit.errors import JobFailed, RemoteError, UsageError, WaitTimeout
from bai_kit.job.state import Job, get_job, runner_pod
from bai_kit.job.template import RUNNER
from bai_kit.kube.api import Json, Kube
from bai_kit.kube.pods import started, trouble

LOOK_S = 0.2
"""Between two looks at a job that is about to start or to end."""
END_S = 90.0
"""Between a runner's last line and the Job's own end; the controller needs about 2 s."""


def wait_over(kube: Kube, name: str, limit_s: float = END_S) -> Job:
    """Wait until Kubernetes says that a job is over.

    Raises:
        WaitTimeout: it does not.
        JobFailed: the job was deleted.
    """
    begin = time.monotonic()
    while not (job := _look(kube, name)).phase.is_over:
        if time.monotonic() - begin > limit_s:
            raise WaitTimeout(f"job {name} is still {job.phase} {limit_s:.0f} s after its runner's last line")
        time.sleep(LOOK_S)
    return job


def wait_started(kube: Kube, name: str, patience_s: float, *, keep: bool = False) -> str:
    """Wait for the runner's pod and return its name; delete a job that cannot start, or `keep` it.

    Raises:
        RemoteError: it cannot; the message has the reason.
        JobFailed: the job was deleted.
    """
    begin = time.monotonic()
    while True:
        pod = runner_pod(kube, name)
        if started(pod, RUNNER):
            return str((pod or {})["metadata"]["name"])
        waited_s = time.monotonic() - begin
        seldom = int(waited_s / LOOK_S) % 10 == 0  # events are many
        if seldom and (reason := trouble(pod, _events(kube, name, pod) if waited_s > 1 else [], waited_s, patience_s)):
            if not keep:
                kube.delete("jobs", name)
            deleted = "" if keep else " and was deleted"
            raise RemoteError(f"job {name} cannot start{deleted}: {reason}", hint="bai-kit doctor")
        if pod is None and _look(kube, name).phase.is_over:
            raise RemoteError(f"job {name} ended before it started")
        time.sleep(LOOK_S)


def _look(kube: Kube, name: str) -> Job:
    """Read a job that was there."""
    try:
        return get_job(kube, name)
    except UsageError as exc:
        raise JobFailed(f"job {name} was deleted", hint="bai-kit list") from exc


def _events(kube: Kube, name: str, pod: Json | None) -> list[Json]:
    names = [name, *([pod["metadata"]["name"]] if pod else [])]
    return [event for each in names for event in kube.list("events", fields=f"involvedObject.name={each}")]
