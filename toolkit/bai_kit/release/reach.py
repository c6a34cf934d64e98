"""Check from inside the cluster that the runner's own configuration reaches the gateway."""

import json
import logging
import secrets
import time
from collections.abc import Iterable
from pathlib import Path

from bai_kit.errors import HelmError, WaitTimeout
from bai_kit.kube.api import Json, Kube
from bai_kit.kube.pods import trouble

log = logging.getLogger(__name__)

POLL_S = 0.3
PROGRAM = Path(__file__).with_name("reach_script.py")
_KEPT = (
    "securityContext",
    "imagePullSecrets",
    "nodeSelector",
    "tolerations",
    "affinity",
    "priorityClassName",
    "runtimeClassName",
)
"""Fields of the runner's pod that the test pod copies, so that it is admitted and scheduled in the same way."""
_MOUNTED = ("tmp", "gateway", "gateway-certificate")
"""Volumes of the runner's pod that the test pod mounts too."""


def reach_gateway(kube: Kube, objects: Iterable[Json], timeout_s: float) -> None:
    """Run a short pod with the runner's image and `gateway.yaml`, and wait until the gateway has answered the pod.

    Args:
        kube: The release's namespace.
        objects: Objects of a release of bai-chart; without a Job among them nothing is checked.
        timeout_s: Seconds that the pod may take.

    Raises:
        HelmError: the gateway did not answer, or refused the sign-in; says why.
        WaitTimeout: the pod did not end in time.
    """
    jobs = (found["data"]["job.json"] for found in objects if "job.json" in (found.get("data") or {}))
    job = json.loads(next(jobs, "null"))
    if job is None:
        return
    if not kube.can("create", "pods"):
        log.warning("cannot check that the runner reaches the gateway: no permission to create pods")
        return
    name = f"{job['metadata']['name']}-reach-{secrets.token_hex(3)}"
    kube.create("pods", _pod(name, job))
    try:
        _wait(kube, name, timeout_s)
    finally:
        kube.delete("pods", name, grace_s=0)


def _pod(name: str, job: Json) -> Json:
    """Return a pod with the runner's configuration of the gateway, and without its token and volume."""
    runner = job["spec"]["template"]["spec"]
    container = runner["containers"][0]
    mounts = [mount for mount in container["volumeMounts"] if mount["name"] in _MOUNTED]
    labels = {"app.kubernetes.io/part-of": "bai-kit", "bai-kit/role": "reach"}
    labels["bai-kit/release"] = job["metadata"]["labels"]["bai-kit/release"]
    return {
        "metadata": {"name": name, "labels": labels},
        "spec": {key: runner[key] for key in _KEPT if key in runner}
        | {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "containers": [
                {key: container[key] for key in ("image", "imagePullPolicy", "resources", "securityContext", "env")}
                | {"name": "reach", "command": ["python", "-c", PROGRAM.read_text("utf-8")], "volumeMounts": mounts}
            ],
            "volumes": [volume for volume in runner["volumes"] if volume["name"] in _MOUNTED],
        },
    }


def _wait(kube: Kube, name: str, timeout_s: float) -> None:
    start = time.monotonic()
    while True:
        waited_s = time.monotonic() - start
        pod = kube.get("pods", name)
        phase = pod["status"].get("phase") if pod else None
        if phase == "Succeeded":
            return
        if phase == "Failed":
            lines = [line.decode(errors="replace").partition(" ")[2] for line in kube.log(name, "reach", follow=False)]
            reason = lines[-1] if lines else "its pod failed without a line"
            raise HelmError(f"the runner cannot use the gateway: {reason}", hint="bai-kit doctor")
        events = kube.list("events", fields=f"involvedObject.name={name}")
        if fault := trouble(pod, events, waited_s, timeout_s):
            raise HelmError(f"cannot check that the runner reaches the gateway: {fault}", hint="bai-kit doctor")
        if waited_s > timeout_s:
            raise WaitTimeout(f"pod {name} has not ended after {timeout_s:.0f} s", hint="bai-kit doctor")
        time.sleep(POLL_S)
