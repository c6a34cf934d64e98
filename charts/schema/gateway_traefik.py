"""Values of charts/dask-gateway about Traefik, network policies and metrics."""

from typing import Annotated, Any, Literal

from pydantic import Field

from charts.schema.gateway_pods import Image, PodDisruptionBudget, PodSettings, Probe
from charts.schema.model import Labels, Model, Objects, ResourceAmounts, Resources


class TraefikImage(Image):
    """Traefik's image."""

    name: str = "docker.io/traefik"
    """Repository."""
    tag: str = "v3.7.15"
    """Tag of a Traefik from 3.4 on, below 4. This default replaces an older tag, such as upstream's."""


class WebPort(Model):
    """The port of API and dashboards."""

    port: Annotated[int, Field(ge=1, le=65535)] = 80
    """Port of the API and the dashboards."""
    node_port: Annotated[int, Field(ge=0, le=65535)] | None = None
    """Node port, for Service types that have one."""


class TcpPort(Model):
    """The port of the connections to schedulers."""

    port: Annotated[int, Field(ge=1, le=65535)] | Literal["web"] = "web"
    """Port of the connections to schedulers; `web`: the port of the API."""
    node_port: Annotated[int, Field(ge=0, le=65535)] | None = None
    """Node port, for Service types that have one."""


class TraefikPorts(Model):
    """Ports of Traefik's Service."""

    web: WebPort = WebPort()
    tcp: TcpPort = TcpPort()


class TraefikService(Model):
    """Traefik's Service, traefik-FULLNAME."""

    type: Literal["ClusterIP", "NodePort", "LoadBalancer"] = "ClusterIP"
    """Type of the Service. With LoadBalancer, `helm install --wait` times out if the cluster assigns no addresses."""
    annotations: Labels = {}
    """Annotations of the Service."""
    spec: dict[str, Any] = {}
    """Additional fields of the Service's spec."""
    ports: TraefikPorts = TraefikPorts()


class TraefikTls(Model):
    """HTTPS on Traefik's entry point."""

    enabled: bool = False
    """Serve HTTPS instead of HTTP. Dask's own connections are encrypted either way."""
    secret_name: str = ""
    """Secret of type kubernetes.io/tls with the certificate; required when enabled."""


class Entrypoints(Model):
    """Names of the entry points of an existing Traefik, for traefik.installTraefik: false."""

    web: str = "web"
    """Entry point of the API and the dashboards."""
    tcp: str = "web"
    """Entry point of the connections to schedulers; it may be the entry point of the API."""


class Traefik(PodSettings):
    """Traefik, which serves the API, the dashboards and the schedulers at one address."""

    install_traefik: bool = True
    """Install Traefik; false creates routes for an existing Traefik (see `traefik.entrypoints`)."""
    create_crds: Annotated[bool, Field(alias="createCRDs")] = True
    """Install Traefik's custom resource definitions if the cluster has none."""
    replicas: Annotated[int, Field(ge=0)] = 1
    """Number of Traefik pods."""
    loglevel: Literal["DEBUG", "INFO", "WARN", "ERROR", "FATAL", "PANIC"] = "WARN"
    """Log level of Traefik."""
    image: TraefikImage = TraefikImage()
    """Image of Traefik."""
    resources: Resources = Resources(
        requests=ResourceAmounts(cpu="50m", memory="96Mi"), limits=ResourceAmounts(memory="512Mi")
    )
    """Resources of Traefik."""
    startup_probe: Probe = Probe(period_seconds=1, timeout_seconds=2, failure_threshold=60)
    """Startup probe of Traefik."""
    readiness_probe: Probe = Probe(period_seconds=5, timeout_seconds=5, failure_threshold=6)
    """Readiness probe of Traefik; lenient, because a busy node answers late and there may be only one Traefik pod."""
    liveness_probe: Probe = Probe(period_seconds=10, timeout_seconds=5, failure_threshold=12)
    """Liveness probe of Traefik."""
    throttle_duration: Annotated[str, Field(pattern=r"^[0-9]+(ms|s)$")] = "100ms"
    """Time between two readings of the routes; a new cluster is reachable only after the next reading."""
    additional_arguments: list[str] = []
    """Additional arguments of Traefik."""
    dashboard: bool = False
    """Serve Traefik's own dashboard on port 9000 of its pods."""
    tls: TraefikTls = TraefikTls()
    entrypoints: Entrypoints = Entrypoints()
    service: TraefikService = TraefikService()
    pdb: PodDisruptionBudget = PodDisruptionBudget()


class NetworkPolicies(Model):
    """Network policies: which pods may connect to which."""

    enabled: bool = True
    """Create NetworkPolicies."""
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
    """Peers of the Kubernetes API; empty: any address, on kubernetesApiPorts."""
    kubernetes_api_ports: list[int] = [443, 6443]
    """Ports of the Kubernetes API."""
    metrics: Objects = []
    """Peers that may read metrics (Traefik 9000, schedulers 8787)."""
    hub: Objects = []
    """Peers of the JupyterHub, for gateway.auth.type: jupyterhub; empty: any address, on port 8081."""
    extra_api_egress: Objects = []
    """Additional egress rules of the API server, for an authenticator that connects to another server."""


class Monitor(Model):
    """Objects of the Prometheus operator."""

    enabled: bool = False
    """Create a ServiceMonitor for Traefik and a PodMonitor for schedulers."""
    interval: str = "30s"
    """Time between two scrapes."""
    labels: Labels = {}
    """Labels by which Prometheus selects the monitors."""


class Metrics(Model):
    """Metrics for Prometheus."""

    enabled: bool = False
    """Serve Traefik's metrics on port 9000; schedulers always serve theirs on port 8787."""
    annotations: bool = True
    """Annotate the pods with prometheus.io/scrape when metrics are enabled."""
    service_monitor: Monitor = Monitor()
