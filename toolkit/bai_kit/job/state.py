"""The state of jobs, read from the Job and its runner's pod; and how to cancel a job."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from bai_kit.errors import UsageError
from bai_kit.job.failure import parse_failure
from bai_kit.job.template import CANCELLED, JOB_LABEL, PARAMS, PART_OF, RELEASE_LABEL, RUNNER
from bai_kit.kube.api import Json, Kube
from bai_kit.kube.pods import events_of, started, terminated, waits_for
from bai_kit.output import local_time

TEMPORARY = 75
"""Exit code of a workflow that may succeed when it is tried again (EX_TEMPFAIL of sysexits.h, CWL's temporaryFail)."""
_WORKFLOW_CODES = {0, 1, 33, TEMPORARY}
SUSPENDED = "the job is suspended until its queue admits it"


class Phase(StrEnum):
    """The state of a job."""

    QUEUED = "queued"
    WAITING = "waiting"
    RUNNING = "running"
    COMPLETE = "complete"
    FAILED = "failed"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed out"

    @property
    def is_over(self) -> bool:
        """Whether nothing of the job runs any longer."""
        return self not in {Phase.QUEUED, Phase.WAITING, Phase.RUNNING, Phase.CANCELLING}


@dataclass(frozen=True, slots=True)
class Job:
    """A job as Kubernetes knows it."""

    name: str
    release: str
    phase: Phase
    created: datetime
    finished: datetime | None
    exit_code: int | None
    """Exit code of the workflow: 0, 1, 33 or 75; None while it runs, and when the runner's end is unknown."""
    reason: str
    """The reason of a failure: the runner's own, else that of Kubernetes; or what a job waits for before its start."""
    pod: str | None
    """The runner's pod."""
    inputs: Mapping[str, Any]

    @property
    def seconds(self) -> float:
        """Seconds from the job's creation to its end, or until now."""
        return ((self.finished or datetime.now(UTC)) - self.created).total_seconds()

    def __rich__(self) -> str:
        """Return a line for each fact that is known."""
        times = {"created": self.created, "finished": self.finished}
        facts: dict[str, object] = {"job": self.name, "phase": self.phase, "release": self.release}
        facts |= {name: local_time(time) for name, time in times.items() if time}
        facts |= {"took" if self.finished else "age": f"{self.seconds:.0f} s", "exit code": self.exit_code}
        facts |= {"reason": self.reason, "pod": self.pod}
        facts |= {
            f"input {name}": value if isinstance(value, str) else json.dumps(value)
            for name, value in self.inputs.items()
        }
        return "\n".join(f"{name}: {value}" for name, value in facts.items() if value not in (None, ""))


def get_job(kube: Kube, name: str, *, explain: bool = False) -> Job:
    """Read a job.

    Args:
        kube: The job's namespace.
        name: The job's name.
        explain: Also read from events what a job that has not started waits for.

    Raises:
        UsageError: no job has that name.
    """
    job = kube.get("jobs", name)
    if job is None or JOB_LABEL not in job["metadata"].get("labels", {}):
        raise UsageError(f"no job {name} in namespace {kube.namespace}", hint="bai-kit list")
    pod = runner_pod(kube, name)
    found = view(job, pod)
    if explain and not (found.phase.is_over or started(pod, RUNNER)):
        found = replace(found, reason=waits(job, pod, events_of(kube, name, found.pod)))
    return found


def list_jobs(kube: Kube, release: str | None = None) -> list[Job]:
    """List the jobs of a namespace, or of one release in it, oldest first."""
    labels = f"{PART_OF},{JOB_LABEL}" + (f",{RELEASE_LABEL}={release}" if release else "")
    pods = {
        pod["metadata"]["labels"][JOB_LABEL]: pod
        for pod in kube.list("pods", labels=f"{PART_OF},{JOB_LABEL},batch.kubernetes.io/job-name")
    }
    jobs = [view(job, pods.get(job["metadata"]["name"])) for job in kube.list("jobs", labels=labels)]
    return sorted(jobs, key=lambda job: job.created)


def waits(job: Json, pod: Json | None, events: Iterable[Json]) -> str:
    """Return what a job that has not started waits for; empty once it has. Pure."""
    return SUSPENDED if job.get("spec", {}).get("suspend") else waits_for(pod, events)


def runner_pod(kube: Kube, name: str) -> Json | None:
    """Return the runner's pod of a job: the only one that the Job itself owns."""
    pods = kube.list("pods", labels=f"batch.kubernetes.io/job-name={name}")
    return max(pods, key=lambda pod: str(pod["metadata"]["creationTimestamp"]), default=None)


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
    true = {found["type"]: found for found in status.get("conditions", []) if found["status"] == "True"}
    phase = _phase(job, true)
    over: Json = true.get("Complete") or true.get("Failed") or {}
    exit_code, reason = _end(phase, over, pod)
    return Job(
        name=metadata["name"],
        release=metadata["labels"].get(RELEASE_LABEL, ""),
        phase=phase,
        created=datetime.fromisoformat(metadata["creationTimestamp"]),
        finished=datetime.fromisoformat(over["lastTransitionTime"]) if over else None,
        exit_code=exit_code,
        reason=reason,
        pod=pod["metadata"]["name"] if pod else None,
        inputs=_inputs(metadata.get("annotations", {}).get(PARAMS, "{}")),
    )


def _inputs(text: str) -> Json:
    """Return the inputs in an annotation, which other clients may have written; none when it holds no JSON object."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def workflow_code(ended: Json) -> int:
    """Return the workflow's exit code for how the runner's container ended; every other code is a failure (1)."""
    code = ended.get("exitCode", 1)
    return code if code in _WORKFLOW_CODES else 1


def _phase(job: Json, true: Mapping[str, Json]) -> Phase:
    cancelled = CANCELLED in job["metadata"].get("annotations", {})
    if "Complete" in true:
        return Phase.COMPLETE
    if "Failed" in true:
        late = true["Failed"].get("reason") == "DeadlineExceeded"
        return (Phase.CANCELLED if cancelled else Phase.TIMED_OUT) if late else Phase.FAILED
    if cancelled:
        return Phase.CANCELLING
    if job.get("spec", {}).get("suspend"):
        return Phase.QUEUED
    return Phase.RUNNING if job.get("status", {}).get("active") else Phase.WAITING


def _end(phase: Phase, over: Json, pod: Json | None) -> tuple[int | None, str]:
    """Return the workflow's exit code and the reason of its failure."""
    ended = terminated(pod, RUNNER) or {}
    code = workflow_code(ended) if ended and phase.is_over else None
    if phase is Phase.COMPLETE:
        return 0, ""
    if phase is not Phase.FAILED:
        return code, ""
    if evicted := _eviction(pod, over):
        return TEMPORARY, f"the runner's pod was evicted: {evicted}"
    if event := parse_failure(ended.get("message", "")):
        reason = event.message
    elif ended and ended.get("exitCode") not in _WORKFLOW_CODES:
        reason = f"the runner ended with exit code {ended.get('exitCode')}: {ended.get('reason', 'Error')}"
    elif pod is None:
        reason = "the runner's pod was deleted"
    else:
        reason = pod["status"].get("message") or ("" if ended.get("exitCode") else over.get("message", ""))
    return code, str(reason)


def _eviction(pod: Json | None, over: Json) -> str:
    """Return why Kubernetes took the runner's pod away (a node that drains or is short of something), or nothing."""
    conditions = pod["status"].get("conditions", []) if pod else []
    target: Json = next((found for found in conditions if found["type"] == "DisruptionTarget"), {})
    if target.get("status") == "True":
        return str(target.get("message") or target.get("reason") or "its node was needed")
    return str(over.get("message", "")) if "DisruptionTarget" in over.get("message", "") else ""
