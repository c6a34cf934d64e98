"""The jobs' volume, reached through a short-lived helper pod: volumes of every kind can be mounted by a pod.

The helper pod is made from the release's own job pod, so it may run wherever a job may run.
"""

import hashlib
import json
import logging
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from bai_kit.errors import ConnectionLost, NotOnVolume, ProgramFailed, RemoteError
from bai_kit.job import volume_script
from bai_kit.job.template import RELEASE_LABEL, Template, claim_of
from bai_kit.job.waiting import Explanation
from bai_kit.kube.api import Json, Kube
from bai_kit.kube.pods import POLL_S, StartLimits, delete_helper, events_of, started, waits_for

log = logging.getLogger(__name__)

ROLE_LABEL = "bai-kit/role"
START_TIMEOUT_S = 60.0
"""Seconds that the helper pod may take to start, once there is room for it."""
ROOM_TIMEOUT_S = 600.0
"""Seconds that the helper pod may wait for room on a node."""
LONGEST_LIFE_S = 3600
"""Seconds after which a helper pod ends by itself, in case the command that created it was killed."""
TRIES = 5
"""How often a transfer or a question is tried when its connection breaks."""
CHUNK = 1 << 16
Files = Sequence[tuple[Path, str]]
"""Files and empty directories of this machine, each with its path in a job's folder, below `inputs`."""
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
class Outcome:
    """What a runner left about its end."""

    failure: str | None
    """Text of the failure event; None when the runner wrote none."""
    has_outputs: bool
    """Whether the runner wrote output.json, as it does at its end; after a success there is no failure event."""


@dataclass(frozen=True, slots=True)
class Volume:
    """The volume as a running helper pod sees it."""

    kube: Kube
    pod: str

    def folders(self) -> list[Folder]:
        """List the jobs' folders."""
        return [Folder(**json.loads(line)) for line in self._text("list").splitlines()]

    def log(self, job: str, name: str = "run.log") -> list[str]:
        """Return the lines of a job's `run.log` or `step.log`."""
        return self._text("log", job, name).splitlines()

    def outcome(self, job: str) -> Outcome:
        """Return what a job's runner left about its end."""
        return Outcome(**json.loads(self._text("outcome", job)))

    def measure(self, job: str, *options: str) -> tuple[int, int]:
        """Return the number of files and bytes of a job's results."""
        found = json.loads(self._text("measure", job, *options))
        return found["files"], found["bytes"]

    def remove(self, job: str, *, only_tmp: bool = False) -> None:
        """Remove a job's folder, or its temporary files alone.

        Raises:
            NotOnVolume: the folder does not exist.
        """
        self._text("remove", job, *(["tmp"] if only_tmp else []))

    def send(self, job: str, offset: int, *options: str) -> Iterator[tuple[int, bytes]]:
        """Yield (1, archive bytes from `offset` on) and (2, JSON with `bytes` and `sha256` of the whole)."""
        return self.kube.exec(self.pod, _command("send", job, str(offset), *options))

    def receive(self, job: str, files: Files, progress: Callable[[int], None]) -> None:
        """Write files into a job's folder `inputs`, and compare their SHA-256 on both sides.

        Raises:
            RemoteError: the volume refused a file, or the connection broke again and again.
        """
        problem = ""
        for _ in range(TRIES):
            digest = hashlib.sha256()
            try:
                said = self._text("receive", job, stdin=_stream(files, digest, progress))
            except ConnectionLost as exc:
                problem = exc.message
                continue
            if json.loads(said)["sha256"] == digest.hexdigest():
                return
            problem = "the SHA-256 on the volume is another one"
        raise RemoteError(f"cannot upload the inputs of job {job}: {problem} (try {TRIES} of {TRIES})")

    def _text(self, *words: str, stdin: Iterator[bytes] | None = None) -> str:
        """Run the script and return its output; without input it is run again when the connection breaks.

        Raises:
            NotOnVolume: folder or file does not exist.
            RemoteError: the script failed; its message has the reason.
            ConnectionLost: the connection broke again and again.
        """
        tries = TRIES if stdin is None else 1
        for tries_left in range(tries, 0, -1):
            said: dict[int, bytes] = {1: b"", 2: b""}
            try:
                for channel, data in self.kube.exec(self.pod, _command(*words), stdin):
                    said[channel] += data
                return said[1].decode(errors="replace")
            except ProgramFailed as exc:
                if words[0] == "remove" and exc.status == volume_script.NOT_FOUND and tries_left < tries:
                    return ""  # an earlier try removed the folder, and its answer was lost
                reason = said[2].decode(errors="replace").strip().rpartition("\n")[2] or exc.message
                error = NotOnVolume if exc.status == volume_script.NOT_FOUND else RemoteError
                raise error(reason) from exc
            except ConnectionLost:
                if tries_left == 1:
                    raise
        raise AssertionError("a try either returns or raises")


