"""What charts/dask-gateway's values say of the way in and of the network: Traefik, policies, metrics."""

from typing import Annotated, Any, Literal

from pydantic import Field

from charts.schema.gateway_pods import Image, PodDisruptionBudget, PodSettings, Probe
from charts.schema.model import Labels, Model, Objects, ResourceAmounts, Resources


class TraefikImage(Image):
    """Traefik's image."""

    name: str = "docker.io/traefik"
    """Repository."""
    tag: str = "v3.7.15"
    """Tag of a Traefik from 3.4 on, below 4."""


class WebPort(Model):
    """The port of API and dashboards."""

    port: Annotated[int, Field(ge=1, le=65535)] = 80
    """Port of API and dashboards."""
    node_port: Annotated[int, Field(ge=0, le=65535)] | None = None
    """Its node port, for service types that have one."""


class TcpPort(Model):
    """The port of the connections to schedulers."""

    port: Annotated[int, Field(ge=1, le=65535)] | Literal["web"] = "web"
    """Port of the connections to schedulers; `web` shares the one above."""
    node_port: Annotated[int, Field(ge=0, le=65535)] | None = None
    """Its node port, for service types that have one."""


class TraefikPorts(Model):
    """Ports of Traefik's Service."""

    web: WebPort = WebPort()
    tcp: TcpPort = TcpPort()


class TraefikService(Model):
    """Traefik's Service, traefik-FULLNAME."""

    type: Literal["ClusterIP", "NodePort", "LoadBalancer"] = "ClusterIP"
    """Type; LoadBalancer leaves `helm install --wait` waiting where nothing gives out addresses."""
    annotations: Labels = {}
    """Annotations of the Service."""
    spec: dict[str, Any] = {}
    """More of the Service's spec."""
    ports: TraefikPorts = TraefikPorts()


class TraefikTls(Model):
    """HTTPS on Traefik's entry point."""

    enabled: bool = False
    """Serve HTTPS instead of HTTP. Dask's own connections are encrypted either way."""
    secret_name: str = ""
    """Secret of type kubernetes.io/tls with the certificate; required when enabled."""


class Entrypoints(Model):
    """Names of the entry points of a Traefik that is not this chart's."""

    web: str = "web"
    """Entry point of the API and the dashboards."""
    tcp: str = "web"
    """Entry point of the connections to schedulers; the same one carries both."""


class Traefik(PodSettings):
    """Traefik: the one address of API, dashboards and schedulers."""

    install_traefik: bool = True
    """Install Traefik; false makes routes for one that is there (see `traefik.entrypoints`)."""
    create_crds: Annotated[bool, Field(alias="createCRDs")] = True
    """Install Traefik's custom resources where the cluster has none."""
    replicas: Annotated[int, Field(ge=0)] = 1
    """Traefik pods."""
    loglevel: Literal["DEBUG", "INFO", "WARN", "ERROR", "FATAL", "PANIC"] = "WARN"
    """Log level of Traefik."""
    image: TraefikImage = TraefikImage()
    """Image of Traefik."""
    resources: Resources = Resources(
        requests=ResourceAmounts(cpu="50m", memory="96Mi"), limits=ResourceAmounts(memory="512Mi")
    )
    """Resources of Traefik."""
    startup_probe: Probe = Probe(period_seconds=1, timeout_seconds=2, failure_threshold=60)
    """When Traefik has begun."""
    readiness_probe: Probe = Probe(period_seconds=5, timeout_seconds=5, failure_threshold=6)
    """When Traefik takes requests; patient, because a loaded node answers late and there may be only one."""
    liveness_probe: Probe = Probe(period_seconds=10, timeout_seconds=5, failure_threshold=12)
    """When Traefik is restarted."""
    throttle_duration: Annotated[str, Field(pattern=r"^[0-9]+(ms|s)$")] = "100ms"
    """Time between two readings of the routes: a new cluster waits for it."""
    additional_arguments: list[str] = []
    """More of Traefik's arguments."""
    dashboard: bool = False
    """Serve Traefik's own dashboard on port 9000 of its pods."""
    tls: TraefikTls = TraefikTls()
    entrypoints: Entrypoints = Entrypoints()
    service: TraefikService = TraefikService()
    pdb: PodDisruptionBudget = PodDisruptionBudget()


class NetworkPolicies(Model):
    """Who may talk to whom."""

    enabled: bool = True
    """Make NetworkPolicies."""
    clients: Objects = [{"podSelector": {}}]
    """Peers that may use the gateway through Traefik; by default all pods of the release's namespace."""
    data: Objects = [
        {"podSelector": {}},
        {
            "ipBlock": {
                "cidr": "0.0.0.0/0",
                "except": ["10.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16"],
            }
        },
    ]
    """Peers that workers and schedulers may read from and write to; by default their namespace and the public internet,
    without private networks and cloud metadata. A data store inside the cluster needs an entry."""
    kubernetes_api: Objects = []
    """Peers that are the Kubernetes API; empty is any, on the ports below."""
    kubernetes_api_ports: list[int] = [443, 6443]
    """Ports of the Kubernetes API."""
    metrics: Objects = []
    """Peers that may read metrics (Traefik 9000, schedulers 8787)."""
    hub: Objects = []
    """Peers that are the JupyterHub, for gateway.auth.type: jupyterhub; empty is any, on its port 8081."""
    extra_api_egress: Objects = []
    """More egress rules of the API server, for an authenticator that asks elsewhere."""


class Monitor(Model):
    """Objects of the Prometheus operator."""

    enabled: bool = False
    """Make a ServiceMonitor for Traefik and a PodMonitor for schedulers."""
    interval: str = "30s"
    """Time between two readings."""
    labels: Labels = {}
    """Labels by which Prometheus finds the monitors."""


class Metrics(Model):
    """Metrics for Prometheus."""

    enabled: bool = False
    """Serve Traefik's metrics on port 9000; schedulers serve theirs on 8787 anyway."""
    annotations: bool = True
    """Annotate the pods with prometheus.io/scrape when metrics are enabled."""
    service_monitor: Monitor = Monitor()
