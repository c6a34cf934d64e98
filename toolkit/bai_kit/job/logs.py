"""A job's log lines, live and in one stream: a connection that breaks neither loses nor repeats a line."""

import time
from collections import deque
from collections.abc import Iterator, Sequence

from bai_kit.errors import NotOnVolume, RemoteError, UsageError
from bai_kit.job.state import get_job
from bai_kit.job.template import RUNNER, Template
from bai_kit.job.volume import open_volume
from bai_kit.job.waiting import Tell, wait_started
from bai_kit.kube.api import Kube
from bai_kit.kube.pods import StartLimits, has_ended
from cwl_dask.podlog import Reader

STREAM_PAUSE_S = 0.5
"""Pause before a stream that ended is requested again."""
SKIPPED = "… lines skipped, all are in run.log"
"""Shown where Kubernetes rotated the runner's log before its lines were read."""
ROTATED_BYTES = 5_000_000
"""A log of at least this size may lack its beginning: a kubelet rotates at 10 MiB by default."""
START_TIMEOUT_S = 120.0
"""Seconds that a job that is followed may take to start."""


def job_lines(kube: Kube, template: Template, name: str, *, wait: bool, tell: Tell = lambda _: None) -> Iterator[str]:
    """Yield the lines of a job by its name: whether it is about to start, runs, is over or is deleted.

    Args:
        kube: The job's namespace.
        template: What the release installed.
        name: The job's name.
        wait: Also wait for the job's start, and for lines until it is over.
        tell: Called with what the start waits for.

    Raises:
        UsageError: neither a job nor a folder of that name exists.
        RemoteError: the job cannot start, or has no log.
    """
    try:
        job = get_job(kube, name)
    except UsageError:
        job = None  # deleted, but its folder may exist
    pod = job.pod if job else None
    if job and wait and not job.phase.is_over:
        pod = wait_started(kube, name, StartLimits(START_TIMEOUT_S, template.room_s), keep=True, tell=tell)
    try:
        yield from runner_lines(kube, template, name, pod, wait=wait)
    except NotOnVolume as exc:
        if job is None:
            message = f"no job {name} in namespace {kube.namespace}, and no folder of it on the volume"
            raise UsageError(message, hint="bai-kit list") from exc
        hint = None if job.phase.is_over else f"bai-kit logs {name} -f"
        raise RemoteError(f"job {name} is {job.phase} and has no log", hint=hint) from exc


def step_lines(kube: Kube, template: Template, name: str) -> list[str]:
    """Return the whole output of a job's steps.

    Raises:
        RemoteError: the volume has none.
    """
    with open_volume(kube, template) as volume:
        try:
            return volume.log(name, "step.log")
        except NotOnVolume as exc:
            raise RemoteError(f"job {name} has no output of steps on the volume", hint="bai-kit list") from exc


def runner_lines(kube: Kube, template: Template, job: str, pod: str | None, *, wait: bool) -> Iterator[str]:
    """Yield a job's lines from the runner's pod, and from `run.log` on the volume those that the pod no longer has.

    Args:
        kube: The job's namespace.
        template: What the release installed.
        job: The job's name.
        pod: The runner's pod; None when it is deleted.
        wait: Also wait for further lines, until the runner has ended.

    Raises:
        NotOnVolume: the pod is deleted, and the volume has no log.
    """
    seen: deque[str] = deque(maxlen=100)
    if pod is not None and wait:
        for line in follow(kube, pod):
            seen.append(line)
            yield line
        if kube.get("pods", pod) is not None:
            return
    elif pod is not None:
        lines = list(follow(kube, pod, wait=False))
        if sum(map(len, lines)) < ROTATED_BYTES:
            yield from lines
            return
    with open_volume(kube, template) as volume:
        yield from after(volume.log(job), list(seen))


def after(lines: Sequence[str], seen: Sequence[str]) -> Sequence[str]:
    """Return the lines that follow the last ones seen; all of them when those are not among them. Pure.

    The runner's standard output is in the pod's log alone, so its lines are left out of the comparison.
    """
    known = [line for line in seen if line in set(lines)]
    for end in range(len(lines), 0, -1):
        if known and list(lines[max(0, end - len(known)) : end]) == known[-end:]:
            return lines[end:]
    return lines


def follow(kube: Kube, pod: str, container: str = RUNNER, *, wait: bool = True) -> Iterator[str]:
    """Yield a container's lines until it has ended, also when connections break.

    Args:
        kube: The pod's namespace.
        pod: The pod's name.
        container: The container's name.
        wait: Also wait for further lines; else only those that exist.
    """
    reader = Reader()
    while True:
        # Ask before reading: if the container has ended by now, no line can follow the ones read next.
        ended = not wait or has_ended(kube.get("pods", pod), container)
        for line in reader.read(kube.log(pod, container, since=reader.since, follow=not ended)):
            if line.skipped:
                yield SKIPPED
            yield line.text
        if ended:
            return
        time.sleep(STREAM_PAUSE_S)
