"""The parts of charts/dask-gateway's values that hold no component: pods, clusters, users, network, metrics."""

from typing import Annotated, Any, Literal

from pydantic import Field

from bai_kit.values.model import Labels, Model, Objects, refused

Memory = Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)? ?[KMGTkmgt]$")] | Annotated[int, Field(gt=0)]
"""Memory as Dask Gateway reads it: a number and K, M, G or T (powers of 1024), or bytes. Not 4Gi, not "1024"."""
Cores = Annotated[float, Field(gt=0)]


class Probe(Model):
    """A probe; upstream's keys."""

    enabled: bool = True
    initial_delay_seconds: Annotated[int, Field(ge=0)] = 0
    period_seconds: Annotated[int, Field(ge=1)] = 10
    timeout_seconds: Annotated[int, Field(ge=1)] = 5
    failure_threshold: Annotated[int, Field(ge=1)] = 3


class PodDisruptionBudget(Model):
    """A PodDisruptionBudget."""

    enabled: bool = False
    """Make a PodDisruptionBudget; of use from two replicas on."""
    min_available: int | str | None = None
    """Pods that stay, a number or a percentage."""
    max_unavailable: int | str | None = 1
    """Pods that may go at a time; not used when minAvailable is set."""


class PodSettings(Model):
    """What can be said about the pods of every component."""

    annotations: Labels = {}
    """Annotations of the pods."""
    labels: Labels = {}
    """More labels of the pods."""
    image_pull_secrets: list[str | Labels] = []
    """More pull secrets of the pods."""
    env: Objects = []
    """More environment variables."""
    env_from: Objects = []
    """More environment from ConfigMaps and Secrets."""
    node_selector: Labels = {}
    """Node selector."""
    affinity: dict[str, Any] = {}
    """Affinity."""
    tolerations: Objects = []
    """Tolerations."""
    topology_spread_constraints: Objects = []
    """Topology spread constraints; without labelSelector they take the component's own."""
    priority_class_name: str = ""
    """Priority class."""
    extra_volumes: Objects = []
    """More volumes."""
    extra_volume_mounts: Objects = []
    """More mounts."""
    pod_security_context: dict[str, Any] = {}
    """Laid over the pods' security context (non-root 1000:1000, RuntimeDefault seccomp)."""
    container_security_context: dict[str, Any] = {}
    """Laid over the containers' security context (read-only root, no capabilities)."""


class SimpleAuth(Model):
    """Any user name; with or without one password for all."""

    password: str | None = None
    """Password in plain text. Kept in a Secret, but also in the release's values: prefer existingSecret."""
    existing_secret: str = ""
    """Secret with the password."""
    existing_secret_key: str = "password"  # noqa: S105 - the key's name
    """Key of the password in existingSecret."""
    generate_password: bool = False
    """Make a random password once, in Secret FULLNAME-auth, key password."""


class JupyterHubAuth(Model):
    """Users of a JupyterHub."""

    api_token: str | None = None
    """Token of the hub's API in plain text. Kept in a Secret, but also in the values: prefer apiTokenFromSecretName."""
    api_token_from_secret_name: str = "hub"  # noqa: S105 - the Secret's name
    """Secret with the token of the hub's API; the default is what zero-to-jupyterhub makes."""
    api_token_from_secret_key: str | None = None
    """Key of the token; null is what zero-to-jupyterhub names it for jupyterhubServiceName."""
    api_url: str | None = None
    """The hub's API; null finds it by the hub's environment variables in the same namespace."""
    jupyterhub_service_name: str = "dask-gateway"
    """The gateway's name among the hub's services."""


class CustomAuth(Model):
    """An authenticator of your own."""

    class_: Annotated[str | None, Field(alias="class")] = None
    """Its class, as module.Name; put the module into the image, or mount it."""
    config: dict[str, Any] = {}
    """Its configuration."""


class Auth(Model):
    """Who may use the gateway."""

    type: Literal["simple", "jupyterhub", "custom"] = "simple"
    """How users are known: simple (any name, one password or none), jupyterhub, custom."""
    simple: SimpleAuth = SimpleAuth()
    jupyterhub: JupyterHubAuth = JupyterHubAuth()
    custom: CustomAuth = CustomAuth()
    kerberos: Any = refused(
        "use gateway.auth.type: custom with custom.class: dask_gateway_server.auth.KerberosAuthenticator, "
        "an image that holds pykerberos, and the keytab by gateway.extraVolumes"
    )


