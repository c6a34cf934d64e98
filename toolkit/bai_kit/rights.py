"""What the commands ask of the Kubernetes API, and whether the user may: looked at before a run, and by the doctor."""

from bai_kit.errors import SetupError
from bai_kit.kube import Kube
from bai_kit.template import Template, claim_of

RIGHTS = (
    ("create", "jobs", "batch", "", "run"),
    ("get", "jobs", "batch", "", "run, status"),
    ("list", "jobs", "batch", "", "list"),
    ("patch", "jobs", "batch", "", "cancel"),
    ("delete", "jobs", "batch", "", "run, delete"),
    ("get", "pods", "", "", "run, logs"),
    ("list", "pods", "", "", "run, logs"),
    ("get", "pods", "", "log", "run, logs"),
    ("create", "pods", "", "", "run, results"),
    ("delete", "pods", "", "", "run, results"),
    ("create", "pods", "", "exec", "run, results"),
    ("list", "configmaps", "", "", "run"),
    ("get", "configmaps", "", "", "run"),
    ("get", "persistentvolumeclaims", "", "", "run"),
    ("list", "events", "", "", "why a job does not start"),
    ("get", "services", "", "", "cluster dashboard"),
    ("create", "pods", "", "portforward", "cluster dashboard"),
    ("list", "daskclusters", "gateway.dask.org", "", "cluster list"),
    ("patch", "daskclusters", "gateway.dask.org", "", "cluster dismiss"),
)
"""Verb, resource, API group, subresource, and the commands that need it."""


def missing_rights(kube: Kube, command: str = "") -> list[str]:
    """List the rights that the user lacks in the namespace, as `create jobs (run)`.

    Args:
        kube: The namespace.
        command: Only what this command needs.
    """
    return [
        f"{verb} {resource}{f'/{sub}' if sub else ''} ({commands})"
        for verb, resource, group, sub, commands in RIGHTS
        if (not command or command in commands.split(", "))
        and not kube.can(verb, resource, group=group, subresource=sub)
    ]


def check_rights_and_volume(kube: Kube, template: Template) -> None:
    """Refuse a run that would fail for want of a right or of the volume.

    Raises:
        SetupError: names every right that is missing, or the claim.
    """
    if missing := missing_rights(kube, "run"):
        raise SetupError(f"no right to {', '.join(missing)} in namespace {kube.namespace}", hint="bai-kit doctor")
    claim, _ = claim_of(template.pod)
    found = kube.get("persistentvolumeclaims", claim)
    if found is None:
        raise SetupError(f"volume claim {claim} is not in namespace {kube.namespace}", hint="bai-kit deploy")
    if found.get("status", {}).get("phase") == "Lost":
        raise SetupError(f"volume claim {claim} has lost its volume", hint=f"kubectl describe pvc {claim}")
