"""The Job as the release describes it: read from the cluster by `load_template`, completed for one run by `fill`."""

import copy
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bai_kit.errors import SetupError, UsageError
from bai_kit.kube.api import Json, Kube

PART_OF = "app.kubernetes.io/part-of=bai-kit"
JOB_LABEL = "bai-kit/job"
RELEASE_LABEL = "bai-kit/release"
STEP_LABEL = "bai-kit/step"
PARAMS = "bai-kit/params"
PACKAGE = "bai-kit/package"
CANCELLED = "bai-kit/cancelled"
"""Annotation with the time at which somebody asked to cancel the job."""
NUDGED = "bai-kit/nudged"
"""Annotation with the time at which a command last asked for a pod that a quota had refused."""

RUNNER = "runner"
"""Name of the runner's container."""
LONGEST_NAME = 50
"""Characters of a job's name: step pods and helper pods add to it, and 63 is Kubernetes' limit."""
LARGEST_ANNOTATIONS = 256 * 1024
"""Bytes of all annotations of an object together (apimachinery, TotalAnnotationSizeLimitB)."""
ROOM_S = 3600.0
"""The chart's default of `runner.pendingSeconds`."""
SUB_PATH = "JOB"
"""Stands for the job's name in the template, where a pod mounts the job's own folder of the volume."""
_KEY = "job.json"
_PACKAGE_FILE = "app-package.json"


@dataclass(frozen=True, slots=True)
class Template:
    """What a release installed for its jobs."""

    release: str
    """Helm release of bai-chart."""
    job: Json
    """The Job without its name and inputs."""
    package: Json | None
    """The release's own application package; None when its ConfigMap cannot be read."""

    @property
    def pod(self) -> Json:
        """The pod's specification."""
        return _pod(self.job)

    @property
    def room_s(self) -> float:
        """Seconds that a pod may wait for room on a node, as the release's values say (`runner.pendingSeconds`)."""
        return float(self._variable("CWL_DASK_PENDING_SECONDS") or ROOM_S)

    @property
    def gateway_user(self) -> str | None:
        """The name by which the release's runners sign in at the gateway."""
        return self._variable("USER")

    def _variable(self, name: str) -> str | None:
        env = self.pod["containers"][0].get("env", [])
        return next((variable.get("value") for variable in env if variable["name"] == name), None)


def load_template(kube: Kube, release: str | None = None) -> Template:
    """Read the Job that a release installed.

    Args:
        kube: The release's namespace.
        release: The release's name; None takes the only one in the namespace.

    Raises:
        SetupError: the release is not installed in this namespace.
        UsageError: the namespace has several releases, and none is named.
    """
    found = {
        stored["metadata"]["labels"].get("app.kubernetes.io/instance", ""): stored
        for stored in kube.list("configmaps", labels=PART_OF)
        if _KEY in stored.get("data", {})
    }
    if release is None and len(found) > 1:
        raise UsageError(
            f"namespace {kube.namespace} has several releases: {', '.join(sorted(found))}", hint="--release NAME"
        )
    if not found or (release is not None and release not in found):
        which = f"release {release} of bai-chart" if release else "bai-chart"
        raise SetupError(f"{which} is not installed in namespace {kube.namespace}", hint="bai-kit deploy")
    name = release or next(iter(found))
    job = json.loads(found[name]["data"][_KEY])
    return Template(release=name, job=job, package=_release_package(kube, job))


def new_name(template: Template, *, room: int = 0) -> str:
    """Return a new job's name: the release, the time in UTC, and four random letters; `room` characters may follow."""
    prefix = template.release[: LONGEST_NAME - 21 - room].rstrip("-")
    return f"{prefix}-{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def check_name(name: str) -> str:
    """Return a job's name if Kubernetes, the volume and step pods accept it.

    Raises:
        UsageError: the name is invalid.
    """
    if len(name) > LONGEST_NAME or not re.fullmatch(r"[a-z]([-a-z0-9]*[a-z0-9])?", name):
        rule = f"at most {LONGEST_NAME} of a-z, 0-9 and -, beginning with a letter"
        raise UsageError(f"{name[:80]!r} is not a valid job name: {rule}")
    return name


def fill(
    template: Template,
    name: str,
    inputs: Mapping[str, Any],
    *,
    package: Json | None = None,
    timeout_s: int | None = None,
) -> Json:
    """Return the Job of one run.

    Args:
        template: What the release installed.
        name: The job's name.
        inputs: The CWL inputs, checked.
        package: Another application package than the release's.
        timeout_s: Seconds after which Kubernetes ends the job.

    Raises:
        UsageError: inputs and package are too large to travel with the Job.
    """
    job = copy.deepcopy(template.job)
    notes = {PARAMS: json.dumps(inputs)} | ({PACKAGE: json.dumps(package)} if package else {})
    size = sum(len(key) + len(value.encode()) for key, value in notes.items())
    if size > LARGEST_ANNOTATIONS - 4096:
        raise UsageError(f"inputs and package have {size} bytes; the limit of a job is {LARGEST_ANNOTATIONS}")
    labels = {"app.kubernetes.io/part-of": "bai-kit", JOB_LABEL: name, RELEASE_LABEL: template.release}
    for metadata in (job["metadata"], job["spec"]["template"].setdefault("metadata", {})):
        metadata["labels"] = metadata.get("labels", {}) | labels
        metadata["annotations"] = metadata.get("annotations", {}) | notes
    job["metadata"]["name"] = name
    job["metadata"].pop("generateName", None)
    if timeout_s is not None:
        job["spec"]["activeDeadlineSeconds"] = timeout_s
    pod = _pod(job)
    for container in (*pod.get("initContainers", []), *pod["containers"]):
        for mount in container["volumeMounts"]:
            if mount.get("subPath") == SUB_PATH:
                mount["subPath"] = name
    if package:
        _use_own_package(pod)
    return job


def claim_of(pod: Json) -> tuple[str, str]:
    """Return the name of the pod's volume claim and the path at which its first container mounts it."""
    volume = next(found for found in pod["volumes"] if "persistentVolumeClaim" in found)
    mount = next(found for found in pod["containers"][0]["volumeMounts"] if found["name"] == volume["name"])
    return volume["persistentVolumeClaim"]["claimName"], mount["mountPath"]


def _pod(job: Json) -> Json:
    spec: Json = job["spec"]["template"]["spec"]
    return spec


def _use_own_package(pod: Json) -> None:
    """Let the runner read the package from the Job's annotation instead of from the release's ConfigMap."""
    items = next(volume["downwardAPI"]["items"] for volume in pod["volumes"] if "downwardAPI" in volume)
    if all(item["path"] != _PACKAGE_FILE for item in items):
        items.append({"path": _PACKAGE_FILE, "fieldRef": {"fieldPath": f"metadata.annotations['{PACKAGE}']"}})
    runner = pod["containers"][0]
    runner["args"] = [
        f"/job/{_PACKAGE_FILE}" if word == f"/package/{_PACKAGE_FILE}" else word for word in runner["args"]
    ]


def _release_package(kube: Kube, job: Json) -> Json | None:
    """Read the application package from the ConfigMap that the Job mounts."""
    for volume in _pod(job)["volumes"]:
        if "configMap" in volume:
            found = kube.get("configmaps", volume["configMap"]["name"])
            text = (found or {}).get("data", {}).get(_PACKAGE_FILE)
            if text:
                package: Json = json.loads(text)
                return package
    return None
