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
    """The API server, and the settings of clusters."""

    replicas: Annotated[int, Field(ge=0)] = 1
    """Number of API servers. Every server applies `maxClustersPerUser` to the clusters that it has seen so far."""
    prefix: Annotated[str, Field(pattern=r"^/[A-Za-z0-9._~/-]*$")] = "/"
    """Path under which Traefik serves the API and the dashboards."""
    loglevel: Literal["DEBUG", "INFO", "WARNING", "WARN", "ERROR", "CRITICAL"] = "INFO"
    """Log level of the API server."""
    image: ServerImage = ServerImage()
    """Image of the API server, and of the controller unless controller.image has a name."""
    resources: Resources = Resources(
        requests=ResourceAmounts(cpu="50m", memory="96Mi"), limits=ResourceAmounts(memory="256Mi")
    )
    """Resources of the API server."""
    service: ApiService = ApiService()
    startup_probe: Probe = Probe(period_seconds=1, timeout_seconds=2, failure_threshold=60)
    """Startup probe of the API server. After a failed start the process ends earlier, with the reason in its log."""
    readiness_probe: Probe = Probe(period_seconds=5, timeout_seconds=5, failure_threshold=3)
    """Readiness probe of the API server."""
    liveness_probe: Probe = Probe(period_seconds=10, timeout_seconds=5, failure_threshold=6)
    """Liveness probe of the API server."""
    pdb: PodDisruptionBudget = PodDisruptionBudget()
    auth: Auth = Auth()
    backend: Backend = Backend()
    cluster_options: ClusterOptions = ClusterOptions()
    idle_timeout: Annotated[int, Field(ge=0)] = 1200
    """Seconds without work after which a cluster ends; 0: never."""
    start_timeout: Annotated[int, Field(ge=10)] = 600
    """Seconds that a scheduler may take to start; after that its cluster fails."""
    scheduler_patience: Annotated[float, Field(ge=1)] = 45.0
    """Seconds to wait for a scheduler's answer; then the request fails with 503, and the cluster keeps running."""
    cluster_max_cores: Annotated[float, Field(gt=0)] | None = None
    """Maximum cores of one cluster, including its scheduler; null: no limit."""
    cluster_max_memory: Memory | None = None
    """Maximum memory of one cluster, including its scheduler; null: no limit."""
    cluster_max_workers: Annotated[int, Field(ge=1)] | None = None
    """Maximum number of workers of one cluster; null: no limit."""
    max_clusters_per_user: Annotated[int, Field(ge=1)] | None = None
    """Maximum number of clusters that one user may have at the same time; null: no limit."""
    extra_config: dict[str, str] | str = {}
    """Python code appended to the API server's configuration: a string, or a mapping, run in order of its keys."""


class Controller(PodSettings):
    """The controller, which creates and deletes the pods of clusters."""

    enabled: bool = True
    """Install the controller; false when another controller manages this release's clusters."""
    loglevel: Literal["DEBUG", "INFO", "WARNING", "WARN", "ERROR", "CRITICAL"] = "INFO"
    """Log level of the controller."""
    image: Image = Image(name="", pull_policy="")
    """Image of the controller; with an empty name, the API server's image is used."""
    resources: Resources = Resources(
        requests=ResourceAmounts(cpu="50m", memory="96Mi"), limits=ResourceAmounts(memory="256Mi")
    )
    """Resources of the controller."""
    startup_probe: Probe = Probe(period_seconds=1, timeout_seconds=2, failure_threshold=60)
    """Startup probe of the controller, whose port opens after it has listed the clusters."""
    liveness_probe: Probe = Probe(period_seconds=10, timeout_seconds=5, failure_threshold=6)
    """Liveness probe of the controller."""
    completed_cluster_max_age: Annotated[float, Field(gt=0)] = 3600.0
    """Seconds that the DaskCluster object of an ended cluster is kept."""
    completed_cluster_cleanup_period: Annotated[float, Field(gt=0)] = 600.0
    """Seconds between two removals of old DaskCluster objects."""
    backoff_base_delay: Annotated[float, Field(gt=0)] = 0.1
    """Seconds before the first retry of a failed change to a cluster."""
    backoff_max_delay: Annotated[float, Field(gt=0)] = 300.0
    """Maximum number of seconds between two retries."""
    k8s_api_rate_limit: Annotated[int, Field(ge=1, alias="k8sApiRateLimit")] = 50
    """Maximum average number of requests to the Kubernetes API per second."""
    k8s_api_rate_limit_burst: Annotated[int, Field(ge=1, alias="k8sApiRateLimitBurst")] = 100
    """Maximum number of requests to the Kubernetes API in a burst."""


