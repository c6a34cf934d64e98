"""Both releases removed, after the jobs that need them."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from bai_kit.errors import UsageError, WaitTimeout
from bai_kit.job.state import list_jobs
from bai_kit.job.template import JOB_LABEL, PART_OF, RELEASE_LABEL
from bai_kit.kube.api import Kube
from bai_kit.release.helm import Helm
from bai_kit.settings import Settings

log = logging.getLogger(__name__)

GONE_S = 60.0
"""Seconds that pods may take to go: a job's pod has 30 to dismiss its clusters."""
POLL_S = 0.5


@dataclass(frozen=True, slots=True)
class Undeployed:
    """What `bai-kit undeploy` did."""

    namespace: str
    jobs: tuple[str, ...]
    """Jobs that were removed, finished ones too."""
    releases: tuple[str, ...]
    """Releases that were removed."""
    kept: tuple[str, ...]
    """What is still there, and why."""

    def __rich__(self) -> str:
        """Show it to people."""
        gone = [f"removed release {each}" for each in self.releases] or ["nothing was installed"]
        jobs = [f"removed {len(self.jobs)} jobs"] if self.jobs else []
        return "\n".join([*jobs, *gone, *(f"kept {each}" for each in self.kept)])


def undeploy(helm: Helm, kube: Kube, settings: Settings, *, purge: bool, confirm: Callable[[str], bool]) -> Undeployed:
    """Remove the jobs, then bai-chart, then Dask Gateway with its clusters.

    Args:
        helm: Helm in the releases' namespace.
        kube: The same namespace.
        settings: The releases' names.
        purge: Remove the volume with all results too.
        confirm: Asked before a running job is ended or a volume is removed.

    Raises:
        UsageError: not confirmed.
        WaitTimeout: a job did not end.
    """
    jobs = list_jobs(kube, settings.release)
    running = [each.name for each in jobs if not each.phase.is_over]
    questions = [f"end the running jobs {', '.join(running)}"] if running else []
    questions += ["remove the volume with the results of all jobs"] if purge else []
    if questions and not confirm(" and ".join(questions).capitalize() + "?"):
        raise UsageError(f"nothing was removed; it would {' and '.join(questions)}", hint="--yes")
    _remove_jobs(kube, settings.release, [each.name for each in jobs])
    there = helm.releases()
    removed, kept = [], []
    if settings.release in there:
        removed.append(_uninstall(helm, kube, settings.release))
    others = [name for name, chart in there.items() if chart.startswith("bai-chart-") and name != settings.release]
    if settings.gateway_release in there and others:
        kept.append(f"release {settings.gateway_release}: release {', '.join(others)} uses it")
    elif settings.gateway_release in there:
        removed.append(_uninstall(helm, kube, settings.gateway_release))
    kept += _volumes(kube, settings.release, purge=purge)
    return Undeployed(kube.namespace, tuple(each.name for each in jobs), tuple(removed), tuple(kept))


def _remove_jobs(kube: Kube, release: str, names: list[str]) -> None:
    """Delete the jobs and wait until their pods are gone: they need their rights and the gateway to clean up."""
    for name in names:
        kube.delete("jobs", name)
    _wait_gone(kube, f"{PART_OF},{JOB_LABEL},{RELEASE_LABEL}={release}")


def _uninstall(helm: Helm, kube: Kube, release: str) -> str:
    """Uninstall a release, and the pod of `helm test` that Helm leaves; return its name when no pod is left."""
    helm.uninstall(release)
    labels = f"app.kubernetes.io/instance={release}"
    for pod in kube.list("pods", labels=labels):
        kube.delete("pods", pod["metadata"]["name"])
    _wait_gone(kube, labels)
    return release


def _wait_gone(kube: Kube, labels: str) -> None:
    deadline = time.monotonic() + GONE_S
    while left := kube.list("pods", labels=labels):
        if time.monotonic() > deadline:
            pods = ", ".join(each["metadata"]["name"] for each in left)
            raise WaitTimeout(f"pods are still there after {GONE_S:.0f} s: {pods}", hint="kubectl get pods")
        time.sleep(POLL_S)


def _volumes(kube: Kube, release: str, *, purge: bool) -> list[str]:
    """Remove the release's own volumes if asked to; say which are kept."""
    kept = []
    for claim in kube.list("persistentvolumeclaims", labels=f"{PART_OF},{RELEASE_LABEL}={release}"):
        name = claim["metadata"]["name"]
        if "deletionTimestamp" in claim["metadata"]:
            continue
        if purge:
            kube.delete("persistentvolumeclaims", name)
            log.info("removed volume %s", name)
        else:
            kept.append(f"volume {name} with the results (--purge removes it)")
    return kept
