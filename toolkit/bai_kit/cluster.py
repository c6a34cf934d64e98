"""List the Dask clusters of a namespace, dismiss one, and forward a local port to a dashboard."""

import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from bai_kit.errors import BaiKitError, SetupError, UsageError
from bai_kit.kube.api import Json, Kube
from bai_kit.kube.pods import wait_gone
from bai_kit.kube.websocket import Channels

CLUSTER_LABEL = "gateway.dask.org/cluster"


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
        """Return whether the cluster has pods or will have them soon."""
        return self.phase in {"Pending", "Running"}


def list_clusters(kube: Kube) -> list[Cluster]:
    """List the Dask clusters of a namespace, oldest first, including ended ones that the gateway still keeps."""
    return sorted(map(_view, kube.list("daskclusters")), key=lambda cluster: cluster.created)


def dismiss(kube: Kube, name: str) -> None:
    """Stop a Dask cluster and wait until its pods are gone.

    Args:
        kube: The gateway's namespace.
        name: The cluster's name, with or without the namespace in front.

    Raises:
        UsageError: no cluster has that name.
        WaitTimeout: its pods do not end.
    """
    short = name.rpartition(".")[2]
    # The gateway's API server does the same when a client stops a cluster.
    if kube.patch("daskclusters", short, {"spec": {"active": False}}) is None:
        raise UsageError(f"no Dask cluster {name} in namespace {kube.namespace}", hint="bai-kit cluster list")
    wait_gone(kube, f"{CLUSTER_LABEL}={short}")


def dashboard_link(kube: Kube, name: str | None, address: str) -> str:
    """Return the URL of a cluster's dashboard; of the only running cluster by default.

    Args:
        kube: The cluster's namespace.
        name: The cluster's name, with or without its namespace.
        address: Where the gateway's Traefik is reached, with its prefix and without a slash at the end.

    Raises:
        UsageError: no such cluster runs, or several run and none is named.
    """
    running = [cluster for cluster in list_clusters(kube) if cluster.phase == "Running"]
    chosen = [cluster for cluster in running if name is None or name in {cluster.name, cluster.full_name}]
    if len(chosen) == 1:
        return f"{address}/clusters/{chosen[0].full_name}/status"
    if name is not None:
        message = f"no Dask cluster {name} is running in namespace {kube.namespace}"
    elif running:
        names = ", ".join(cluster.full_name for cluster in running)
        message = f"namespace {kube.namespace} has several running Dask clusters, name one of them: {names}"
    else:
        message = f"no Dask cluster is running in namespace {kube.namespace}"
    raise UsageError(message, hint="bai-kit cluster list")


def service_target(kube: Kube, service: str) -> tuple[str, int]:
    """Return a ready pod behind a service, and its port.

    Raises:
        SetupError: the service does not exist, or has no ready pod.
    """
    found = kube.get("services", service)
    if found is None:
        raise SetupError(f"no service {service} in namespace {kube.namespace}", hint="bai-kit deploy")
    selector = ",".join(f"{key}={value}" for key, value in found["spec"]["selector"].items())
    wanted = found["spec"]["ports"][0]["targetPort"]
    for pod in kube.list("pods", labels=selector):
        conditions = {found["type"]: found["status"] for found in pod["status"].get("conditions", [])}
        ports = [port for container in pod["spec"]["containers"] for port in container.get("ports", [])]
        numbers = [port["containerPort"] for port in ports if wanted in {port.get("name"), port["containerPort"]}]
        if conditions.get("Ready") == "True" and (numbers or isinstance(wanted, int)):
            return pod["metadata"]["name"], numbers[0] if numbers else wanted
    raise SetupError(f"no ready pod behind service {service}", hint="kubectl get pods")


class Forward:
    """A local port that is forwarded to a port of a pod, until it is closed."""

    def __init__(self, connect: Callable[[], Channels], port: int) -> None:
        self._connect = connect
        try:
            self._listener = socket.create_server(("127.0.0.1", port))
        except OSError as exc:
            raise SetupError(
                f"cannot listen on port {port}: {exc.strerror}", hint="bai-kit cluster dashboard --port ANOTHER"
            ) from exc
        self.port: int = self._listener.getsockname()[1]

    def serve(self) -> None:
        """Accept connections until `close`."""
        while True:
            try:
                local, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._relay, args=(local,), daemon=True).start()

    def close(self) -> None:
        """Accept no further connections."""
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
        except (OSError, ValueError, BaiKitError):  # one connection broke; the browser opens another
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
