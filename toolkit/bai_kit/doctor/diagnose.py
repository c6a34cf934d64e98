"""What is missing for a run on Kubernetes, and the command that mends it."""

import json
import re
import shlex
from collections.abc import Iterator

from bai_kit.doctor.findings import Diagnosis, Finding, Level
from bai_kit.doctor.probed import probed
from bai_kit.errors import BaiKitError, SetupError
from bai_kit.job.template import Template, claim_of, load_template
from bai_kit.kube.api import Kube
from bai_kit.kube.rights import grant, lacking, told
from bai_kit.release.helm import Helm

OLDEST = (1, 29)
"""Oldest Kubernetes that the charts are made for."""
FULL = 0.9
"""Share of a quota from which on we warn."""


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
    yield from _guarded("namespace", _namespace(kube))
    yield from _guarded("rights", _rights(kube))
    yield from _guarded("quota", _quota(kube))
    try:
        template = load_template(kube, release)
    except BaiKitError as exc:
        yield Finding("release", Level.BROKEN, exc.message, exc.hint or "")
        return
    yield Finding("release", Level.OK, template.release)
    yield from _guarded("volume", _volume(kube, template))
    if probe:
        yield from _guarded("images, gateway", probed(kube, template))
    else:
        yield Finding("images, gateway", Level.UNKNOWN, "not looked at", "bai-kit doctor")


def _guarded(check: str, found: Iterator[Finding]) -> Iterator[Finding]:
    """Let one question that the API refuses to answer not be the end of all others."""
    try:
        yield from found
    except BaiKitError as exc:
        yield Finding(check, Level.UNKNOWN, exc.message)


def _helm(helm: Helm) -> Finding:
    try:
        return Finding("helm", Level.OK, helm.version())
    except BaiKitError as exc:
        return Finding("helm", Level.BROKEN, exc.message, exc.hint or "")


def _server(kube: Kube) -> Finding:
    version = kube.version()
    numbers = tuple(int(each) for each in re.findall(r"\d+", version)[:2])
    level = Level.OK if numbers >= OLDEST else Level.BROKEN
    context = f", context {kube.context}" if kube.context else ""
    return Finding("kubernetes", level, f"{version} at {kube.server}{context}, namespace {kube.namespace}")


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


def _rights(kube: Kube) -> Iterator[Finding]:
    missing = lacking(kube)
    if not missing:
        yield Finding("rights", Level.OK, "all that the commands need")
        return
    try:
        user = kube.user()
    except BaiKitError:
        user = "USER"
    manifest = shlex.quote(json.dumps(grant(missing, kube.namespace, user)))
    fix = f"echo {manifest} | kubectl apply -f -  # by an admin"
    yield Finding("rights", Level.BROKEN, f"missing: {', '.join(told(each) for each in missing)}", fix)


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
        fix = "bai-kit deploy --set bai.storage.accessMode=ReadWriteMany --set bai.storage.storageClass=CLASS"
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
