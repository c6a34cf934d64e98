"""What is missing for a run on Kubernetes, and the command that mends it."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from bai_kit.errors import BaiKitError, SetupError
from bai_kit.helm import Helm
from bai_kit.kube import Json, Kube
from bai_kit.probe import Probe, run_probes
from bai_kit.template import Template, claim_of, load_template

if TYPE_CHECKING:
    from rich.table import Table

OLDEST = (1, 29)
"""Oldest Kubernetes that the charts are made for."""
FULL = 0.9
"""Share of a quota from which on we warn."""
OPTIONS = ("image", "worker_cores", "worker_cores_limit", "worker_memory")
"""Cluster options that the runner sets, so the gateway must define them."""
RIGHTS = (
    ("create", "jobs", "batch", "", "run"),
    ("get", "jobs", "batch", "", "run, status"),
    ("list", "jobs", "batch", "", "list"),
    ("patch", "jobs", "batch", "", "cancel"),
    ("delete", "jobs", "batch", "", "delete"),
    ("list", "pods", "", "", "run, logs"),
    ("get", "pods", "", "log", "run, logs"),
    ("create", "pods", "", "", "results"),
    ("delete", "pods", "", "", "results"),
    ("create", "pods", "", "exec", "results"),
    ("list", "events", "", "", "run: why a job does not start"),
    ("list", "configmaps", "", "", "run"),
    ("get", "persistentvolumeclaims", "", "", "run"),
    ("list", "daskclusters", "gateway.dask.org", "", "cluster list"),
    ("patch", "daskclusters", "gateway.dask.org", "", "cluster dismiss"),
    ("create", "pods", "", "portforward", "cluster dashboard"),
)
"""What the commands ask of the API, and which of them need it."""


class Level(StrEnum):
    """How bad a finding is."""

    OK = "ok"
    UNKNOWN = "unknown"
    WARNING = "warning"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    check: str
    level: Level
    detail: str
    fix: str = ""
    """The command that mends it."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """All that was found."""

    findings: Sequence[Finding]

    @property
    def command_exit_code(self) -> int:
        """0 when nothing is broken, else that of a setup error."""
        return SetupError.exit_code if any(each.level is Level.BROKEN for each in self.findings) else 0

    def __rich__(self) -> "Table":
        from rich.table import Table  # noqa: PLC0415 - only when it is shown
        from rich.text import Text  # noqa: PLC0415

        colours = {Level.OK: "green", Level.UNKNOWN: "yellow", Level.WARNING: "yellow", Level.BROKEN: "red"}
        table = Table.grid(padding=(0, 2))
        for each in self.findings:
            table.add_row(Text(each.level, style=colours[each.level]), each.check, Text(each.detail))
            if each.fix:
                table.add_row("", "", Text(f"→ {each.fix}", style="bold"))
        return table


def diagnose(kube: Kube, helm: Helm, *, release: str | None = None, probe: bool = True) -> Diagnosis:
    """Look at everything that a run needs.

    Args:
        kube: The releases' namespace.
        helm: Which deploying needs.
        release: Release of bai-chart; None is the only one.
        probe: Also start two pods that end by themselves: the images, the gateway and versions are unknown without.
    """
    return Diagnosis(tuple(_findings(kube, helm, release, probe=probe)))


def _findings(kube: Kube, helm: Helm, release: str | None, *, probe: bool) -> Iterator[Finding]:
    yield _helm(helm)
    try:
        yield _server(kube)
    except BaiKitError as exc:
        yield Finding("kubernetes", Level.BROKEN, exc.message, exc.hint or "")
        return
    yield from _namespace(kube)
    yield _rights(kube)
    yield from _quota(kube)
    try:
        template = load_template(kube, release)
    except BaiKitError as exc:
        yield Finding("release", Level.BROKEN, exc.message, exc.hint or "")
        return
    yield Finding("release", Level.OK, template.release)
    yield from _volume(kube, template)
    if probe:
        yield from _probed(kube, template)
    else:
        yield Finding("images, gateway", Level.UNKNOWN, "not looked at", "bai-kit doctor")


def _helm(helm: Helm) -> Finding:
    try:
        return Finding("helm", Level.OK, helm.version())
    except BaiKitError as exc:
        return Finding("helm", Level.BROKEN, exc.message, exc.hint or "")


def _server(kube: Kube) -> Finding:
    version = kube.version()
    numbers = tuple(int(each) for each in re.findall(r"\d+", version)[:2])
    level = Level.OK if numbers >= OLDEST else Level.BROKEN
    return Finding("kubernetes", level, f"{version} at {kube.server}, namespace {kube.namespace}")


def _namespace(kube: Kube) -> Iterator[Finding]:
    try:
        found = kube.get("namespaces", kube.namespace)
    except SetupError as exc:
        yield Finding("pod security", Level.UNKNOWN, exc.message)
        return
    if found is None:
        yield Finding("namespace", Level.BROKEN, f"{kube.namespace} does not exist", "bai-kit deploy")
        return
    level = found["metadata"].get("labels", {}).get("pod-security.kubernetes.io/enforce")
    if level:
        yield Finding("pod security", Level.OK, f"{level} is enforced; all pods of both charts meet restricted")
    else:
        label = f"kubectl label namespace {kube.namespace} pod-security.kubernetes.io/enforce=restricted"
        yield Finding(
            "pod security", Level.WARNING, "nothing is enforced; all pods of both charts meet restricted", label
        )


def _rights(kube: Kube) -> Finding:
    missing = [
        f"{verb} {resource}{f'/{sub}' if sub else ''} ({commands})"
        for verb, resource, group, sub, commands in RIGHTS
        if not kube.can(verb, resource, group=group, subresource=sub)
    ]
    if not missing:
        return Finding("rights", Level.OK, f"all {len(RIGHTS)} that the commands need")
    words = missing[0].split()
    fix = f"kubectl -n {kube.namespace} create role bai-kit-user --verb={words[0]} --resource={words[1]} # by an admin"
    return Finding("rights", Level.BROKEN, f"missing: {', '.join(missing)}", fix)


def _quota(kube: Kube) -> Iterator[Finding]:
    try:
        quotas = kube.list("resourcequotas")
    except SetupError as exc:
        yield Finding("quota", Level.UNKNOWN, exc.message)
        return
    full = []
    for quota in quotas:
        status = quota.get("status", {})
        for name, hard in status.get("hard", {}).items():
            used = status.get("used", {}).get(name, "0")
            if quantity(used) >= FULL * quantity(hard):
                full.append(f"{name} {used} of {hard}")
    if full:
        yield Finding(
            "quota", Level.WARNING, f"nearly used up: {', '.join(full)}", f"kubectl -n {kube.namespace} describe quota"
        )
    else:
        yield Finding("quota", Level.OK, f"{len(quotas)} quotas, none nearly used up" if quotas else "none")


def quantity(text: str) -> float:
    """Read a Kubernetes quantity such as `500m`, `2Gi` or `1e3`. Pure."""
    units = {"m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18}
    units |= {f"{letter}i": 1024.0**power for power, letter in enumerate("KMGTPE", start=1)}
    number, unit = re.fullmatch(r"([-+.\d]+(?:[eE][-+]?\d+)?)([a-zA-Z]*)", str(text)).groups()  # type: ignore[union-attr]
    return float(number) * units.get(unit, 1.0)


def _volume(kube: Kube, template: Template) -> Iterator[Finding]:
    claim, _ = claim_of(template.pod)
    found = kube.get("persistentvolumeclaims", claim)
    if found is None:
        yield Finding("volume", Level.BROKEN, f"claim {claim} is not there", "bai-kit deploy")
        return
    phase, spec = found.get("status", {}).get("phase", "Pending"), found["spec"]
    storage_class, modes = spec.get("storageClassName", "none"), spec.get("accessModes", [])
    told = f"claim {claim}: {phase}, class {storage_class}, {', '.join(modes)}"
    if phase == "Bound" and ("ReadWriteMany" in modes or _nodes(kube) == 1):
        yield Finding("volume", Level.OK, told)
    elif phase == "Bound":
        fix = "bai-kit deploy --set storage.accessMode=ReadWriteMany --set storage.storageClass=CLASS"
        yield Finding("volume", Level.WARNING, f"{told}: all pods of a job must run on one node", fix)
    elif phase == "Pending" and _waits_for_pod(kube, storage_class):
        yield Finding("volume", Level.OK, f"{told}: bound when the first job comes")
    else:
        yield Finding("volume", Level.BROKEN, told, f"kubectl -n {kube.namespace} describe pvc {claim}")


def _nodes(kube: Kube) -> int | None:
    try:
        return len(kube.list("nodes"))
    except SetupError:
        return None


def _waits_for_pod(kube: Kube, storage_class: str) -> bool:
    try:
        found = kube.get("storageclasses", storage_class)
    except SetupError:
        return False
    return (found or {}).get("volumeBindingMode") == "WaitForFirstConsumer"


def _probed(kube: Kube, template: Template) -> Iterator[Finding]:
    probes = run_probes(kube, template, step_image(template.package))
    for each in probes:
        fix = "" if not each.problem else "bai-kit deploy --set runner.image.tag=TAG --set package.image.tag=TAG"
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


def step_image(package: Json | None) -> str | None:
    """Return the first container image that a package names. Pure."""
    if isinstance(package, dict):
        if "dockerPull" in package:
            return str(package["dockerPull"])
        return next((image for value in package.values() if (image := step_image(value))), None)
    if isinstance(package, list):
        return next((image for value in package if (image := step_image(value))), None)
    return None
