"""Jobs removed, and what dead jobs left: found first, removed when the user has seen it."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bai_kit.cluster import Cluster, dismiss, list_clusters
from bai_kit.errors import RemoteError, SetupError, UsageError, WaitTimeout
from bai_kit.job.state import Job, get_job, list_jobs
from bai_kit.job.template import JOB_LABEL, PART_OF, RELEASE_LABEL, STEP_LABEL, Template
from bai_kit.job.volume import NOT_THERE, ROLE_LABEL, Folder, open_volume
from bai_kit.kube.api import Json, Kube

YOUNG_S = 3600.0
"""Age from which on a folder of no known job counts as dead: its job may be of another namespace with the same disk."""
GONE_S = 90.0
"""How long a deleted job's pods may take: a grace period of 30 s, twice, and some."""


@dataclass(frozen=True, slots=True)
class Leftovers:
    """What dead jobs of a release left."""

    pods: Sequence[str] = ()
    """Step pods of jobs that are over, and helper pods that have ended."""
    clusters: Sequence[str] = ()
    """Dask clusters of the release's user that no living job can have claimed."""
    temporary: Mapping[str, int] | None = None
    """Bytes of temporary files by job, for jobs that are over or long gone."""
    unknown_folders: Mapping[str, int] | None = None
    """Bytes of folders whose job is long gone; they hold results, so they stay until `bai-kit delete JOB`."""
    removed: bool = False
    """Whether all but the folders is gone now."""

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to remove."""
        return not (self.pods or self.clusters or self.temporary)

    def __rich__(self) -> str:
        """Name all of it, a line each."""
        verb = "removed" if self.removed else "left behind:"
        found = [f"{verb} {kind} {name}" for kind in ("pods", "clusters") for name in getattr(self, kind)]
        found += [
            f"{verb} temporary files of {job}, {size / 1e6:.1f} MB" for job, size in (self.temporary or {}).items()
        ]
        kept = [
            f"kept the results of {job}, {size / 1e6:.1f} MB; bai-kit delete {job} removes them"
            for job, size in (self.unknown_folders or {}).items()
        ]
        return "\n".join([*(found or ["nothing was left behind"]), *kept])


def delete_job(kube: Kube, template: Template, name: str) -> None:
    """Delete a job, running or not, with its pods and its folder on the volume.

    Raises:
        UsageError: there is neither a job nor a folder of that name.
        WaitTimeout: its pods do not go.
        RemoteError: the folder cannot be removed.
    """
    existed = _is_job(kube, name) and kube.delete("jobs", name)
    begin = time.monotonic()
    while pods := kube.list("pods", labels=f"{PART_OF},{JOB_LABEL}={name}"):
        if time.monotonic() - begin > GONE_S:
            names = ", ".join(each["metadata"]["name"] for each in pods)
            raise WaitTimeout(f"job {name}: {names} still there after {GONE_S:.0f} s")
        time.sleep(0.2)
    with open_volume(kube, template, write=True) as volume:
        try:
            volume.remove(name)
        except RemoteError as exc:
            if not exc.message.startswith(NOT_THERE):
                raise
            if not existed:
                raise UsageError(f"no job {name} in namespace {kube.namespace}", hint="bai-kit list") from exc


def find_leftovers(kube: Kube, template: Template) -> Leftovers:
    """Find what dead jobs of a release left."""
    everybodys = list_jobs(kube)  # several releases may share the volume
    jobs = [each for each in everybodys if each.release == template.release]
    pods = kube.list("pods", labels=f"{PART_OF},{RELEASE_LABEL}={template.release}")
    with open_volume(kube, template) as volume:
        folders = volume.folders()
    return Leftovers(
        pods=dead_pods(pods, jobs),
        clusters=[each.name for each in dead_clusters(_clusters(kube), pods, jobs, gateway_user(template))],
        temporary=dead_temporary(folders, everybodys, time.time()),
        unknown_folders={each.job: each.bytes for each in abandoned(folders, everybodys, time.time())},
    )


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
    return Leftovers(found.pods, found.clusters, found.temporary, found.unknown_folders, removed=True)


def dead_pods(pods: Iterable[Json], jobs: Iterable[Job]) -> list[str]:
    """Name step pods whose job is over or gone, and helper pods that have ended. Pure."""
    living = {job.name for job in jobs if not job.phase.is_over}
    return [
        pod["metadata"]["name"]
        for pod in pods
        for labels in [pod["metadata"]["labels"]]
        if (STEP_LABEL in labels and labels.get(JOB_LABEL) not in living)
        or (ROLE_LABEL in labels and pod["status"].get("phase") in {"Succeeded", "Failed"})
    ]


def dead_clusters(
    clusters: Iterable[Cluster], pods: Iterable[Json], jobs: Sequence[Job], user: str | None
) -> list[Cluster]:
    """Name clusters of the release's user that no living job can have claimed. Pure.

    A step says which cluster it has. Before its step's pod is there, a cluster may belong to any job that was created
    before it; so while such a job lives the cluster is left alone.
    """
    living = [job for job in jobs if not job.phase.is_over]
    used = {name for pod in pods if pod["status"].get("phase") in {"Pending", "Running"} for name in _claims(pod)}
    return [
        each
        for each in clusters
        if each.user == user
        and each.is_active
        and each.full_name not in used
        and not any(job.created <= each.created for job in living)
    ]


def dead_temporary(folders: Sequence[Folder], jobs: Sequence[Job], now: float) -> dict[str, int]:
    """Return the bytes of temporary files of jobs that are over, or long gone. Pure.

    Args:
        folders: All of the volume.
        jobs: Of every release in the namespace.
        now: Seconds since 1970.
    """
    over = {job.name for job in jobs if job.phase.is_over}
    dead = over | {each.job for each in abandoned(folders, jobs, now)}
    return {each.job: each.temporary_bytes for each in folders if each.has_tmp and each.job in dead}


def abandoned(folders: Iterable[Folder], jobs: Iterable[Job], now: float) -> list[Folder]:
    """Return the folders of no known job in which nothing has changed for a while; arguments as above. Pure."""
    known = {job.name for job in jobs}
    return [each for each in folders if each.job not in known and now - each.mtime > YOUNG_S]


def gateway_user(template: Template) -> str | None:
    """Return the gateway's user that the release's runners are."""
    env = template.pod["containers"][0].get("env", [])
    return next((each.get("value") for each in env if each["name"] == "USER"), None)


def _is_job(kube: Kube, name: str) -> bool:
    """Tell whether there is a job of ours with that name: other Jobs of the namespace are not ours to delete."""
    try:
        get_job(kube, name)
    except UsageError:
        return False
    return True


def _claims(pod: Json) -> list[str]:
    env = [each for container in pod["spec"]["containers"] for each in container.get("env", [])]
    return [str(each.get("value")) for each in env if each["name"] == "DASK_GATEWAY_CLUSTER"]


def _clusters(kube: Kube) -> list[Cluster]:
    try:
        return list_clusters(kube)
    except SetupError:  # no right to see them: then they are not ours to dismiss
        return []
