"""The workers of a running job: how many run, and what the others wait for.

The runner's log says what a step and a cluster wait for before the step starts; later workers are nobody's to wait for.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from bai_kit.errors import BaiKitError
from bai_kit.job.waiting import Explanation
from bai_kit.kube.api import Json, Kube
from bai_kit.kube.pods import waits_for
from bai_kit.progress import Progress

LOOK_EVERY_S = 2.0
WORKERS = "gateway.dask.org/cluster={},app.kubernetes.io/component=dask-worker"
"""Labels of a Dask cluster's workers."""


@contextmanager
def watched_workers(kube: Kube, clusters: Sequence[str], progress: Progress) -> Iterator[None]:
    """Report workers in a background thread, whose errors do not end the run.

    Args:
        kube: The job's namespace.
        clusters: Names of the job's Dask clusters, a list that grows; the last one is watched.
        progress: Where the number of workers and reasons are shown.
    """
    over = threading.Event()
    explanation = Explanation(lambda reason: progress.phase("workers", reason))

    def look() -> None:
        while not over.wait(LOOK_EVERY_S):
            try:
                for cluster in clusters[-1:]:
                    pods = kube.list("pods", labels=WORKERS.format(cluster.rpartition(".")[2]))
                    report(pods, explanation, progress)
            except BaiKitError:
                return

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()


def report(pods: Sequence[Json], explanation: Explanation, progress: Progress) -> None:
    """Report how many workers run; once one of them runs, also log why the others wait."""
    running = sum(pod["status"].get("phase") == "Running" for pod in pods)
    waiting = [reason for pod in pods if pod["status"].get("phase") == "Pending" and (reason := waits_for(pod))]
    if pods:
        progress.phase("workers", f"{running}/{len(pods)}", quiet=True)
    explanation.update(f"{running}/{len(pods)}: {waiting[0]}" if running and waiting else "")
