"""The permissions that the commands need, and which of them the user lacks: checked before a run and by the doctor."""

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
    ("list", "events", "", "", "reasons of a failed start"),
    ("get", "services", "", "", "cluster dashboard"),
    ("create", "pods", "", "portforward", "cluster dashboard"),
    ("list", "daskclusters", "gateway.dask.org", "", "cluster list"),
    ("patch", "daskclusters", "gateway.dask.org", "", "cluster dismiss"),
)
"""Verb, resource, API group, subresource, and the commands that need it."""


_INSTALLED = (
    *(("", name) for name in ("configmaps", "secrets", "serviceaccounts", "services", "persistentvolumeclaims")),
    ("apps", "deployments"),
    ("networking.k8s.io", "networkpolicies"),
    ("rbac.authorization.k8s.io", "roles"),
    ("rbac.authorization.k8s.io", "rolebindings"),
    ("traefik.io", "ingressroutes"),
)
"""API group and resource of the objects that both charts install, and of the Secrets that hold Helm's releases."""
DEPLOY_RIGHTS: tuple[Right, ...] = tuple(
    (verb, resource, group, "", "deploy") for group, resource in _INSTALLED for verb in ("create", "patch", "delete")
)


def lacking(kube: Kube, rights: Iterable[Right], command: str = "") -> list[Right]:
    """Return the permissions that the user lacks in the namespace.

    Args:
        kube: The namespace.
        rights: Which ones to check.
        command: Only those that this command needs.
    """
    return [
        right
        for right in rights
        for verb, resource, group, sub, commands in [right]
        if (not command or command in commands.split(", "))
        and not kube.can(verb, resource, group=group, subresource=sub)
    ]


def worded(right: Right) -> str:
    """Return a permission as `create jobs (run)`."""
    verb, resource, _, sub, commands = right
    return f"{verb} {_full(resource, sub)} ({commands})"


def grant(rights: Iterable[Right], namespace: str, user: str) -> Json:
    """Return a List with the Role of some permissions and the RoleBinding that grants them to a user. Pure."""
    verbs: dict[tuple[str, str], list[str]] = {}
    for verb, resource, group, sub, _ in rights:
        verbs.setdefault((group, _full(resource, sub)), []).append(verb)
    rules = [{"apiGroups": [group], "resources": [full], "verbs": allowed} for (group, full), allowed in verbs.items()]
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
    """Refuse a run that would fail because a permission or the volume is missing.

    Raises:
        SetupError: names every missing permission, or the claim.
    """
    if missing := lacking(kube, RIGHTS, "run"):
        words = ", ".join(worded(right) for right in missing)
        raise SetupError(f"no permission to {words} in namespace {kube.namespace}", hint="bai-kit doctor")
    found = kube.get("persistentvolumeclaims", claim)
    if found is None:
        raise SetupError(f"volume claim {claim} does not exist in namespace {kube.namespace}", hint="bai-kit deploy")
    if found.get("status", {}).get("phase") == "Lost":
        raise SetupError(f"volume claim {claim} has lost its volume", hint=f"kubectl describe pvc {claim}")