class ServiceAccountOf(Model):
    """A component's service account when `rbac.enabled` is false."""

    service_account_name: str | None = None
    """Existing service account of this component, for rbac.enabled: false."""


class Rbac(Model):
    """Permissions."""

    enabled: bool = True
    """Create service accounts, roles and bindings; false uses the accounts that rbac names."""
    scope: Literal["namespace", "cluster"] = "namespace"
    """`namespace`: clusters run in one namespace, with Roles. `cluster`: clusters run anywhere, with ClusterRoles."""
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
    """The clean-up at the beginning of `helm uninstall`."""

    enabled: bool = True
    """End this release's clusters and wait until their pods are gone, before anything else is removed."""
    timeout: Annotated[int, Field(ge=5)] = 120
    """Seconds to wait until the pods are gone."""
    resources: Resources = Resources(
        requests=ResourceAmounts(cpu="20m", memory="64Mi"), limits=ResourceAmounts(memory="128Mi")
    )
    """Resources of the clean-up's pod."""


class HelmTest(Model):
    """The pod of `helm test`, which creates a cluster, computes on it and deletes it."""

    enabled: bool = True
    """Include the test in the release."""
    image: str = ""
    """Image with dask-gateway's client; empty: the clusters' image."""
    options: dict[str, Any] = {}
    """Cluster options of the test's cluster."""
    tls_authority_key: str = "ca.crt"
    """Key of the certificate authority in `traefik.tls.secretName`; tls.crt for a self-signed certificate."""
    resources: Resources = Resources(
        requests=ResourceAmounts(cpu="50m", memory="128Mi"), limits=ResourceAmounts(memory="512Mi")
    )
    """Resources of the test's pod."""


class Quota(Model):
    """A ResourceQuota for the namespace of the clusters."""

    enabled: bool = False
    """Create the ResourceQuota."""
    clusters: Annotated[int, Field(ge=1)] | None = 20
    """Maximum number of DaskCluster objects, including ended ones that are not removed yet; null: no limit."""
    hard: dict[str, Quantity | int] = {}
    """Additional limits of the quota, such as requests.cpu."""


class Values(Model):
    """All values of charts/dask-gateway."""

    name_override: str = ""
    """Replaces the chart's name in the names of all objects."""
    fullname_override: str = ""
    """Replaces release and chart in the names of all objects."""
    global_: Annotated[dict[str, Any], Field(alias="global")] = {}
    """Values shared by an umbrella chart; only global.imageRegistry is read, and only when imageRegistry is empty."""
    enabled: bool = True
    """Condition for umbrella charts that have this chart as a dependency; the chart itself does not read the key."""
    image_registry: str = ""
    """Registry and path that replace ghcr.io/bai-kit and docker.io in default image names; images in values stay."""
    pod_security_context: dict[str, Any] = {}
    """Merged over every pod's security context (user 1000:1000, fsGroup 1000), Dask's included; null removes a key."""
    common_labels: Labels = {}
    """Labels of every object and pod, Dask's included."""
    common_annotations: Labels = {}
    """Annotations of every object, Dask's included."""
    image_pull_secrets: list[str | Labels] = []
    """Pull secrets of every pod, Dask's included: names, or objects with a name."""
    create_crds: Annotated[bool, Field(alias="createCRDs")] = True
    """Install and upgrade the DaskCluster resource definition, unless another release installed it."""
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
    """Additional objects to install with the release, unchanged."""
