"""What a running job waits for: steps, schedulers and workers whose pods have not started."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from bai_kit.errors import BaiKitError
from bai_kit.job.template import JOB_LABEL, PART_OF, STEP_LABEL
from bai_kit.job.waiting import Explanation
from bai_kit.kube.api import Json, Kube
from bai_kit.kube.pods import waits_for
from bai_kit.progress import Progress

LOOK_EVERY_S = 2.0
CLUSTER_LABEL = "gateway.dask.org/cluster"
COMPONENT_LABEL = "app.kubernetes.io/component"


@contextmanager
def explained_waits(kube: Kube, job: str, clusters: Sequence[str], progress: Progress) -> Iterator[None]:
    """Tell in the background what a job waits for; nothing else depends on it, so no error ends a run.

    Args:
        kube: The job's namespace.
        job: The job's name.
        clusters: Names of the job's Dask clusters, a list that grows; the last one is watched.
        progress: Where reasons and the number of workers are shown.
    """
    over = threading.Event()
    waits = {
        phase: Explanation(lambda reason, phase=phase: progress.phase(phase, reason))  # type: ignore[misc]
        for phase in ("step", "workers")
    }

    def look() -> None:
        while not over.wait(LOOK_EVERY_S):
            try:
                update(kube, job, clusters[-1:], waits, progress)
            except BaiKitError:
                return

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()


def update(kube: Kube, job: str, clusters: Sequence[str], waits: dict[str, Explanation], progress: Progress) -> None:
    """Look at the pods once."""
    steps = kube.list("pods", labels=f"{PART_OF},{JOB_LABEL}={job},{STEP_LABEL}")
    waits["step"].update(describe("step", steps))
    for cluster in clusters:
        pods = kube.list("pods", labels=f"{CLUSTER_LABEL}={cluster.rpartition('.')[2]}")
        schedulers, workers = (
            [pod for pod in pods if pod["metadata"]["labels"].get(COMPONENT_LABEL) == component]
            for component in ("dask-scheduler", "dask-worker")
        )
        if workers:
            progress.phase("workers", f"{_running(workers)}/{len(workers)}", quiet=True)
        reasons = (describe("scheduler", schedulers), describe("worker", workers))
        waits["workers"].update("; ".join(filter(None, reasons)))


def describe(kind: str, pods: Sequence[Json]) -> str:
    """Return how many pods run and what the first other one waits for; empty when all run. Pure."""
    waiting = [reason for pod in pods if pod["status"].get("phase") == "Pending" and (reason := waits_for(pod))]
    return f"{kind} {_running(pods)}/{len(pods)}: {waiting[0]}" if waiting else ""


def _running(pods: Sequence[Json]) -> int:
    return sum(pod["status"].get("phase") == "Running" for pod in pods)
