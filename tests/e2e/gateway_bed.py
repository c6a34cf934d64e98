"""A release of the dask-gateway chart in a namespace of its own, and a pod there that uses it."""

import contextlib
import json
import secrets
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

CHART = Path(__file__).parents[2] / "charts" / "dask-gateway"
DASK = "gateway.dask.org/cluster"
RESTRICTED = "pod-security.kubernetes.io/enforce=restricted"
CONTEXT = {"runAsNonRoot": True, "runAsUser": 1000, "runAsGroup": 1000, "seccompProfile": {"type": "RuntimeDefault"}}
CONTAINER_CONTEXT = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}
PREAMBLE = """
import json, os, socket, sys, time
from dask_gateway import BasicAuth, Gateway
password = os.environ.get("DASK_GATEWAY_PASSWORD")
def gateway(user="eric"):
    return Gateway("http://traefik-dask-gateway", auth=BasicAuth(user, password))
def connects(host, port):
    try:
        socket.create_connection((host, port), 2).close()
    except OSError:
        return False
    return True
"""


def kubectl(*words: str, stdin: str | None = None, timeout: float = 120) -> str:
    """Run kubectl; an error carries what it said."""
    done = subprocess.run(
        ["kubectl", *words], input=stdin, capture_output=True, text=True, check=False, timeout=timeout
    )
    assert done.returncode == 0, f"kubectl {' '.join(words[:6])}: {done.stderr}{done.stdout}"
    return done.stdout


def until(true, what: str, seconds: float = 30) -> Any:
    """Wait until a condition holds; return what it returned."""
    end = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < end, f"no {what} within {seconds} s"
        time.sleep(0.2)
    return found


class Bed:
    """A namespace with a release of the chart, called dask-gateway, and a client pod."""

    def __init__(self, images: tuple[str, str], traefik_tag: str, prefix: str) -> None:
        self.namespace = f"{prefix}-gateway-{secrets.token_hex(3)}"
        registry, tag = images
        self.image = f"{registry}/bai:{tag}"
        self.values: dict[str, Any] = {
            "gateway": {
                "image": {"name": f"{registry}/gateway-server", "tag": tag},
                "backend": {
                    "image": {"name": f"{registry}/bai", "tag": tag},
                    "scheduler": {"cores": {"request": 0.05}},
                    "worker": {"cores": {"request": 0.05, "limit": 1}, "memory": {"request": "256 M"}},
                },
                "clusterOptions": {"workerCores": {"min": 0.01, "max": 64}, "idleTimeout": {"min": 3}},
            },
            "controller": {"completedClusterMaxAge": 20, "completedClusterCleanupPeriod": 2},
            "traefik": {"image": {"name": f"{registry}/traefik", "tag": traefik_tag}},
        }

    def make_namespace(self, name: str | None = None) -> None:
        kubectl("create", "namespace", name or self.namespace)
        kubectl("label", "namespace", name or self.namespace, RESTRICTED)

    def helm(self, *words: str, values: dict[str, Any] | None = None, timeout: float = 180) -> str:
        """Run helm in the namespace, with values on its standard input when given."""
        stdin = None if values is None else json.dumps(values)
        done = subprocess.run(
            ["helm", "--namespace", self.namespace, *words],
            input=stdin, capture_output=True, text=True, check=False, timeout=timeout,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr + done.stdout
        return done.stdout

    def install(self, *words: str, **more: Any) -> None:
        """Install or upgrade the release; wait until it is ready."""
        values = {**self.values, **more}
        command = ("upgrade", "--install", "dask-gateway", str(CHART), "--values", "-", "--wait", "--timeout", "120s")
        self.helm(*command, *words, values=values)

    def kubectl(self, *words: str, stdin: str | None = None) -> str:
        return kubectl("--namespace", self.namespace, *words, stdin=stdin)

    def names(self, kind: str, selector: str = DASK) -> list[str]:
        return self.kubectl("get", kind, "-l", selector, "-o", "name").split()

    def client(self, namespace: str | None = None) -> None:
        """Start the pod that uses the gateway, and wait for it."""
        container = {
            "name": "client",
            "image": self.image,
            "imagePullPolicy": "IfNotPresent",
            "command": ["sleep", "3600"],
            "env": [{"name": "HOME", "value": "/tmp"}],  # noqa: S108 - the pod's own
            "securityContext": CONTAINER_CONTEXT,
            "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}},
            "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108 - the pod's own
        }
        spec = {
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": 0,
            "securityContext": CONTEXT,
            "containers": [container],
            "volumes": [{"name": "tmp", "emptyDir": {}}],
        }
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "client"}, "spec": spec}
        where = namespace or self.namespace
        kubectl("--namespace", where, "apply", "-f", "-", stdin=yaml.safe_dump(pod))
        kubectl("--namespace", where, "wait", "--for=condition=Ready", "pod/client", "--timeout=60s")

    def python(self, code: str, namespace: str | None = None) -> Any:
        """Run code in the client pod; return what its last line of output says, as JSON."""
        words = ("exec", "client", "--", "python", "-W", "ignore", "-c", PREAMBLE + code)
        printed = kubectl("--namespace", namespace or self.namespace, *words, timeout=120)
        return json.loads(printed.strip().splitlines()[-1])

    def address(self, selector: str) -> str:
        """Return the address of the only pod with these labels."""
        return self.kubectl("get", "pods", "-l", selector, "-o", "jsonpath={.items[*].status.podIP}").strip()

    def left(self) -> list[str]:
        """What of clusters is there, but for the records of ended ones."""
        kinds = ("pods", "secrets", "services", "ingressroutes", "ingressroutetcps")
        return [name for kind in kinds for name in self.names(kind)]

    def wait_clean(self) -> None:
        until(lambda: not self.left(), f"clean {self.namespace}: {self.left()}")


@contextlib.contextmanager
def forwarded(bed: Bed, port: int) -> Iterator[str]:
    """Forward Traefik's port 80 to this machine, as the walkthrough does; yield the address."""
    words = ["kubectl", "-n", bed.namespace, "port-forward", "service/traefik-dask-gateway", f"{port}:80"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert "Forwarding" in process.stdout.readline()
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
