"""One run of a package on Kubernetes: found, listed, ended. All about it stands in the Job and its runner's pod."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from bai_kit.errors import UsageError
from bai_kit.job.logs import terminated
from bai_kit.job.template import CANCELLED, JOB_LABEL, PARAMS, PART_OF, RELEASE_LABEL
from bai_kit.kube.api import Json, Kube

TEMPORARY = 75
"""Exit code of a workflow that may succeed when it is tried again (EX_TEMPFAIL of sysexits.h, CWL's temporaryFail)."""
_WORKFLOW_CODES = {0, 1, 33, TEMPORARY}


class Phase(StrEnum):
    """Where a job stands."""

    WAITING = "waiting"
    RUNNING = "running"
    COMPLETE = "complete"
    FAILED = "failed"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed out"

    @property
    def is_over(self) -> bool:
        """Whether nothing of the job runs any more."""
        return self not in {Phase.WAITING, Phase.RUNNING, Phase.CANCELLING}


@dataclass(frozen=True, slots=True)
class Job:
    """A job as Kubernetes knows it."""

    name: str
    release: str
    phase: Phase
    created: datetime
    finished: datetime | None
    exit_code: int | None
    """The workflow's: 0, 1, 33 or 75; None while it runs, and when the runner was ended from outside."""
    reason: str
    """Why it failed, as far as Kubernetes knows."""
    pod: str | None
    """The runner's pod."""
    inputs: Mapping[str, Any]

    @property
    def seconds(self) -> float:
        """Seconds since it was created, or that it took."""
        return ((self.finished or datetime.now(UTC)) - self.created).total_seconds()


def get_job(kube: Kube, name: str) -> Job:
    """Read a job.

    Raises:
        UsageError: there is none of that name.
    """
    job = kube.get("jobs", name)
    if job is None or JOB_LABEL not in job["metadata"].get("labels", {}):
        raise UsageError(f"no job {name} in namespace {kube.namespace}", hint="bai-kit list")
    return view(job, runner_pod(kube, name))


def list_jobs(kube: Kube, release: str | None = None) -> list[Job]:
    """List the jobs of a namespace, or of one release in it, oldest first."""
    labels = f"{PART_OF},{JOB_LABEL}" + (f",{RELEASE_LABEL}={release}" if release else "")
    pods = {
        each["metadata"]["labels"][JOB_LABEL]: each
        for each in kube.list("pods", labels=f"{PART_OF},{JOB_LABEL},batch.kubernetes.io/job-name")
    }
    jobs = [view(each, pods.get(each["metadata"]["name"])) for each in kube.list("jobs", labels=labels)]
    return sorted(jobs, key=lambda each: each.created)


def runner_pod(kube: Kube, name: str) -> Json | None:
    """Return the runner's pod of a job: the only one that the Job itself owns."""
    pods = kube.list("pods", labels=f"batch.kubernetes.io/job-name={name}")
    return max(pods, key=lambda each: str(each["metadata"]["creationTimestamp"]), default=None)


def cancel(kube: Kube, name: str) -> None:
    """End a job and keep it: it shows as cancelled, and its log and folder stay.

    A deadline in the past is the one way that Kubernetes has for this: the Job controller then stops the pod with
    SIGTERM, on which the runner dismisses its cluster, and marks the Job as failed, so that its time to live begins.
    Suspending would leave a Job that never ends and that anybody may resume; deleting the pod looks like a failure.
    """
    job = get_job(kube, name)
    if job.phase.is_over:
        raise UsageError(f"job {name} is {job.phase} already")
    noted = {"annotations": {CANCELLED: datetime.now(UTC).isoformat(timespec="seconds")}}
    kube.patch("jobs", name, {"metadata": noted, "spec": {"activeDeadlineSeconds": 1}})


def view(job: Json, pod: Json | None) -> Job:
    """Read a Job and its runner's pod. Pure."""
    status, metadata = job.get("status", {}), job["metadata"]
    true = {each["type"]: each for each in status.get("conditions", []) if each["status"] == "True"}
    phase = _phase(true, cancelled=CANCELLED in metadata.get("annotations", {}), active=bool(status.get("active")))
    ended = (terminated(pod) if pod else None) or {}
    code = ended.get("exitCode") if phase.is_over else None
    code = 0 if phase is Phase.COMPLETE else code
    over: Json = true.get("Complete") or true.get("Failed") or {}
    return Job(
        name=metadata["name"],
        release=metadata["labels"].get(RELEASE_LABEL, ""),
        phase=phase,
        created=datetime.fromisoformat(metadata["creationTimestamp"]),
        finished=datetime.fromisoformat(over["lastTransitionTime"]) if over else None,
        exit_code=code if code in _WORKFLOW_CODES or code is None else 1,
        reason=_reason(phase, over, ended, pod),
        pod=pod["metadata"]["name"] if pod else None,
        inputs=json.loads(metadata.get("annotations", {}).get(PARAMS, "{}")),
    )


def _phase(true: Mapping[str, Json], *, cancelled: bool, active: bool) -> Phase:
    if "Complete" in true:
        return Phase.COMPLETE
    if "Failed" in true:
        late = true["Failed"].get("reason") == "DeadlineExceeded"
        return (Phase.CANCELLED if cancelled else Phase.TIMED_OUT) if late else Phase.FAILED
    if cancelled:
        return Phase.CANCELLING
    return Phase.RUNNING if active else Phase.WAITING


def _reason(phase: Phase, over: Json, ended: Json, pod: Json | None) -> str:
    if phase is not Phase.FAILED:
        return ""
    code = ended.get("exitCode")
    if code is not None and code not in _WORKFLOW_CODES:
        return f"the runner ended with exit code {code}: {ended.get('reason', 'Error')}"
    if pod is None:
        return "the runner's pod was deleted"
    return str(pod["status"].get("message") or ("" if code else over.get("message", "")))
