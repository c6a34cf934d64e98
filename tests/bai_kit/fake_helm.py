"""A fake of Helm for `deploy`: it keeps releases with revisions and applies objects to a FakeKube."""

from bai_kit.errors import ValuesError
from bai_kit.release.helm import Revision

PLURAL = {"Deployment": "deployments", "PersistentVolumeClaim": "persistentvolumeclaims"}


class FakeHelm:
    """Remembers every revision of every release; `objects[release]` is what its chart makes; `fails` raise at install."""

    def __init__(self, kube, objects=None):
        self.kube, self.namespace, self.objects = kube, kube.namespace, objects or {}
        self.history, self.fails, self.calls, self.charts, self.labels = {}, {}, [], {}, {}

    def render(self, release, chart, values):
        if "bad" in values:
            raise ValuesError(f"additional properties '{values['bad']}' not allowed")
        return self.objects.get(release, [])

    def preview(self, release, chart, values):
        return Revision(release, 0, "pending-install", tuple(values.get("objects", ())))

    def current(self, release):
        return self.history[release][-1] if self.history.get(release) else None

    def last_deployed(self, release):
        return max(
            (revision.number for revision in self.history.get(release, []) if revision.status == "deployed"),
            default=None,
        )

    def releases(self):
        return {name: self.charts.get(name, "bai-chart-0.1.0") for name in self.history}

    def is_labelled(self, release, label):
        return self.labels.get(release) == label

    def install(self, release, chart, values, *, timeout_s=300, label=""):
        self.calls.append(("install", release))
        self.labels[release] = label
        if release in self.fails:
            self._add(release, "failed")
            raise self.fails[release]
        for manifest in self.objects.get(release, []):
            self.kube.objects.setdefault((PLURAL[manifest["kind"]], manifest["metadata"]["name"]), manifest)
        return self._add(release, "deployed")

    def rollback(self, release, number):
        self.calls.append(("rollback", release, number))
        self._add(release, "deployed")

    def uninstall(self, release, *, no_hooks=False):
        self.calls.append(("uninstall", release, *(["no hooks"] if no_hooks else [])))
        self.history.pop(release, None)

    def _add(self, release, status):
        revisions = self.history.setdefault(release, [])
        revisions.append(Revision(release, len(revisions) + 1, status, tuple(self.objects.get(release, []))))
        return revisions[-1]


def deployment(name="api", *, available=1, updated=1, replicas=1, conditions=()):
    status = {"availableReplicas": available, "updatedReplicas": updated, "replicas": replicas, "observedGeneration": 1}
    status["conditions"] = [{"type": kind, "status": "True", "message": text} for kind, text in conditions]
    spec = {"replicas": 1, "selector": {"matchLabels": {"app": name}}}
    return {"kind": "Deployment", "metadata": {"name": name, "generation": 1}, "spec": spec, "status": status}


def claim(name="bai-data", phase="Bound", release="bai"):
    labels = {"app.kubernetes.io/part-of": "bai-kit", "bai-kit/release": release}
    return {
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "labels": labels},
        "spec": {},
        "status": {"phase": phase},
    }


def pod(name="api-1", app="api", *, waiting=None, ready=False):
    state = {"waiting": {"reason": waiting, "message": "because"}} if waiting else {"running": {}}
    status = {"phase": "Running", "conditions": [{"type": "Ready", "status": str(ready)}]}
    status["containerStatuses"] = [{"name": "main", "ready": ready, "state": state}]
    return {"metadata": {"name": name, "labels": {"app": app}}, "status": status}


def event(name, reason, message):
    return {
        "metadata": {"name": f"{name}.{reason}"},
        "involvedObject": {"name": name},
        "reason": reason,
        "message": message,
    }
