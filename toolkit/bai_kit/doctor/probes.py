"""Short-lived pods that find out what only a pod can: whether an image starts, its versions, the gateway's answer.

A probe is the release's own job pod with another image and another program, so it meets the same obstacles as a job.
"""

import copy
import json
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

from bai_kit.doctor.findings import Finding, Level
from bai_kit.errors import BaiKitError
from bai_kit.job.template import JOB_LABEL, RELEASE_LABEL, RUNNER, Template
from bai_kit.job.volume import ROLE_LABEL
from bai_kit.kube.api import Json, Kube
from bai_kit.kube.pods import POLL_S, delete_helper, has_ended, started, trouble
from bai_kit.package.images import images
from cwl_dask.podlog import Reader

PROBE_TIMEOUT_S = 60
CLUSTER_OPTIONS = ("image", "worker_cores", "worker_cores_limit", "worker_memory")
"""Cluster options that the runner sets, so the gateway must define them."""


@dataclass(frozen=True, slots=True)
class Probe:
    """Result of running the probe in one image."""

    image: str
    problem: str = ""
    """Why the probe's pod did not start or did not report; empty if it reported."""
    versions: Mapping[str, str] | None = None
    """Versions of Python and of Dask's packages in the image."""
    gateway: Mapping[str, Any] | None = None
    """`address`, `options`, `server` and `error`, of a probe of the gateway."""


def probe_findings(kube: Kube, template: Template) -> Iterator[Finding]:
    """Probe the runner's image with the gateway, and the step's image; yield what that means."""
    probes = run_probes(kube, template, next(iter(images(template.package)), None))
    for probe in probes:
        fix = "bai-kit deploy --registry REGISTRY --tag TAG" if probe.problem else ""
        detail = probe.problem or ", ".join(f"{name} {version}" for name, version in (probe.versions or {}).items())
        yield Finding("image", Level.BROKEN if probe.problem else Level.OK, f"{probe.image}: {detail}", fix)
    answer = next((probe.gateway for probe in probes if probe.gateway), None)
    if answer:
        yield _gateway_finding(answer)
        yield from _version_findings(answer, probes)


def run_probes(kube: Kube, template: Template, step_image: str | None) -> list[Probe]:
    """Start a probe of each image, read what it reports, and delete it.

    Args:
        kube: The release's namespace.
        template: What the release installed.
        step_image: The application's image; None when the package names none.
    """
    wanted = [(template.pod["containers"][0]["image"], "gateway")] + ([(step_image, "versions")] if step_image else [])
    made: list[tuple[str, str]] = []
    refused: list[Probe] = []
    try:
        for image, task in wanted:
            pod = probe_pod(template, image, task)
            try:
                made.append((image, pod["metadata"]["name"]))
                kube.create("pods", pod)
            except BaiKitError as exc:
                made.pop()
                refused.append(Probe(image, exc.message))
        begin = time.monotonic()
        return [_read(kube, image, name, begin) for image, name in made] + refused
    finally:
        for _, name in made:
            delete_helper(kube, name)


def probe_pod(template: Template, image: str, task: str) -> Json:
    """Return the pod of a probe, with a random name.

    Args:
        template: What the release installed.
        image: The image to probe.
        task: `versions` or `gateway`, see `probe_script.py`.
    """
    labels = template.job["spec"]["template"]["metadata"].get("labels", {})
    spec = copy.deepcopy(template.pod)
    runner = spec["containers"][0]
    script = (resources.files("bai_kit.doctor") / "probe_script.py").read_text()
    wanted = {"gateway", "tmp"}
    spec["containers"] = [
        {key: runner[key] for key in ("env", "securityContext", "imagePullPolicy") if key in runner}
        | {
            "name": RUNNER,
            "image": image,
            "command": ["python", "-c", script, task],
            "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}},
            "volumeMounts": [mount for mount in runner["volumeMounts"] if mount["name"] in wanted],
        }
    ]
    spec["volumes"] = [volume for volume in spec["volumes"] if volume["name"] in wanted]
    spec |= {"automountServiceAccountToken": False, "terminationGracePeriodSeconds": 1}
    spec.pop(
        "activeDeadlineSeconds", None
    )  # it would count as a running job, see docs/decisions/0038-limit-of-running-jobs.md
    name = f"{template.release}-probe-{secrets.token_hex(3)}"
    own = {ROLE_LABEL: "probe", RELEASE_LABEL: template.release, JOB_LABEL: name}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels | own}, "spec": spec}


def _read(kube: Kube, image: str, name: str, begin: float) -> Probe:
    """Wait until a probe's pod has ended, and return its report."""
    while True:
        pod = kube.get("pods", name)
        waited_s = time.monotonic() - begin
        if has_ended(pod, RUNNER) or waited_s > PROBE_TIMEOUT_S:
            break
        if not started(pod, RUNNER) and (reason := trouble(pod, [], waited_s, PROBE_TIMEOUT_S / 2)):
            return Probe(image, reason)
        time.sleep(POLL_S)
    lines = [line.text for line in Reader().read(kube.log(name, RUNNER, follow=False))]
    try:
        report = json.loads(lines[-1])
        return Probe(image, versions=report.pop("versions"), gateway=report or None)
    except (IndexError, ValueError, LookupError, AttributeError):
        return Probe(image, f"the probe reported no JSON: {(lines or ['no output'])[-1][:200]}")


def _gateway_finding(answer: Mapping[str, Any]) -> Finding:
    address = answer.get("address", "no address")
    if answer.get("error"):
        return Finding("gateway", Level.BROKEN, f"{address}: {answer['error']}", "kubectl get pods,services")
    missing = [option for option in CLUSTER_OPTIONS if option not in answer["options"]]
    detail = f"{address}: options {', '.join(answer['options'])}"
    if missing:
        fix = "bai-kit deploy  # the chart dask-gateway defines these options"
        return Finding("gateway", Level.BROKEN, f"{detail}; missing {', '.join(missing)}", fix)
    return Finding("gateway", Level.OK, detail)


def _version_findings(answer: Mapping[str, Any], probes: Sequence[Probe]) -> Iterator[Finding]:
    """Compare dask-gateway on both sides: client and server are released together and tested against each other."""
    server = answer.get("server")
    sides = {probe.image: (probe.versions or {}).get("dask-gateway") for probe in probes if not probe.problem}
    other = [f"{image} has {version or 'none'}" for image, version in sides.items() if version != server]
    if server and other:
        detail = f"the gateway has dask-gateway {server}, {'; '.join(other)}"
        yield Finding("versions", Level.WARNING, detail, "make images  # builds all three from one revision")
    elif server:
        yield Finding("versions", Level.OK, f"dask-gateway {server} on both sides")
