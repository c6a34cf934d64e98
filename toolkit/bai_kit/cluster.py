"""Dask clusters of a gateway in the same namespace: listed, looked at, dismissed."""

import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from bai_kit.errors import BaiKitError, SetupError, UsageError, WaitTimeout
from bai_kit.kube.api import Json, Kube
from bai_kit.kube.websocket import Channels

CLUSTER_LABEL = "gateway.dask.org/cluster"
GONE_S = 60.0


@dataclass(frozen=True, slots=True)
class Cluster:
    """A Dask cluster as Kubernetes knows it."""

    name: str
    """Name of the DaskCluster object."""
    namespace: str
    user: str
    phase: str
    """Pending, Running, Stopping, Stopped or Failed."""
    workers: int
    """Workers asked for."""
    created: datetime
    image: str

    @property
    def full_name(self) -> str:
        """The name that the gateway and its clients use."""
        return f"{self.namespace}.{self.name}"

    @property
    def is_active(self) -> bool:
        """Whether it has, or will have, pods."""
        return self.phase in {"Pending", "Running"}


def list_clusters(kube: Kube) -> list[Cluster]:
    """List the Dask clusters of a namespace, oldest first; ended ones too, as long as the gateway keeps them."""
    return sorted((_view(each) for each in kube.list("daskclusters")), key=lambda each: each.created)


def dismiss(kube: Kube, name: str) -> None:
    """Stop a Dask cluster and wait until its pods are gone.

    Args:
        kube: The gateway's namespace.
        name: The cluster's name, with or without the namespace in front.

    Raises:
        UsageError: there is no such cluster.
        WaitTimeout: it does not go.
    """
    short = name.rpartition(".")[2]
    # What the gateway's own API does when a client stops a cluster.
    if kube.patch("daskclusters", short, {"spec": {"active": False}}) is None:
        raise UsageError(f"no Dask cluster {name} in namespace {kube.namespace}", hint="bai-kit cluster list")
    begin = time.monotonic()
    while pods := kube.list("pods", labels=f"{CLUSTER_LABEL}={short}"):
        if time.monotonic() - begin > GONE_S:
            raise WaitTimeout(f"cluster {name}: {len(pods)} pods still there after {GONE_S:.0f} s")
        time.sleep(0.2)


def dashboard_link(kube: Kube, name: str | None, port: int) -> str:
    """Return a cluster's dashboard as seen through a port-forward; that of the only running one by default.

    Raises:
        UsageError: no such cluster runs, or several do and none is named.
    """
    running = [each for each in list_clusters(kube) if each.phase == "Running"]
    if name is not None:
        running = [each for each in running if name in {each.name, each.full_name}]
    if len(running) != 1:
        names = ", ".join(each.full_name for each in running) or "none"
        raise UsageError(f"which Dask cluster? running in {kube.namespace}: {names}", hint="bai-kit cluster list")
    return f"http://127.0.0.1:{port}/clusters/{running[0].full_name}/status"


def service_target(kube: Kube, service: str) -> tuple[str, int]:
    """Return a ready pod behind a service, and its port.

    Raises:
        SetupError: no such service, or nobody ready behind it.
    """
    found = kube.get("services", service)
    if found is None:
        raise SetupError(f"no service {service} in namespace {kube.namespace}", hint="bai-kit deploy")
    selector = ",".join(f"{key}={value}" for key, value in found["spec"]["selector"].items())
    wanted = found["spec"]["ports"][0]["targetPort"]
    for pod in kube.list("pods", labels=selector):
        conditions = {each["type"]: each["status"] for each in pod["status"].get("conditions", [])}
        ports = [port for container in pod["spec"]["containers"] for port in container.get("ports", [])]
        numbers = [port["containerPort"] for port in ports if wanted in {port.get("name"), port["containerPort"]}]
        if conditions.get("Ready") == "True" and (numbers or isinstance(wanted, int)):
            return pod["metadata"]["name"], numbers[0] if numbers else wanted
    raise SetupError(f"no ready pod behind service {service}", hint=f"kubectl -n {kube.namespace} get pods")


class Forward:
    """A local port whose connections end in a pod. Serves until it is closed."""

    def __init__(self, connect: Callable[[], Channels], port: int) -> None:
        self._connect = connect
        try:
            self._listener = socket.create_server(("127.0.0.1", port))
        except OSError as exc:
            raise SetupError(f"port {port} of this machine: {exc.strerror}", hint="--port ANOTHER") from exc
        self.port: int = self._listener.getsockname()[1]

    def serve(self) -> None:
        """Take connections until `close`."""
        while True:
            try:
                local, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._relay, args=(local,), daemon=True).start()

    def close(self) -> None:
        """Take no more connections."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _relay(self, local: socket.socket) -> None:
        try:
            with local, self._connect() as pod:
                threading.Thread(target=_send_all, args=(local, pod), daemon=True).start()
                opened: set[int] = set()
                for channel, data in pod:
                    if channel not in opened:  # the first frame of each channel only repeats the port's number
                        opened.add(channel)
                    elif channel == 0:
                        local.sendall(data)
        except (OSError, BaiKitError):  # one connection broke; the browser makes another
            return


def _send_all(local: socket.socket, pod: Channels) -> None:
    try:
        while data := local.recv(65536):
            pod.send(data)
        pod.close()
    except (OSError, BaiKitError):
        return


def _view(found: Json) -> Cluster:
    spec, status = found.get("spec", {}), found.get("status", {})
    stopping = spec.get("active") is False and status.get("phase", "Pending") in {"Pending", "Running"}
    return Cluster(
        name=found["metadata"]["name"],
        namespace=found["metadata"]["namespace"],
        user=spec.get("username", ""),
        phase="Stopping" if stopping else status.get("phase", "Pending"),
        workers=spec.get("replicas", 0),
        created=datetime.fromisoformat(found["metadata"]["creationTimestamp"]),
        image=str(spec.get("options", {}).get("image", "")),
    )
