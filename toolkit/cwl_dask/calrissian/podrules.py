"""Which pods the runner may create: those of its own job's steps, without rights of their own.

Whoever takes over the runner's process can send any pod to the relay; these rules need no right on cluster-scoped
objects, unlike the chart's admission policy, which has the same rules.
"""

from dataclasses import dataclass
from typing import Any

_KINDS = {"emptyDir", "downwardAPI", "configMap", "persistentVolumeClaim", "secret"}
"""Kinds of volumes that a step's pod may have; claims and Secrets only those that the rules name."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What the pods of one job's steps may use."""

    job: str
    """The job's name: the label `bai-kit/job`, and the folder of the volume."""
    account: str
    """The steps' service account."""
    work: str
    """The claim that all jobs share; a pod mounts only its job's folder."""
    claims: tuple[str, ...] = ()
    """Other claims."""
    secrets: tuple[str, ...] = ()


def problem_of(pod: Any, rules: Rules) -> str | None:
    """Return why a pod may not be created, or None if it may.

    Args:
        pod: the pod as the Kubernetes API takes it.
        rules: the limits.
    """
    try:
        return next((problem for problem, found in _problems(pod, rules) if found), None)
    except (AttributeError, KeyError, TypeError):
        return "the pod has not the form of a step's pod"


def _problems(pod: Any, rules: Rules) -> list[tuple[str, bool]]:
    spec = pod["spec"]
    containers = [*spec["containers"], *(spec.get("initContainers") or [])]
    volumes = spec.get("volumes") or []
    mounts = [mount for container in containers for mount in container.get("volumeMounts") or []]
    shared = {volume["name"] for volume in volumes if _claim(volume) == rules.work}
    return [
        ("the pod belongs to another job", pod["metadata"]["labels"]["bai-kit/job"] != rules.job),
        (
            f"the pod must use the service account {rules.account}, without its token",
            spec["serviceAccountName"] != rules.account or spec["automountServiceAccountToken"] is not False,
        ),
        (
            "the pod may not share a namespace of its node",
            any(spec.get(key) for key in ("hostNetwork", "hostPID", "hostIPC")),
        ),
        ("a volume of the pod is not allowed", not all(_is_allowed(volume, rules) for volume in volumes)),
        (
            "the pod may mount its job's folder of the volume only",
            any(mount["name"] in shared and mount["subPath"].split("/")[0] != rules.job for mount in mounts),
        ),
        (
            "the pod reads a Secret that is not the gateway's",
            not all(_reads(container, rules) for container in containers),
        ),
        ("a container of the pod has privileges", not all(_is_restricted(container) for container in containers)),
        ("the pod may not have ephemeral containers", bool(spec.get("ephemeralContainers"))),
    ]


def _claim(volume: Any) -> str | None:
    name: str | None = (volume.get("persistentVolumeClaim") or {}).get("claimName")
    return name


def _is_allowed(volume: Any, rules: Rules) -> bool:
    kinds = volume.keys() - {"name"}
    if not kinds <= _KINDS:
        return False
    claims, secrets = {rules.work, *rules.claims}, set(rules.secrets)
    return not (
        ("persistentVolumeClaim" in kinds and _claim(volume) not in claims)
        or ("secret" in kinds and volume["secret"]["secretName"] not in secrets)
    )


def _reads(container: Any, rules: Rules) -> bool:
    """Return True if a container reads only Secrets that the rules name."""
    sources = [entry.get("valueFrom") or {} for entry in container.get("env") or []]
    names = [source["secretKeyRef"]["name"] for source in sources if "secretKeyRef" in source]
    return not container.get("envFrom") and set(names) <= set(rules.secrets)


def _is_restricted(container: Any) -> bool:
    security = container["securityContext"]
    capabilities = security["capabilities"]
    return (
        security["allowPrivilegeEscalation"] is False
        and not security.get("privileged")
        and "ALL" in capabilities["drop"]
        and not capabilities.get("add")
    )
