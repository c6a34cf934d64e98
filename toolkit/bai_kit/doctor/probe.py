"""Short-lived pods that say what only a pod can know: whether an image starts here, what is in it, what it can reach.

A probe is the release's own job pod with another image and another program, so what it meets, a job would meet.
"""

import copy
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bai_kit.errors import BaiKitError
from bai_kit.job.logs import Position, has_ended
from bai_kit.job.template import JOB_LABEL, RELEASE_LABEL, RUNNER, Template
from bai_kit.job.volume import ROLE_LABEL
from bai_kit.kube.api import Json, Kube
from bai_kit.kube.pods import started, trouble

LIMIT_S = 60
_VERSIONS = """
import importlib.metadata, json, platform
found = {"python": platform.python_version()}
for name in ("dask", "distributed", "dask-gateway", "calrissian"):
    try:
        found[name] = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        pass
said = {"versions": found}
"""
_GATEWAY = """
import signal, urllib.request
def late(*_):
    raise TimeoutError("no answer after 20 s")
signal.signal(signal.SIGALRM, late)
signal.alarm(20)
try:
    import dask.config
    from dask_gateway import Gateway
    said["address"] = dask.config.get("gateway.address")
    with Gateway() as gateway:
        said["options"] = dict(gateway.cluster_options(use_local_defaults=False))
    with urllib.request.urlopen(said["address"].rstrip("/") + "/api/version", timeout=10) as reply:
        said["server"] = json.load(reply)["version"]
except BaseException as error:
    said["error"] = f"{type(error).__name__}: {error}"[:300]
"""
_SAY = "\nprint(json.dumps(said, default=str), flush=True)\n"


@dataclass(frozen=True, slots=True)
class Probe:
    """What one probe found out."""

    image: str
    problem: str = ""
    """Why the pod did not start or say anything; empty when it did."""
    versions: Mapping[str, str] | None = None
    """Versions of Python and of Dask's packages in the image."""
    gateway: Mapping[str, Any] | None = None
    """`address`, `options`, `server` and `error`, of a probe of the gateway."""


def run_probes(kube: Kube, template: Template, step_image: str | None) -> list[Probe]:
    """Start the runner's image, which also asks the gateway, and the step's image; read what they say; delete them.

    Args:
        kube: The release's namespace.
        template: What the release installed.
        step_image: The application's image; None when the package names none.
    """
    runner_image = template.pod["containers"][0]["image"]
    wanted = [(runner_image, _VERSIONS + _GATEWAY + _SAY)] + ([(step_image, _VERSIONS + _SAY)] if step_image else [])
    made: list[tuple[str, str]] = []
    refused: list[Probe] = []
    try:
        for image, script in wanted:
            try:
                pod = kube.create("pods", probe_pod(template, image, script))
                made.append((image, pod["metadata"]["name"]))
            except BaiKitError as exc:
                refused.append(Probe(image, exc.message))
        begin = time.monotonic()
        return [_read(kube, image, name, begin) for image, name in made] + refused
    finally:
        for _, name in made:
            kube.delete("pods", name, grace_s=0)


def probe_pod(template: Template, image: str, script: str) -> Json:
    """Make the pod of a probe. Pure but for its name."""
    labels = template.job["spec"]["template"]["metadata"].get("labels", {})
    spec = copy.deepcopy(template.pod)
    runner = spec["containers"][0]
    kept = ("env", "securityContext", "imagePullPolicy")
    wanted = {"gateway", "tmp"}
    spec["containers"] = [
        {key: runner[key] for key in kept if key in runner}
        | {
            "name": RUNNER,
            "image": image,
            "command": ["python", "-c", script],
            "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}},
            "volumeMounts": [each for each in runner["volumeMounts"] if each["name"] in wanted],
        }
    ]
    spec["volumes"] = [each for each in spec["volumes"] if each["name"] in wanted]
    spec |= {
        "automountServiceAccountToken": False,
        "activeDeadlineSeconds": LIMIT_S,
        "terminationGracePeriodSeconds": 1,
    }
    name = f"{template.release}-probe-{secrets.token_hex(3)}"
    own = {ROLE_LABEL: "probe", RELEASE_LABEL: template.release, JOB_LABEL: name}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels | own}, "spec": spec}


def _read(kube: Kube, image: str, name: str, begin: float) -> Probe:
    """Wait for a probe's pod to end, and read its one line."""
    while True:
        pod = kube.get("pods", name)
        waited_s = time.monotonic() - begin
        if has_ended(pod) or waited_s > LIMIT_S:
            break
        if not started(pod, RUNNER) and (reason := trouble(pod, [], waited_s, LIMIT_S / 2)):
            return Probe(image, reason)
        time.sleep(0.2)
    lines = list(Position().fresh(kube.log(name, RUNNER, follow=False)))
    try:
        said = json.loads(lines[-1])
    except (IndexError, ValueError):
        return Probe(image, f"said nothing we understand: {(lines or ['nothing'])[-1][:200]}")
    return Probe(image, versions=said.pop("versions"), gateway=said or None)
