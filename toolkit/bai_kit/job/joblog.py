"""A job's log by the job's name, whether it is about to start, runs, is over or is gone."""

from collections.abc import Iterator

from bai_kit.errors import RemoteError, UsageError
from bai_kit.job.logs import job_lines
from bai_kit.job.state import get_job
from bai_kit.job.template import Template
from bai_kit.job.volume import NOT_THERE
from bai_kit.job.waiting import wait_started
from bai_kit.kube.api import Kube

START_S = 120.0
"""How long a job that is followed may take to start."""


def known_lines(kube: Kube, template: Template, name: str, *, wait: bool) -> Iterator[str]:
    """Yield the lines of a job.

    Args:
        kube: The job's namespace.
        template: What the release installed.
        name: The job's name.
        wait: Also wait for the job's start, and for lines until it is over.

    Raises:
        UsageError: neither Kubernetes nor the volume knows such a job.
        RemoteError: the job cannot start, or has no log.
    """
    try:
        job = get_job(kube, name)
    except UsageError as exc:  # gone, but its folder may be there
        job, unknown = None, exc
    pod = job.pod if job else None
    if job and wait and not job.phase.is_over:
        pod = wait_started(kube, name, START_S, keep=True)
    try:
        yield from job_lines(kube, template, name, pod, wait=wait, owner=kube.get("jobs", name) if job else None)
    except RemoteError as exc:
        if not exc.message.startswith(NOT_THERE):
            raise
        if job is None:
            raise unknown from exc
        hint = None if job.phase.is_over else f"bai-kit logs {name} -f"
        raise RemoteError(f"job {name} is {job.phase} and has no log", hint=hint) from exc
