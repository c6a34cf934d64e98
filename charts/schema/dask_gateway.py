"""Values of charts/dask-gateway. Names follow the upstream chart of Dask Gateway wherever the meaning is the same."""

from typing import Annotated, Any, Literal

from pydantic import Field

from charts.schema.gateway_clusters import Backend, ClusterOptions, Memory
from charts.schema.gateway_pods import Image, PodDisruptionBudget, PodSettings, Probe, ServerImage
from charts.schema.gateway_traefik import Metrics, NetworkPolicies, Traefik
from charts.schema.gateway_users import Auth
from charts.schema.model import Labels, Model, Objects, Quantity, ResourceAmounts, Resources, refused


class ApiService(Model):
    """The API server's Service."""

    annotations: Labels = {}
    """Annotations of the API server's Service."""


class Gateway(PodSettings):
    """The API server, and what it hands to clusters."""

    replicas: Annotated[int, Field(ge=0)] = 1
    """API servers. Each counts `maxClustersPerUser` from its own view of the clusters."""
    prefix: Annotated[str, Field(pattern=r"^/([A-Za-z0-9._~/-]*[A-Za-z0-9._~-])?$")] = "/"
    """Path under which Traefik serves the API and the dashboards."""
    loglevel: Literal["DEBUG", "INFO", "WARNING", "WARN", "ERROR", "CRITICAL"] = "INFO"
    """Log level of the API server."""
    image: ServerImage = ServerImage()
    """Image of the API server; the controller's too where it has none of its own."""
    resources: Resources = Resources(
        requests=ResourceAmounts(cpu="50m", memory="96Mi"), limits=ResourceAmounts(memory="256Mi")
    )
    """Resources of the API server."""
    service: ApiService = ApiService()
    startup_probe: Probe = Probe(period_seconds=1, timeout_seconds=2, failure_threshold=60)
    """When the API server has begun; a broken start ends the process with its reason long before."""
    readiness_probe: Probe = Probe(period_seconds=5, timeout_seconds=5, failure_threshold=3)
    """When the API server takes requests."""
    liveness_probe: Probe = Probe(period_seconds=10, timeout_seconds=5, failure_threshold=6)
    """When the API server is restarted."""
    pdb: PodDisruptionBudget = PodDisruptionBudget()
    auth: Auth = Auth()
    backend: Backend = Backend()
    cluster_options: ClusterOptions = ClusterOptions()
    idle_timeout: Annotated[int, Field(ge=0)] = 1200
    """Seconds without work after which a cluster ends by itself; 0 lets it live for ever."""
    start_timeout: Annotated[int, Field(ge=10)] = 600
    """Seconds after which a cluster whose scheduler does not start is given up."""
    scheduler_patience: Annotated[float, Field(ge=1)] = 45.0
    """Seconds for which a scheduler may not answer; then a client's request fails with 503 and the cluster runs on."""
    cluster_max_cores: Annotated[float, Field(gt=0)] | None = None
    """Cores of one cluster at most, its scheduler counted; null is no limit."""
    cluster_max_memory: Memory | None = None
    """Memory of one cluster at most, its scheduler counted; null is no limit."""
    cluster_max_workers: Annotated[int, Field(ge=1)] | None = None
    """Workers of one cluster at most; null is no limit."""
    max_clusters_per_user: Annotated[int, Field(ge=1)] | None = None
    """Clusters that one user may have at a time; null is no limit."""
    extra_config: dict[str, str] | str = {}
    """Python for the end of the API server's configuration: a string, or parts that run in the order of their keys."""


class Controller(PodSettings):
    """The controller: it makes and removes the pods of clusters."""

    enabled: bool = True
    """Install the controller; false where another one serves the same instance."""
    loglevel: Literal["DEBUG", "INFO", "WARNING", "WARN", "ERROR", "CRITICAL"] = "INFO"
    """Log level of the controller."""
    image: Image = Image(name="", pull_policy="")
    """Image of the controller; an empty name takes the API server's."""
    resources: Resources = Resources(
        requests=ResourceAmounts(cpu="50m", memory="96Mi"), limits=ResourceAmounts(memory="256Mi")
    )
    """Resources of the controller."""
    startup_probe: Probe = Probe(period_seconds=1, timeout_seconds=2, failure_threshold=60)
    """When the controller has begun: its port opens after its first look at the clusters."""
    liveness_probe: Probe = Probe(period_seconds=10, timeout_seconds=5, failure_threshold=6)
    """When the controller is restarted."""
    completed_cluster_max_age: Annotated[float, Field(gt=0)] = 3600.0
    """Seconds for which the record of an ended cluster is kept."""
    completed_cluster_cleanup_period: Annotated[float, Field(gt=0)] = 600.0
    """Seconds between two removals of old records."""
    backoff_base_delay: Annotated[float, Field(gt=0)] = 0.1
    """Seconds before the first repetition of a failed step."""
    backoff_max_delay: Annotated[float, Field(gt=0)] = 300.0
    """Seconds between repetitions at most."""
    k8s_api_rate_limit: Annotated[int, Field(ge=1, alias="k8sApiRateLimit")] = 50
    """Requests a second to the Kubernetes API, on average."""
    k8s_api_rate_limit_burst: Annotated[int, Field(ge=1, alias="k8sApiRateLimitBurst")] = 100
    """Requests a second to the Kubernetes API, at most."""


