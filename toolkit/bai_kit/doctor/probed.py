"""What the doctor makes of the probes' words: images, the gateway with its options, Dask on both sides."""

from collections.abc import Iterator, Sequence
from typing import Any

from bai_kit.doctor.findings import Finding, Level
from bai_kit.doctor.probe import Probe, run_probes
from bai_kit.job.template import Template
from bai_kit.kube.api import Kube
from bai_kit.package.images import images

OPTIONS = ("image", "worker_cores", "worker_cores_limit", "worker_memory")
"""Cluster options that the runner sets, so the gateway must define them."""


def probed(kube: Kube, template: Template) -> Iterator[Finding]:
    """Start the probes and judge what they say."""
    probes = run_probes(kube, template, next(iter(images(template.package)), None))
    for each in probes:
        fix = "" if not each.problem else "bai-kit deploy --registry REGISTRY --tag TAG"
        told = each.problem or ", ".join(f"{name} {version}" for name, version in (each.versions or {}).items())
        yield Finding("image", Level.BROKEN if each.problem else Level.OK, f"{each.image}: {told}", fix)
    asked = next((each.gateway for each in probes if each.gateway), None)
    if asked:
        yield from _gateway(kube, asked)
        yield from _versions(asked, probes)


def _gateway(kube: Kube, asked: Any) -> Iterator[Finding]:
    address = asked.get("address", "no address")
    if asked.get("error"):
        fix = f"kubectl -n {kube.namespace} get pods,services"
        yield Finding("gateway", Level.BROKEN, f"{address}: {asked['error']}", fix)
        return
    missing = [each for each in OPTIONS if each not in asked["options"]]
    told = f"{address}: options {', '.join(asked['options'])}"
    if missing:
        fix = "bai-kit deploy  # the chart dask-gateway defines them"
        yield Finding("gateway", Level.BROKEN, f"{told}; missing {', '.join(missing)}", fix)
    else:
        yield Finding("gateway", Level.OK, told)


def _versions(asked: Any, probes: Sequence[Probe]) -> Iterator[Finding]:
    """Compare dask-gateway on both sides: client and server are released together and checked against each other."""
    server = asked.get("server")
    sides = {each.image: (each.versions or {}).get("dask-gateway") for each in probes if not each.problem}
    other = [f"{image} has {version or 'none'}" for image, version in sides.items() if version != server]
    if server and other:
        detail = f"the gateway has dask-gateway {server}, {'; '.join(other)}"
        yield Finding("versions", Level.WARNING, detail, "build all three images from one revision")
    elif server:
        yield Finding("versions", Level.OK, f"dask-gateway {server} on both sides")
