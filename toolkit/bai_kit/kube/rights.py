"""What the commands ask of the Kubernetes API, and whether the user may: looked at before a run, and by the doctor."""

from collections.abc import Iterable

from bai_kit.errors import SetupError
from bai_kit.kube.api import Json, Kube

Right = tuple[str, str, str, str, str]
RIGHTS: tuple[Right, ...] = (
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
    return [told(each) for each in lacking(kube, command)]


def told(right: Right) -> str:
    """Say a right, as `create jobs (run)`."""
    verb, resource, _, sub, commands = right
    return f"{verb} {_full(resource, sub)} ({commands})"


def lacking(kube: Kube, command: str = "") -> list[Right]:
    """Return the rows of `RIGHTS` that the user lacks; arguments as above."""
    return [
        (verb, resource, group, sub, commands)
        for verb, resource, group, sub, commands in RIGHTS
        if (not command or command in commands.split(", "))
        and not kube.can(verb, resource, group=group, subresource=sub)
    ]


def grant(rights: Iterable[Right], namespace: str, user: str) -> Json:
    """Make the Role with some rights and the RoleBinding that gives them to a user, as one List. Pure."""
    verbs: dict[tuple[str, str], list[str]] = {}
    for verb, resource, group, sub, _ in rights:
        verbs.setdefault((group, _full(resource, sub)), []).append(verb)
    rules = [{"apiGroups": [group], "resources": [full], "verbs": each} for (group, full), each in verbs.items()]
    api, metadata = "rbac.authorization.k8s.io", {"name": "bai-kit-user", "namespace": namespace}
    subject = {"apiGroup": api, "kind": "User", "name": user}
    role = {"apiVersion": f"{api}/v1", "kind": "Role", "metadata": metadata, "rules": rules}
    binding = {
        "apiVersion": f"{api}/v1",
        "kind": "RoleBinding",
        "metadata": metadata,
        "roleRef": {"apiGroup": api, "kind": "Role", "name": metadata["name"]},
        "subjects": [subject],
    }
    return {"apiVersion": "v1", "kind": "List", "items": [role, binding]}


def _full(resource: str, subresource: str) -> str:
    return f"{resource}/{subresource}" if subresource else resource


def check_rights_and_volume(kube: Kube, claim: str) -> None:
    """Refuse a run that would fail for want of a right or of the volume.

    Raises:
        SetupError: names every right that is missing, or the claim.
    """
    if missing := missing_rights(kube, "run"):
        raise SetupError(f"no right to {', '.join(missing)} in namespace {kube.namespace}", hint="bai-kit doctor")
    found = kube.get("persistentvolumeclaims", claim)
    if found is None:
        raise SetupError(f"volume claim {claim} is not in namespace {kube.namespace}", hint="bai-kit deploy")
    if found.get("status", {}).get("phase") == "Lost":
        raise SetupError(f"volume claim {claim} has lost its volume", hint=f"kubectl describe pvc {claim}")
