"""Removing jobs, and finding and removing what dead jobs left."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bai_kit.cluster import Cluster, dismiss, list_clusters
from bai_kit.errors import NotOnVolume, UsageError
from bai_kit.job.results import megabytes
from bai_kit.job.state import Job, get_job, list_jobs
from bai_kit.job.template import JOB_LABEL, PART_OF, RELEASE_LABEL, STEP_LABEL, Template
from bai_kit.job.volume import LONGEST_LIFE_S, ROLE_LABEL, Folder, open_volume
from bai_kit.kube.api import Json, Kube
from bai_kit.kube.pods import wait_gone

ABANDONED_AFTER_S = 3600.0
"""Seconds without a change after which the folder of an unknown job counts as abandoned; until then its job may run in
another namespace that shares the disk."""


@dataclass(frozen=True, slots=True)
class Leftovers:
    """What dead jobs of a release left."""

    pods: Sequence[str] = ()
    """Names of step pods whose job is over, and of helper pods that have ended or are older than any command."""
    clusters: Sequence[str] = ()
    """Dask clusters of the release's user that no living job can have claimed."""
    temporary: Mapping[str, int] | None = None
    """Bytes of temporary files by job, for jobs that are over or were deleted long ago."""
    unknown_folders: Mapping[str, int] | None = None
    """Bytes of folders whose job was deleted long ago; they hold results, so only `bai-kit delete JOB` removes them."""
    removed: bool = False
    """Whether everything but the folders is removed now."""
    hint: str = ""
    """Commands that remove the leftovers, one per line."""

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to remove."""
        return not (self.pods or self.clusters or self.temporary)

    def __rich__(self) -> str:
        """Return a line for each thing that was left."""
        verb = "removed" if self.removed else "left behind:"
        found = [f"{verb} {kind} {name}" for kind in ("pods", "clusters") for name in getattr(self, kind)]
        found += [f"{verb} temporary files of {job}{_size(size)}" for job, size in (self.temporary or {}).items()]
        kept = [f"kept the results of {job}{_size(size)}" for job, size in (self.unknown_folders or {}).items()]
        return "\n".join([*(found or ["nothing was left behind"]), *kept])


def _size(count: int) -> str:
    return f", {megabytes(count)}" if count else ""


def delete_job(kube: Kube, template: Template, name: str) -> None:
    """Delete a job, running or not, with its pods and its folder on the volume.

    Raises:
        UsageError: neither a job nor a folder of that name exists.
        WaitTimeout: its pods do not end.
        RemoteError: the folder cannot be removed.
    """
    existed = _is_job(kube, name) and kube.delete("jobs", name)
    wait_gone(kube, f"{PART_OF},{JOB_LABEL}={name}")
    with open_volume(kube, template, write=True) as volume:
        try:
            volume.remove(name)
        except NotOnVolume as exc:
            if not existed:
                message = f"no job {name} in namespace {kube.namespace}, and no folder of it on the volume"
                raise UsageError(message, hint="bai-kit list") from exc


def find_leftovers(kube: Kube, template: Template) -> Leftovers:
    """Find what dead jobs of a release left."""
    all_jobs = list_jobs(kube)  # several releases may share the volume
    jobs = [job for job in all_jobs if job.release == template.release]
    pods = kube.list("pods", labels=f"{PART_OF},{RELEASE_LABEL}={template.release}")
    with open_volume(kube, template) as volume:
        folders = volume.folders()
    found = Leftovers(
        pods=dead_pods(pods, jobs, time.time()),
        clusters=[found.name for found in dead_clusters(_clusters(kube), pods, jobs, template.gateway_user)],
        temporary=dead_temporary(folders, all_jobs, time.time()),
        unknown_folders={folder.job: folder.bytes for folder in abandoned(folders, all_jobs, time.time())},
    )
    return replace(found, hint=_commands(found))


def remove_leftovers(kube: Kube, template: Template, found: Leftovers) -> Leftovers:
    """Remove what was found, and no more than that."""
    for pod in found.pods:
        kube.delete("pods", pod)
    for cluster in found.clusters:
        dismiss(kube, cluster)
    if found.temporary:
        with open_volume(kube, template, write=True) as volume:
            for job in found.temporary:
                volume.remove(job, only_tmp=True)
    removed = replace(found, removed=True)
    return replace(removed, hint=_commands(removed))


def _commands(found: Leftovers) -> str:
    removal = [] if found.removed or found.is_empty else ["bai-kit clean --yes"]
    return "\n".join([*removal, *(f"bai-kit delete {job}" for job in found.unknown_folders or {})])


def dead_pods(pods: Iterable[Json], jobs: Iterable[Job], now: float) -> list[str]:
    """Return the names of step pods whose job is over or deleted, and of helper pods that are over or too old. Pure."""
    living = {job.name for job in jobs if not job.phase.is_over}

    def is_dead(pod: Json) -> bool:
        metadata, labels = pod["metadata"], pod["metadata"]["labels"]
        if ROLE_LABEL not in labels:
            return STEP_LABEL in labels and labels.get(JOB_LABEL) not in living
        age_s = now - datetime.fromisoformat(metadata["creationTimestamp"]).timestamp()
        return pod["status"].get("phase") in {"Succeeded", "Failed"} or age_s > 2 * LONGEST_LIFE_S

    return [pod["metadata"]["name"] for pod in pods if is_dead(pod)]


def dead_clusters(
    clusters: Iterable[Cluster], pods: Iterable[Json], jobs: Sequence[Job], user: str | None
) -> list[Cluster]:
    """Name clusters of the release's user that no living job can have claimed. Pure.

    A step's environment names its cluster. Before the pod of its step is created, a cluster may belong to any job that
    was created earlier; so it is left alone while such a job lives.
    """
    living = [job for job in jobs if not job.phase.is_over]
    used = {name for pod in pods if pod["status"].get("phase") in {"Pending", "Running"} for name in _claims(pod)}
    return [
        cluster
        for cluster in clusters
        if cluster.user == user
        and cluster.is_active
        and cluster.full_name not in used
        and not any(job.created <= cluster.created for job in living)
    ]


def dead_temporary(folders: Sequence[Folder], jobs: Sequence[Job], now: float) -> dict[str, int]:
    """Return the bytes of temporary files of jobs that are over, or were deleted long ago. Pure.

    Args:
        folders: All of the volume.
        jobs: Of every release in the namespace.
        now: Seconds since 1970.
    """
    over = {job.name for job in jobs if job.phase.is_over}
    dead = over | {folder.job for folder in abandoned(folders, jobs, now)}
    return {folder.job: folder.temporary_bytes for folder in folders if folder.has_tmp and folder.job in dead}


def abandoned(folders: Iterable[Folder], jobs: Iterable[Job], now: float) -> list[Folder]:
    """Return the folders of unknown jobs without a recent change; arguments as for `dead_temporary`. Pure."""
    known = {job.name for job in jobs}
    return [folder for folder in folders if folder.job not in known and now - folder.mtime > ABANDONED_AFTER_S]


def _is_job(kube: Kube, name: str) -> bool:
    """Tell whether a Job of that name was created by bai-kit: other Jobs of the namespace must not be deleted."""
    try:
        get_job(kube, name)
    except UsageError:
        return False
    return True


def _claims(pod: Json) -> list[str]:
    env = [variable for container in pod["spec"]["containers"] for variable in container.get("env", [])]
    return [str(variable.get("value")) for variable in env if variable["name"] == "DASK_GATEWAY_CLUSTER"]


def _clusters(kube: Kube) -> list[Cluster]:
    """List the Dask clusters; none without the permission to list them, which is the permission to dismiss them too."""
    return list_clusters(kube) if kube.can("list", "daskclusters", group="gateway.dask.org") else []
