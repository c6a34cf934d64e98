"""A step's pod, from what Calrissian makes of it to what may run anywhere: pure changes of a dictionary.

Pod Security `restricted`, no token, owned by the runner's pod, labelled as everything of the job.
"""

import json
import re
from dataclasses import dataclass
from typing import Any, Self

from cwl_dask.core.gateway import SECRETS

Pod = dict[str, Any]
"""A pod as the Kubernetes API takes it (camelCase)."""

PART_OF = "app.kubernetes.io/part-of"
JOB_LABELS = (PART_OF, "bai-kit/job", "bai-kit/release")
STEP_LABEL = "bai-kit/step"
GATEWAY_FILE = "/etc/dask/gateway.yaml"
GRACE_S = 2
"""Grace period of a step's pod in seconds; short, because the shell that runs the step ignores SIGTERM."""
NAME_LENGTH = 63
"""Largest number of characters of a label's value, a container's name and a pod's host name."""


@dataclass(frozen=True, slots=True)
class Runner:
    """What the step pods take over from the runner's own pod."""

    name: str
    uid: str
    labels: dict[str, str]
    """Those of contract 7 that the runner's pod has."""
    pull_secrets: tuple[str, ...] = ()
    secret_variables: tuple[dict[str, Any], ...] = ()
    """Environment entries (name, valueFrom) that refer to Secrets."""

    @classmethod
    def from_pod(cls, pod: Any) -> Self:
        """Take it from the `V1Pod` that Calrissian reads anyway; its first container is the runner."""
        entries = []
        for entry in pod.spec.containers[0].env or []:
            ref = entry.value_from and entry.value_from.secret_key_ref
            if entry.name in SECRETS.values() and ref:
                source = {"name": ref.name, "key": ref.key, "optional": bool(ref.optional)}
                entries.append({"name": entry.name, "valueFrom": {"secretKeyRef": source}})
        labels = pod.metadata.labels or {}
        return cls(
            name=pod.metadata.name,
            uid=pod.metadata.uid,
            labels={key: labels[key] for key in JOB_LABELS if key in labels},
            pull_secrets=tuple(secret.name for secret in pod.spec.image_pull_secrets or []),
            secret_variables=tuple(entries),
        )


def adopt(pod: Pod, runner: Runner, step: str) -> None:
    """Give a step's pod the runner's pod as its owner, labels, pull secrets, and names that Kubernetes takes.

    Args:
        pod: the step's pod, changed in place.
        runner: the runner's own pod.
        step: the step's name in the workflow.
    """
    metadata, spec = pod["metadata"], pod["spec"]
    stem, _, tag = metadata["name"].rpartition("-")
    metadata["name"] = f"{safe_name(stem, NAME_LENGTH - 1 - len(tag))}-{tag}"
    metadata["labels"] = {**metadata.get("labels", {}), **runner.labels, STEP_LABEL: safe_name(step)}
    metadata["ownerReferences"] = [{"apiVersion": "v1", "kind": "Pod", "name": runner.name, "uid": runner.uid}]
    for container in _containers(pod):
        container["name"] = safe_name(container["name"])
    if runner.pull_secrets:
        spec["imagePullSecrets"] = [{"name": name} for name in runner.pull_secrets]


def restrict(pod: Pod, *, read_only: bool = True) -> None:
    """Make the pod comply with Pod Security `restricted`, and remove fields that a step does not need.

    Args:
        pod: the step's pod, changed in place; `/tmp` and the output folder are volumes already.
        read_only: False for images that write to their own file system (`--no-read-only`).
    """
    spec = pod["spec"]
    security = spec.setdefault("securityContext", {})
    root = security.get("runAsUser") == 0  # the step has the runner's user, and some platforms run runners as root
    security.update(runAsNonRoot=not root, seccompProfile={"type": "RuntimeDefault"})
    spec.update(automountServiceAccountToken=False, enableServiceLinks=False, terminationGracePeriodSeconds=GRACE_S)
    for container in _containers(pod):
        container["securityContext"] = {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": read_only,
            "capabilities": {"drop": ["ALL"]},
        }
    resources = spec["containers"][0]["resources"]  # the requests are CWL's maxima
    resources.setdefault("limits", {})["memory"] = resources["requests"]["memory"]