class ServiceAccountOf(Model):
    """A component's service account when `rbac.enabled` is false."""

    service_account_name: str | None = None
    """Existing service account of this component, for rbac.enabled: false."""


class Rbac(Model):
    """Rights."""

    enabled: bool = True
    """Make service accounts, roles and bindings; false uses those named below."""
    scope: Literal["namespace", "cluster"] = "namespace"
    """`namespace`: clusters live in one namespace, Roles are enough. `cluster`: in any, with ClusterRoles."""
    service_account_annotations: Labels = {}
    """Annotations of all service accounts."""
    gateway: ServiceAccountOf = ServiceAccountOf()
    controller: ServiceAccountOf = ServiceAccountOf()
    traefik: ServiceAccountOf = ServiceAccountOf()
    hooks: ServiceAccountOf = ServiceAccountOf()
    role: Any = refused(
        "the chart's roles hold exactly what is used; set rbac.enabled: false and name accounts of your own"
    )


class Cleanup(Model):
    """What `helm uninstall` does first."""

    enabled: bool = True
    """End this release's clusters, and wait for their pods, before anything else is removed."""
    timeout: Annotated[int, Field(ge=5)] = 120
    """Seconds to wait for the pods."""
    resources: Resources = Resources(
        requests=ResourceAmounts(cpu="20m", memory="64Mi"), limits=ResourceAmounts(memory="128Mi")
    )
    """Resources of the clean-up."""


class HelmTest(Model):
    """What `helm test` runs: a pod that claims a cluster, computes on it and dismisses it."""

    enabled: bool = True
    """Render the test."""
    image: str = ""
    """Image with dask-gateway's client; empty takes the clusters' image."""
    options: dict[str, Any] = {}
    """Cluster options of the test's cluster."""
    tls_authority_key: str = "ca.crt"
    """Key of the authority's certificate in `traefik.tls.secretName`; tls.crt for a certificate signed by itself."""
    resources: Resources = Resources(
        requests=ResourceAmounts(cpu="50m", memory="128Mi"), limits=ResourceAmounts(memory="512Mi")
    )
    """Resources of the test's pod."""


class Quota(Model):
    """A ResourceQuota for the namespace of the clusters."""

    enabled: bool = False
    """Make the ResourceQuota."""
    clusters: Annotated[int, Field(ge=1)] | None = 20
    """DaskCluster objects, ended ones counted until their record is removed; null is no limit."""
    hard: dict[str, Quantity | int] = {}
    """More of the quota, such as requests.cpu."""


class Values(Model):
    """All values of charts/dask-gateway."""

    name_override: str = ""
    """Replaces the chart's name in the names of all objects."""
    fullname_override: str = ""
    """Replaces release and chart in the names of all objects."""
    global_: Annotated[dict[str, Any], Field(alias="global")] = {}
    """Values of an umbrella chart; of these only imageRegistry is read, where this chart's own is empty."""
    enabled: bool = True
    """Condition for umbrella charts that have this chart as a dependency; the chart itself does not read the key."""
    image_registry: str = ""
    """Registry and path that replace ghcr.io/bai-kit and docker.io in the default image names. Names in values stay."""
    pod_security_context: dict[str, Any] = {}
    """On top of every pod's security context (non-root 1000:1000, fsGroup 1000), Dask's too; null removes a key."""
    common_labels: Labels = {}
    """Labels of every object and pod, Dask's included."""
    common_annotations: Labels = {}
    """Annotations of every object, Dask's included."""
    image_pull_secrets: list[str | Labels] = []
    """Pull secrets of every pod, Dask's included: names, or objects with a name."""
    create_crds: Annotated[bool, Field(alias="createCRDs")] = True
    """Install and upgrade the DaskCluster resource; another release's is left alone."""
    gateway: Gateway = Gateway()
    controller: Controller = Controller()
    traefik: Traefik = Traefik()
    rbac: Rbac = Rbac()
    network_policy: NetworkPolicies = NetworkPolicies()
    metrics: Metrics = Metrics()
    cleanup: Cleanup = Cleanup()
    quota: Quota = Quota()
    test: HelmTest = HelmTest()
    extra_objects: Objects = []
    """More objects to install with the release, as they are."""
