"""Checks of everything that a deploy and a run on Kubernetes need, with the command that fixes each problem."""

import json
import re
import shlex
from collections.abc import Iterator, Sequence

from bai_kit.doctor.findings import Diagnosis, Finding, Level
from bai_kit.doctor.probes import probe_findings
from bai_kit.errors import BaiKitError, SetupError
from bai_kit.job.template import PART_OF, Template, claim_of, load_template
from bai_kit.kube.api import Kube
from bai_kit.kube.quantities import quantity
from bai_kit.kube.rights import DEPLOY_RIGHTS, RIGHTS, Right, grant, lacking, worded
from bai_kit.release.helm import Helm

OLDEST_KUBERNETES = (1, 29)
"""The oldest version that the charts support."""
GROUPS = ("gateway.dask.org", "traefik.io")
"""API groups of the custom resources that the chart dask-gateway defines."""
QUOTA_WARNING = 0.9
"""Used share of a quota at which a warning is due."""


def diagnose(kube: Kube, helm: Helm, *, release: str | None = None, probe: bool = True) -> Diagnosis:
    """Check everything that a deploy and a run need.

    Args:
        kube: The releases' namespace.
        helm: Helm, which a deploy needs.
        release: Release of bai-chart; None is the only one.
        probe: Also start two short-lived pods, which check images, gateway and versions.
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
    yield from _guarded("custom resources", _definitions(kube))
    yield from _guarded("quota", _quota(kube))
    try:
        template = load_template(kube, release)
    except BaiKitError as exc:
        yield Finding("release", Level.BROKEN, exc.message, exc.hint or "")
        return
    yield Finding("release", Level.OK, template.release)
    yield from _guarded("volume", _volume(kube, template))
    yield from _guarded("admission", _admission(kube, template))
    if probe:
        yield from _guarded("images, gateway", probe_findings(kube, template))
    else:
        yield Finding("images, gateway", Level.UNKNOWN, "not checked", "bai-kit doctor")


def _guarded(check: str, found: Iterator[Finding]) -> Iterator[Finding]:
    """Report a check that the API refuses, and go on with the next one."""
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
    numbers = tuple(map(int, re.findall(r"\d+", version)[:2]))
    level = Level.OK if numbers >= OLDEST_KUBERNETES else Level.BROKEN
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
    missing = lacking(kube, RIGHTS)
    if missing:
        words = ", ".join(worded(right) for right in missing)
        yield Finding("permissions", Level.BROKEN, f"missing: {words}", _granting(kube, missing))
    else:
        yield Finding("permissions", Level.OK, "all that running jobs needs")
    missing = lacking(kube, DEPLOY_RIGHTS)
    if missing:
        words = ", ".join(worded(right) for right in missing)
        yield Finding("deploy", Level.WARNING, f"permissions are missing: {words}", _granting(kube, missing))
    else:
        yield Finding("deploy", Level.OK, "all permissions that installing both releases needs")


def _definitions(kube: Kube) -> Iterator[Finding]:
    """Check the custom resource definitions, which belong to no namespace, and who may install them."""
    missing = [group for group in GROUPS if not kube.has_group(group)]
    verbs = ["get", "create", "patch"] if missing else ["get"]
    lacks = [verb for verb in verbs if not kube.can(verb, "customresourcedefinitions", group="apiextensions.k8s.io")]
    state = f"not installed for {' and '.join(missing)}" if missing else f"installed for {' and '.join(GROUPS)}"
    if lacks:
        sets = "--set dask-gateway.createCRDs=false --set dask-gateway.traefik.createCRDs=false"
        note = "  # after an administrator has installed the definitions" if missing else ""
        detail = f"{state}; no permission to {', '.join(lacks)} customresourcedefinitions"
        yield Finding("custom resources", Level.WARNING, detail, f"bai-kit deploy {sets}{note}")
    else:
        yield Finding("custom resources", Level.OK, f"{state}{'; a deploy installs them' if missing else ''}")


def _granting(kube: Kube, missing: Sequence[Right]) -> str:
    """Return the command with which an administrator grants permissions."""
    try:
        user = kube.user()
    except BaiKitError:
        user = "USER"
    manifest = shlex.quote(json.dumps(grant(missing, kube.namespace, user)))
    return f"echo {manifest} | kubectl apply -f -  # by an administrator"


def _admission(kube: Kube, template: Template) -> Iterator[Finding]:
    """Check for the policy that limits which pods the runner's account may create (docs/security.md)."""
    try:
        labels = f"{PART_OF},app.kubernetes.io/instance={template.release}"
        names = [policy["metadata"]["name"] for policy in kube.list("validatingadmissionpolicies", labels=labels)]
    except SetupError:
        yield Finding("admission", Level.UNKNOWN, "no permission to list admission policies")
        return
    if own := [name for name in names if name.startswith(f"{kube.namespace}-")]:  # policies belong to no namespace
        yield Finding("admission", Level.OK, f"policy {own[0]} limits what jobs may create")
    else:
        fix = "bai-kit deploy --set bai.admissionPolicy.enabled=true  # by a cluster administrator"
        yield Finding("admission", Level.WARNING, "no admission policy limits what jobs may create", fix)


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
            if quantity(used) >= QUOTA_WARNING * quantity(hard):
                full.append(f"{name} {used} of {hard}")
    if full:
        yield Finding("quota", Level.WARNING, f"nearly used up: {', '.join(full)}", "kubectl describe quota")
    else:
        yield Finding("quota", Level.OK, f"{len(quotas)} quotas, none nearly used up" if quotas else "none")


def _volume(kube: Kube, template: Template) -> Iterator[Finding]:
    claim, _ = claim_of(template.pod)
    found = kube.get("persistentvolumeclaims", claim)
    if found is None:
        yield Finding("volume", Level.BROKEN, f"claim {claim} does not exist", "bai-kit deploy")
        return
    phase, spec = found.get("status", {}).get("phase", "Pending"), found["spec"]
    storage_class, modes = spec.get("storageClassName", "none"), spec.get("accessModes", [])
    claimed = f"claim {claim}: {phase}, class {storage_class}, {', '.join(modes)}"
    if phase == "Bound" and ("ReadWriteMany" in modes or _nodes(kube) == 1):
        yield Finding("volume", Level.OK, claimed)
    elif phase == "Bound":
        fix = "bai-kit deploy --set bai.storage.accessMode=ReadWriteMany --set bai.storage.storageClass=CLASS"
        yield Finding("volume", Level.WARNING, f"{claimed}: all pods of a job must run on one node", fix)
    elif phase == "Pending" and _waits_for_pod(kube, storage_class):
        yield Finding("volume", Level.OK, f"{claimed}: bound with the first job")
    else:
        yield Finding("volume", Level.BROKEN, claimed, f"kubectl describe pvc {claim}")


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