class CoreAmounts(Model):
    """Cores of a pod."""

    request: Cores | None = None
    """Cores asked for."""
    limit: Cores | None = None
    """Cores at most; null is the request."""


class MemoryAmounts(Model):
    """Memory of a pod."""

    request: Memory | None = None
    """Memory asked for, as a number and K, M, G or T."""
    limit: Memory | None = None
    """Memory at most; null is the request."""


class DaskPods(Model):
    """Pods of schedulers or of workers."""

    cores: CoreAmounts = CoreAmounts()
    memory: MemoryAmounts = MemoryAmounts()
    extra_pod_config: dict[str, Any] = {}
    """Laid over the pod's spec: mappings are merged, lists appended."""
    extra_container_config: dict[str, Any] = {}
    """Laid over the container: mappings are merged, lists appended."""
    labels: Labels = {}
    """More labels of the pods."""
    annotations: Labels = {}
    """More annotations of the pods."""


class WorkerPods(DaskPods):
    """Pods of workers."""

    cores: CoreAmounts = CoreAmounts(request=0.5, limit=1.0)
    memory: MemoryAmounts = MemoryAmounts(request="2 G")
    threads: Annotated[int, Field(ge=1)] | None = None
    """Threads of a worker; null is its whole cores, one at least."""


class BackendImage(Model):
    """The image of schedulers and workers."""

    name: str = "ghcr.io/bai-kit/bai"
    """Repository; needs dask, distributed and dask-gateway, and an entry point that runs its arguments, or none."""
    tag: str = ""
    """Tag, or a digest that begins with sha256:; empty is the chart's appVersion."""
    pull_policy: Literal["", "Always", "IfNotPresent", "Never"] | None = "IfNotPresent"
    """Pull policy; empty leaves it to Kubernetes."""


class Backend(Model):
    """The pods of a cluster."""

    image: BackendImage = BackendImage()
    image_pull_secrets: list[str | Labels] = []
    """More pull secrets of Dask's pods."""
    namespace: str | None = None
    """Namespace of the clusters; null is the release's."""
    environment: dict[str, str | int | float | bool] = {}
    """Environment of schedulers and workers. No place for secrets: it is kept in the DaskCluster."""
    scheduler_cmd: list[str] = ["dask", "scheduler"]
    """Command of a scheduler."""
    worker_cmd: list[str] = ["dask", "worker", "--no-nanny"]
    """Command of a worker. Kubernetes restarts a worker that dies: a nanny would be a second process for the same."""
    termination_grace_period_seconds: Annotated[int, Field(ge=0)] = 3
    """Seconds that a scheduler or a worker has to end."""
    scheduler: DaskPods = DaskPods(
        cores=CoreAmounts(request=0.1, limit=1.0), memory=MemoryAmounts(request="256 M", limit="1 G")
    )
    worker: WorkerPods = WorkerPods()


class ImageOption(Model):
    """Which images users may run."""

    enabled: bool = True
    """Let users choose an image."""
    allow: list[str] = []
    """Names that are allowed beside the clusters' own image; `*` is any text without `/`."""


class CoresOption(Model):
    """A number of cores that users choose."""

    enabled: bool = True
    """Let users choose it."""
    min: Cores = 0.1
    """Least allowed."""
    max: Cores = 8.0
    """Most allowed."""
    default: Cores | None = None
    """When a user chooses nothing; null is what gateway.backend.worker says."""


class MemoryOption(Model):
    """An amount of memory that users choose."""

    enabled: bool = True
    """Let users choose it."""
    min: Memory = "128 M"
    """Least allowed."""
    max: Memory = "16 G"
    """Most allowed."""
    default: Memory | None = None
    """When a user chooses nothing; null is what gateway.backend.worker says."""


class IdleOption(Model):
    """The idle timeout that users choose."""

    enabled: bool = True
    """Let users choose it."""
    min: Annotated[int, Field(ge=0)] = 30
    """Least allowed, in seconds; 0 allows clusters that never end."""
    max: Annotated[int, Field(ge=1)] = 86400
    """Most allowed, in seconds."""


class ClusterOptions(Model):
    """What users choose for their clusters."""

    image: ImageOption = ImageOption()
    worker_cores: CoresOption = CoresOption()
    worker_cores_limit: CoresOption = CoresOption()
    worker_memory: MemoryOption = MemoryOption()
    idle_timeout: IdleOption = IdleOption()


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
