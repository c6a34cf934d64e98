"""Remove both releases, after deleting the jobs that need them."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from bai_kit.cluster import list_clusters
from bai_kit.errors import UsageError
from bai_kit.job.state import list_jobs
from bai_kit.job.template import JOB_LABEL, PART_OF, RELEASE_LABEL
from bai_kit.job.volume import ROLE_LABEL
from bai_kit.kube.api import Json, Kube
from bai_kit.kube.pods import wait_gone
from bai_kit.release.helm import Helm
from bai_kit.settings import Settings

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Undeployed:
    """The result of `bai-kit undeploy`."""

    namespace: str
    jobs: tuple[str, ...]
    """Jobs that were removed, finished ones too."""
    releases: tuple[str, ...]
    """Releases that were removed."""
    kept: tuple[str, ...]
    """What still exists, and why."""

    def __rich__(self) -> str:
        """Show the result to people."""
        gone = [f"removed release {name}" for name in self.releases] or ["nothing was installed"]
        jobs = [f"removed {len(self.jobs)} jobs"] if self.jobs else []
        return "\n".join([*jobs, *gone, *(f"kept {what}" for what in self.kept)])


def undeploy(helm: Helm, kube: Kube, settings: Settings, *, purge: bool, confirm: Callable[[str], bool]) -> Undeployed:
    """Remove the jobs, then bai-chart, then Dask Gateway with its clusters.

    Args:
        helm: Helm in the releases' namespace.
        kube: The same namespace.
        settings: The releases' names.
        purge: Remove the volume with all results too.
        confirm: Asked before a running job or cluster is ended, or a volume is removed.

    Raises:
        UsageError: not confirmed.
        WaitTimeout: a job did not end.
    """
    jobs = list_jobs(kube, settings.release)
    installed = helm.releases()
    others = [name for name, chart in installed.items() if chart.startswith("bai-chart-") and name != settings.release]
    removes_gateway = settings.gateway_release in installed and not others
    running = [job.name for job in jobs if not job.phase.is_over]
    losses = _losses(kube, settings.release, running, with_clusters=removes_gateway, with_volume=purge)
    if losses and not confirm("; ".join(loss[0].upper() + loss[1:] for loss in losses) + "?"):
        raise UsageError(f"nothing was removed; undeploy would {' and '.join(losses)}", hint="bai-kit undeploy --yes")
    _remove_jobs(kube, settings.release, [job.name for job in jobs])
    removed, kept = [], []
    if settings.release in installed:
        removed.append(_uninstall(helm, kube, settings.release))
    if removes_gateway:
        removed.append(_uninstall(helm, kube, settings.gateway_release))
    elif settings.gateway_release in installed:
        kept.append(f"release {settings.gateway_release}: release {', '.join(others)} uses it")
    kept += _volumes(kube, settings.release, purge=purge)
    return Undeployed(kube.namespace, tuple(job.name for job in jobs), tuple(removed), tuple(kept))


def _losses(kube: Kube, release: str, running: list[str], *, with_clusters: bool, with_volume: bool) -> list[str]:
    """Return what an undeploy would end or remove for good, worded to follow "undeploy would"."""
    found = [f"end the running jobs {', '.join(running)}"] if running else []
    active = [cluster for cluster in list_clusters(kube) if cluster.is_active] if with_clusters else []
    if active:
        names = ", ".join(f"{cluster.full_name} of {cluster.user}" for cluster in active)
        found.append(f"end the Dask clusters {names}")
    claims = [
        claim["metadata"]["name"]
        for claim in _claims(kube, release)
        if with_volume or (claim["metadata"].get("annotations") or {}).get("helm.sh/resource-policy") != "keep"
    ]
    return found + ([f"remove the volume {', '.join(claims)} with the results of all jobs"] if claims else [])


def _claims(kube: Kube, release: str) -> list[Json]:
    """Return the release's own volumes that are not being removed already."""
    claims = kube.list("persistentvolumeclaims", labels=f"{PART_OF},{RELEASE_LABEL}={release}")
    return [claim for claim in claims if "deletionTimestamp" not in claim["metadata"]]


def _remove_jobs(kube: Kube, release: str, names: list[str]) -> None:
    """Delete the jobs and helper pods, and wait until all pods are gone.

    The jobs' pods need permissions and the gateway to clean up. A helper pod whose command was killed would otherwise
    hold the volume for up to an hour.
    """
    for name in names:
        kube.delete("jobs", name)
    own = f"{PART_OF},{RELEASE_LABEL}={release}"
    for pod in kube.list("pods", labels=f"{own},{ROLE_LABEL}"):
        kube.delete("pods", pod["metadata"]["name"], grace_s=0)
    for label in (JOB_LABEL, ROLE_LABEL):
        wait_gone(kube, f"{own},{label}")


def _uninstall(helm: Helm, kube: Kube, release: str) -> str:
    """Uninstall a release, and the pod of `helm test` that Helm leaves; return its name when no pod is left."""
    helm.uninstall(release)
    labels = f"app.kubernetes.io/instance={release}"
    for pod in kube.list("pods", labels=labels):
        kube.delete("pods", pod["metadata"]["name"])
    wait_gone(kube, labels)
    return release


def _volumes(kube: Kube, release: str, *, purge: bool) -> list[str]:
    """Remove the release's own volumes when `purge` is set; return those that are kept."""
    kept = []
    for claim in _claims(kube, release):
        name = claim["metadata"]["name"]
        if purge:
            kube.delete("persistentvolumeclaims", name)
            log.info("removed volume %s", name)
        else:
            kept.append(f"volume {name} with the results (--purge removes it)")
    return kept
