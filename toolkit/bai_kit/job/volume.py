"""The jobs' volume, reached through a short-lived pod: no other way leads to a volume of any kind on any cluster.

The pod is the release's own job pod with another command, so wherever a job may run, it may too.
"""

import json
import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources

from bai_kit.errors import RemoteError, WaitTimeout
from bai_kit.job.template import JOB_LABEL, RELEASE_LABEL, Template, claim_of
from bai_kit.kube.api import Json, Kube
from bai_kit.kube.pods import started, trouble

ROLE_LABEL = "bai-kit/role"
START_S = 60.0
NOT_THERE = "not on the volume"
"""How the script in the pod begins its words about a folder or file that does not exist."""
LONGEST_LIFE_S = 3600
"""Seconds after which the pod ends by itself, should we be killed."""
_RUN = "import os; exec(compile(os.environ['BAI_KIT_SCRIPT'], 'bai-kit', 'exec'))"
_WAIT = f"import time; time.sleep({LONGEST_LIFE_S})"


@dataclass(frozen=True, slots=True)
class Folder:
    """A job's folder on the volume."""

    job: str
    bytes: int
    temporary_bytes: int
    has_tmp: bool
    mtime: float
    """Seconds since 1970 of the last change of anything in the folder."""


@dataclass(frozen=True, slots=True)
class Volume:
    """The volume as a running helper pod sees it."""

    kube: Kube
    pod: str

    def folders(self) -> list[Folder]:
        """List the jobs' folders."""
        return [Folder(**json.loads(line)) for line in self._text("list").splitlines()]

    def log(self, job: str) -> list[str]:
        """Return the lines of a job's `run.log`."""
        return self._text("log", job).splitlines()

    def remove(self, job: str, *, only_tmp: bool = False) -> None:
        """Remove a job's folder, or its temporary files alone."""
        self._text("remove", job, *(["tmp"] if only_tmp else []))

    def send(self, job: str, offset: int) -> Iterator[tuple[int, bytes]]:
        """Yield (1, archive bytes from `offset` on) and (2, JSON with `bytes` and `sha256` of the whole)."""
        return self.kube.exec(self.pod, _command("send", job, str(offset)))

    def _text(self, *words: str) -> str:
        said: dict[int, bytes] = {1: b"", 2: b""}
        try:
            for channel, data in self.kube.exec(self.pod, _command(*words)):
                said[channel] += data
        except RemoteError as exc:
            reason = said[2].decode(errors="replace").strip().rpartition("\n")[2]
            raise RemoteError(reason or exc.message) from exc
        return said[1].decode(errors="replace")


@contextmanager
def open_volume(kube: Kube, template: Template, *, job: Json | None = None, write: bool = False) -> Iterator[Volume]:
    """Start a helper pod, and delete it at the end.

    Args:
        kube: The release's namespace.
        template: What the release installed.
        job: The Job that the pod belongs to, so that it goes with it; None when there is none any more.
        write: Mount the volume for writing.

    Raises:
        RemoteError: the pod cannot start; the message says why.
    """
    pod = kube.create("pods", helper_pod(template, job, write=write))["metadata"]["name"]
    try:
        _wait_started(kube, pod)
        yield Volume(kube, pod)
    finally:
        kube.delete("pods", pod, grace_s=0)


def helper_pod(template: Template, job: Json | None, *, write: bool) -> Json:
    """Make the helper pod: the job's pod, but one container that waits, one volume and no token."""
    spec = template.pod
    claim, mount = claim_of(spec)
    runner = spec["containers"][0]
    kept = ("imagePullSecrets", "nodeSelector", "tolerations", "affinity", "securityContext", "priorityClassName")
    name = job["metadata"]["name"] if job else template.release
    metadata: Json = {
        "name": f"{name}-volume-{secrets.token_hex(2)}",
        "labels": {
            "app.kubernetes.io/part-of": "bai-kit",
            ROLE_LABEL: "volume",
            RELEASE_LABEL: template.release,
            **({JOB_LABEL: name} if job else {}),
        },
    }
    if job:
        owner = {"apiVersion": "batch/v1", "kind": "Job", "name": name, "uid": job["metadata"]["uid"]}
        metadata["ownerReferences"] = [owner]
    container = {
        "name": "volume",
        "image": runner["image"],
        "imagePullPolicy": runner.get("imagePullPolicy", "IfNotPresent"),
        "command": ["python", "-c", _WAIT],
        "env": [
            {"name": "BAI_KIT_VOLUME", "value": mount},
            {"name": "BAI_KIT_SCRIPT", "value": (resources.files("bai_kit.job") / "volume_script.py").read_text()},
        ],
        "securityContext": runner.get("securityContext", {}),
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "256Mi"}},
        "volumeMounts": [{"name": "work", "mountPath": mount, "readOnly": not write}],
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": {key: spec[key] for key in kept if key in spec}
        | {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "activeDeadlineSeconds": LONGEST_LIFE_S,
            "terminationGracePeriodSeconds": 1,
            "containers": [container],
            "volumes": [{"name": "work", "persistentVolumeClaim": {"claimName": claim}}],
        },
    }


def _wait_started(kube: Kube, name: str) -> None:
    begin = time.monotonic()
    while True:
        pod = kube.get("pods", name)
        if pod is None:
            raise RemoteError(f"pod {name} was deleted before it started")
        if started(pod, "volume"):
            return
        waited_s = time.monotonic() - begin
        if waited_s > START_S:
            raise WaitTimeout(f"pod {name} has not started after {waited_s:.0f} s")
        events = kube.list("events", fields=f"involvedObject.name={name}") if waited_s > START_S / 4 else []
        if reason := trouble(pod, events, waited_s, START_S):
            raise RemoteError(f"pod {name}, which reads the volume, cannot start: {reason}")
        time.sleep(0.2)


def _command(*words: str) -> Sequence[str]:
    return ["python", "-c", _RUN, *words]