def configure(pod: Pod, settings: dict[str, Any]) -> None:
    """Apply the platform's settings for the pods of steps; they win over those of the package.

    Args:
        pod: the step's pod, changed in place.
        settings: `spec` and `securityContext` of the pod, and `container`: lists are added to the pod's own, mappings
            merged. Keys of Kubernetes, as in a pod's manifest.
    """
    container = dict(settings.get("container", {}))
    names = {entry["name"] for entry in container.get("env", ())}
    for existing in pod["spec"]["containers"]:
        existing["env"] = [entry for entry in existing.get("env", []) if entry["name"] not in names]
        _merge(existing, container)
    for existing in pod["spec"].get("initContainers", []):
        _merge(existing, {key: value for key, value in container.items() if key == "securityContext"})
    _merge(pod["spec"], settings.get("spec", {}))
    if security := settings.get("securityContext"):
        # The settings say which user, if any: Calrissian's own, the runner's, is refused where a cluster chooses users.
        own = pod["spec"].get("securityContext") or {}
        kept = {key: value for key, value in own.items() if key not in {"runAsUser", "runAsGroup", "fsGroup"}}
        pod["spec"]["securityContext"] = kept | security


def _merge(target: dict[str, Any], more: dict[str, Any]) -> None:
    for key, value in more.items():
        if isinstance(value, dict):
            target[key] = {**(target.get(key) or {}), **value}
        elif isinstance(value, list):
            own = target.get(key) or []
            target[key] = [*own, *(entry for entry in value if entry not in own)]
        else:
            target[key] = value


def ask(pod: Pod, cores: float | None) -> None:
    """Request only `coresMin` for the step's pod if the step states it, so that workers find room on the same node.

    The memory request stays at the maximum, so that Kubernetes never kills a step to free memory for another one.

    Args:
        pod: the step's pod, changed in place; Calrissian asks for CWL's maxima.
        cores: `coresMin`.
    """
    if cores:
        pod["spec"]["containers"][0]["resources"]["requests"]["cpu"] = str(cores)


def connect(pod: Pod, gateway: dict[str, Any], runner: Runner) -> None:
    """Give the step its Dask Gateway: `/etc/dask/gateway.yaml`, and the password from its Secret.

    The file is an annotation of the pod itself: no ConfigMap to create, nothing to clean up.

    Args:
        pod: the step's pod, changed in place.
        gateway: the step's section `gateway` of Dask's configuration; secrets in it are left out of the pod.
        runner: the runner's own pod.
    """
    spec, container = pod["spec"], pod["spec"]["containers"][0]
    pod["metadata"].setdefault("annotations", {})["gateway.yaml"] = json.dumps(
        {"gateway": without_secrets(gateway)}
    )  # JSON is YAML
    item = {"path": "gateway.yaml", "fieldRef": {"fieldPath": "metadata.annotations['gateway.yaml']"}}
    spec["volumes"].append({"name": "cwl-dask-gateway", "downwardAPI": {"items": [item]}})
    container["volumeMounts"].append(
        {"name": "cwl-dask-gateway", "mountPath": GATEWAY_FILE, "subPath": "gateway.yaml", "readOnly": True}
    )
    container["env"].extend(runner.secret_variables)


def without_secrets(section: dict[str, Any]) -> dict[str, Any]:
    """Return the section `gateway` with the names of environment variables in place of secrets."""
    arguments = section["auth"]["kwargs"]
    hidden = {name: f"{{{variable}}}" for name, variable in SECRETS.items() if name in arguments}
    return {**section, "auth": {**section["auth"], "kwargs": arguments | hidden}}


def safe_name(name: str, length: int = NAME_LENGTH) -> str:
    """Make a DNS label of a name: lower case, digits and `-`, not at the ends, at most `length` characters."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:length].strip("-") or "step"


def _containers(pod: Pod) -> list[dict[str, Any]]:
    return [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]
