"""Stand-ins for what cannot be started here: a Kubernetes API with objects and logs, and a pod that has the volume."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from bai_kit.errors import ConnectionLost, NotOnVolume, RemoteError
from bai_kit.job import volume_script
from bai_kit.job.volume import Volume


class FakeKube:
    """Objects by kind and name; logs by pod. `hooks[(verb, kind)]` runs after a call, to let the world move on."""

    def __init__(self, *objects, namespace="ns"):
        self.namespace = namespace
        self.objects = {}
        self.logs = {}
        self.forbidden = set()
        self.groups = {"gateway.dask.org", "traefik.io"}
        self.hooks = {}
        self.calls = []
        for kind, manifest in objects:
            self.objects[kind, manifest["metadata"]["name"]] = manifest

    def _called(self, verb, kind):
        self.calls.append((verb, kind))
        if hook := self.hooks.get((verb, kind)):
            hook(self)

    def get(self, kind, name):
        self._called("get", kind)
        return self.objects.get((kind, name))

    def list(self, kind, *, labels="", fields=""):
        self._called("list", kind)
        wanted = [label.partition("=") for label in labels.split(",") if label]
        return [
            manifest
            for (its, _), manifest in self.objects.items()
            for has in [manifest["metadata"].get("labels", {})]
            if its == kind and all(key in has and (not eq or has[key] == value) for key, eq, value in wanted)
        ]

    def create(self, kind, body):
        body["metadata"] |= {"uid": "u1", "creationTimestamp": "2026-11-22T10:00:00Z"}
        self.objects[kind, body["metadata"]["name"]] = {"status": {}} | body
        self._called("create", kind)
        return body

    def patch(self, kind, name, body):
        self._called("patch", kind)
        if found := self.objects.get((kind, name)):
            found["metadata"].setdefault("annotations", {}).update(body.get("metadata", {}).get("annotations", {}))
            found.setdefault("spec", {}).update(body.get("spec", {}))
        return found

    def delete(self, kind, name, *, grace_s=None):
        self._called("delete", kind)
        return self.objects.pop((kind, name), None) is not None

    def can(self, verb, resource, *, group="", subresource=""):
        return (verb, resource) not in self.forbidden

    def has_group(self, group):
        return group in self.groups

    def log(self, pod, container, *, since="", follow=True):
        self._called("log", pod)
        yield from self.logs.get(pod, [])


class LocalVolume(Volume):
    """The volume with the real script as a real process; transfers can break after so many bytes."""

    def __init__(self, root: Path, *, breaks_after=()):
        object.__setattr__(self, "kube", None)
        object.__setattr__(self, "pod", "p")
        self.root, self.breaks_after = root, list(breaks_after)

    __setattr__ = object.__setattr__

    def run(self, *words: str, stdin: bytes = b"") -> tuple[int, bytes, bytes]:
        command = [sys.executable, volume_script.__file__, *words]
        env = os.environ | {"BAI_KIT_VOLUME": str(self.root)}
        done = subprocess.run(command, input=stdin, capture_output=True, env=env, check=False, timeout=30)
        return done.returncode, done.stdout, done.stderr

    def _text(self, *words, stdin=None):
        code, out, said = self.run(*words, stdin=b"".join(stdin or ()))
        if code:
            raise (NotOnVolume if code == volume_script.NOT_FOUND else RemoteError)(said.decode())
        return out.decode()

    def send(self, job: str, offset: int, *options: str) -> Iterator[tuple[int, bytes]]:
        code, out, said = self.run("send", job, str(offset), *options)
        if self.breaks_after:
            yield 1, out[: self.breaks_after.pop(0)]
            raise ConnectionLost("the connection to the pod broke: reset")
        for start in range(0, len(out), 65536):
            yield 1, out[start : start + 65536]
        yield 2, said
        if code:
            raise RemoteError("pod p: command terminated with non-zero exit code")


def job_object(name="bai-1", *, conditions=(), annotations=None, active=0, release="bai"):
    labels = {"app.kubernetes.io/part-of": "bai-kit", "bai-kit/job": name, "bai-kit/release": release}
    metadata = {"name": name, "uid": "u1", "labels": labels, "annotations": annotations or {}}
    metadata["creationTimestamp"] = "2026-11-22T10:00:00Z"
    found = [
        {"type": kind, "status": "True", "reason": reason, "message": "", "lastTransitionTime": "2026-11-22T10:01:00Z"}
        for kind, reason in conditions
    ]
    return {"metadata": metadata, "spec": {}, "status": {"conditions": found, "active": active}}


def pod_object(name="bai-1-x", job="bai-1", *, exit_code=None, running=False, reason="Error", **status):
    labels = {"app.kubernetes.io/part-of": "bai-kit", "bai-kit/job": job, "bai-kit/release": "bai"}
    labels["batch.kubernetes.io/job-name"] = job
    state = {"running": {}} if running else {"waiting": {"reason": "ContainerCreating"}}
    if exit_code is not None:
        state = {"terminated": {"exitCode": exit_code, "reason": reason}}
    status = {"phase": "Pending", "containerStatuses": [{"name": "runner", "state": state}]} | status
    metadata = {"name": name, "labels": labels, "creationTimestamp": "2026-11-22T10:00:01Z"}
    return {"metadata": metadata, "spec": {"containers": [{"env": []}]}, "status": status}


def job_template():
    mounts = [{"name": "work", "mountPath": "/calrissian", "subPath": "JOB"}, {"name": "job", "mountPath": "/job"}]
    runner = {"name": "runner", "image": "reg/runner:1", "volumeMounts": mounts}
    runner["args"] = ["--max-cores=4", "/package/app-package.json", "/job/params.json"]
    runner["env"] = [{"name": "USER", "value": "ns.bai"}]
    params = {"path": "params.json", "fieldRef": {"fieldPath": "metadata.annotations['bai-kit/params']"}}
    volumes = [
        {"name": "work", "persistentVolumeClaim": {"claimName": "bai-data"}},
        {"name": "package", "configMap": {"name": "bai-package"}},
        {"name": "job", "downwardAPI": {"items": [params]}},
    ]
    pod = {
        "containers": [runner],
        "volumes": volumes,
        "securityContext": {"runAsUser": 1000},
        "serviceAccountName": "r",
    }
    return {"metadata": {"name": "bai"}, "spec": {"backoffLimit": 0, "template": {"metadata": {}, "spec": pod}}}