@contextmanager
def open_volume(kube: Kube, template: Template, *, write: bool = False) -> Iterator[Volume]:
    """Start a helper pod, and delete it at the end. No Job owns it, since a Job may be deleted during a transfer.

    Args:
        kube: The release's namespace.
        template: What the release installed.
        write: Mount the volume for writing.

    Raises:
        RemoteError: the pod cannot start; the message has the reason.
    """
    body = helper_pod(template, write=write)
    pod = body["metadata"]["name"]
    try:
        kube.create("pods", body)
        _wait_started(kube, pod)
        yield Volume(kube, pod)
    finally:
        delete_helper(kube, pod)


def helper_pod(template: Template, *, write: bool) -> Json:
    """Return the helper pod: the job's pod with one container that waits, one volume and no token."""
    spec = template.pod
    claim, mount = claim_of(spec)
    runner = spec["containers"][0]
    kept = ("imagePullSecrets", "nodeSelector", "tolerations", "affinity", "securityContext", "priorityClassName")
    metadata: Json = {
        "name": f"{template.release}-volume-{secrets.token_hex(4)}",
        "labels": {"app.kubernetes.io/part-of": "bai-kit", ROLE_LABEL: "volume", RELEASE_LABEL: template.release},
    }
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
            "terminationGracePeriodSeconds": 1,
            "containers": [container],
            "volumes": [{"name": "work", "persistentVolumeClaim": {"claimName": claim}}],
        },
    }


def _wait_started(kube: Kube, name: str) -> None:
    limits = StartLimits(START_TIMEOUT_S, ROOM_TIMEOUT_S)
    explanation = Explanation(lambda reason: log.info("pod %s, which reads the volume, waits: %s", name, reason))
    while not started(pod := kube.get("pods", name), "volume"):
        if pod is None:
            raise RemoteError(f"pod {name} was deleted before it started")
        events = events_of(kube, name)
        if reason := limits.exceeded(pod, events):
            raise RemoteError(f"pod {name}, which reads the volume, cannot start: {reason}")
        explanation.update(waits_for(pod, events))
        time.sleep(POLL_S)


def _command(*words: str) -> Sequence[str]:
    return ["python", "-c", _RUN, *words]


def _stream(files: Files, digest: "hashlib._Hash", progress: Callable[[int], None]) -> Iterator[bytes]:
    """Yield what `receive` of the script reads: a line of JSON before each file's bytes, and `null` at the end."""
    sent = 0
    for source, target in files:
        size = None if source.is_dir() else source.stat().st_size
        yield json.dumps({"path": target, "bytes": size}).encode() + b"\n"
        if size is None:
            continue
        with source.open("rb") as file:
            while size:
                data = file.read(min(size, CHUNK))
                if not data:
                    raise RemoteError(f"{source} became shorter while it was uploaded")
                digest.update(data)
                yield data
                size -= len(data)
                sent += len(data)
                progress(sent)
    yield b"null\n"
