"""Values of charts/bai-chart, which installs everything that the CWL runner needs in a namespace."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from charts.schema.model import CpuQuantity, Labels, Model, Objects, Quantity

MemoryLimit = Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)?[KMGTP]i?$")]
"""Memory as Calrissian takes it: 512Mi, 8G."""
DnsName = Annotated[str, Field(pattern=r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?)?$", max_length=253)]
"""Name of an object in Kubernetes; may be empty."""
Url = Annotated[str, Field(pattern=r"^(https?://\S+)?$")]


Amounts = dict[str, Quantity | CpuQuantity]


class Resources(Model):
    """Requests and limits of a container."""

    requests: Amounts
    """Amounts that a node must have free."""
    limits: Amounts
    """Amounts that the container may not exceed."""


class PackageImage(Model):
    """Replaces the image of the package's tools."""

    # Refuse a tag without a repository, because the tag would silently have no effect.
    model_config = ConfigDict(
        json_schema_extra={
            "if": {"properties": {"tag": {"minLength": 1}}, "required": ["tag"]},
            "then": {"properties": {"repository": {"minLength": 1}}, "required": ["repository"]},
        }
    )

    repository: str = ""
    """Replaces the image of the package's tools, which must all have the same one. Empty: the package's image."""
    tag: str = ""
    """Tag, or digest (sha256:...), of that repository. Empty: the chart's appVersion."""


class RunnerImage(Model):
    """The runner's image."""

    repository: Annotated[str, Field(min_length=1)] = "ghcr.io/bai-kit/runner"
    """Image of runner and guard."""
    tag: str = ""
    """Tag, or digest (sha256:...). Empty: the chart's appVersion."""
    pull_policy: Literal["Always", "IfNotPresent", "Never"] = "IfNotPresent"
    """When the kubelet pulls the image."""


class ServiceAccount(Model):
    """A service account, created by the chart or existing."""

    create: bool = True
    """Create the service account; false: use the existing account that `name` names."""
    name: DnsName = ""
    """Name of the service account. Empty: RELEASE-runner and RELEASE-steps."""
    annotations: Labels = {}
    """Annotations, such as those that bind a cloud identity."""


class Runner(Model):
    """The CWL runner: Calrissian with DaskGatewayRequirement."""

    image: RunnerImage = RunnerImage()
    max_cores: Annotated[float, Field(gt=0)] = 4
    """Cores that all steps running at once may request together; Dask workers do not count."""
    max_ram: MemoryLimit = "8G"
    """Memory that all steps running at once may request together; Dask workers do not count."""
    resources: Resources = Resources(requests={"cpu": "100m", "memory": "160Mi"}, limits={"memory": "512Mi"})
    """Resources of the runner; without a CPU limit, because the runner uses the CPU in short bursts."""
    guard_resources: Resources = Resources(requests={"cpu": "1m", "memory": "32Mi"}, limits={"memory": "192Mi"})
    """Resources of the guard, which cleans up after a runner that was killed."""
    extra_args: list[str] = []
    """Additional arguments of cwl-dask-calrissian, before package and inputs."""
    extra_env: Objects = []
    """Additional environment variables of the runner, in Kubernetes' form."""
    pod_annotations: Labels = {}
    """Annotations of the runner's pods."""
    node_selector: Labels = {}
    """Node selector of runners."""
    tolerations: Objects = []
    """Tolerations of runners."""
    affinity: dict[str, Any] = {}
    """Affinity of runners."""
    priority_class_name: DnsName = ""
    """Priority class of runners."""
    runtime_class_name: DnsName = ""
    """Runtime class of runners."""
    extra_volumes: Objects = []
    """Additional volumes of runners."""
    extra_volume_mounts: Objects = []
    """Additional mounts of runner and guard."""
    pending_seconds: Annotated[int, Field(ge=1)] = 3600
    """Seconds that a step's pod may stay unschedulable before the job ends with 75. An autoscaler needs minutes."""
    service_account: ServiceAccount = ServiceAccount()


class Steps(Model):
    """The pods of the CWL steps."""

    node_selector: Labels = {}
    """Node selector of steps."""
    tolerations: Objects = []
    """Tolerations of steps."""
    affinity: dict[str, Any] = {}
    """Affinity of steps."""
    priority_class_name: DnsName = ""
    """Priority class of steps."""
    runtime_class_name: DnsName = ""
    """Runtime class of steps."""
    env: Objects = []
    """Additional environment variables of steps, in Kubernetes' form, such as a proxy."""
    extra_volumes: Objects = []
    """Additional volumes of steps."""
    extra_volume_mounts: Objects = []
    """Additional mounts of steps."""
    service_account: ServiceAccount = ServiceAccount()


class Rbac(Model):
    """The runner's permissions."""

    create: bool = True
    """Create the runner's Role and RoleBinding: create, delete, list and watch pods; get pods/log."""


class Package(Model):
    """The application package that jobs run unless `bai-kit run --package` names another one."""

    cwl: str = ""
    """CWL as JSON text; use --set-file package.cwl=FILE. Empty: the chart's burned-area package."""
    image: PackageImage = PackageImage()


class PasswordSecret(Model):
    """The Secret that holds the gateway's password."""

    name: DnsName = ""
    """Existing Secret with the gateway's password. Empty: the gateway needs no password."""
    key: Annotated[str, Field(pattern=r"^[-._a-zA-Z0-9]+$")] = "password"
    """Key in that Secret."""


class TokenSecret(Model):
    """The token by which runner and steps sign in at a JupyterHub's gateway."""

    name: DnsName = ""
    """Existing Secret with a JupyterHub token. Needed for gateway.auth.type: jupyterhub."""
    key: Annotated[str, Field(pattern=r"^[-._a-zA-Z0-9]+$")] = "token"
    """Key in that Secret."""


class Certificate(Model):
    """The authority that signed the gateway's certificate; needed when the images do not trust it."""

    secret_name: DnsName = ""
    """Existing Secret with the authority's certificate; of the Secret only this key is mounted."""
    config_map_name: DnsName = ""
    """Existing ConfigMap with the authority's certificate; ignored when secretName is set."""
    key: Annotated[str, Field(pattern=r"^[-._a-zA-Z0-9]+$")] = "ca.crt"
    """Key in that Secret or ConfigMap."""


class GatewayAuth(Model):
    """How runner and steps sign in."""

    type: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_.]*$")] = "basic"
    """basic (name and optional password), jupyterhub (token), or a class of dask-gateway's client as module.Class."""
    kwargs: dict[str, Any] = {}
    """Arguments of that class. They are stored in a ConfigMap, so put no secrets here."""


class OptionName(Model):
    """Name and unit of one cluster option of the gateway."""

    name: str
    """The gateway's name of the option. Empty: the option is not sent."""
    unit: Literal["", "bytes", "MB", "GB", "MiB", "GiB"] = ""
    """Send an amount of memory as a number in this unit. Empty: as text, such as 524288K."""


class Gateway(Model):
    """How the runner and the steps reach Dask Gateway. `bai-kit deploy` takes this from the gateway's release."""

    address: Url = ""
    """Address of Dask Gateway. Empty: http://traefik-dask-gateway.NAMESPACE.svc.cluster.local:80"""
    proxy_address: str = ""
    """Address of the connections to schedulers, if it differs from the address, such as gateway://host:8786."""
    public_address: Url = ""
    """First part of the links to dashboards, if it differs from the address."""
    username: Annotated[str, Field(pattern=r"^([a-zA-Z0-9]([-._a-zA-Z0-9]*[a-zA-Z0-9])?)?$", max_length=63)] = ""
    """User at the gateway. Empty: NAMESPACE.RELEASE, so releases do not see each other's clusters."""
    auth: GatewayAuth = GatewayAuth()
    password_secret: PasswordSecret = PasswordSecret()
    token_secret: TokenSecret = TokenSecret()
    certificate: Certificate = Certificate()
    cluster_options: dict[str, Any] = {}
    """Defaults of the gateway's cluster options, such as worker_cores; a package's requirement overrides them."""
    option_names: dict[str, OptionName] = {}
    """Names and units of the options of a gateway that differs: {worker_memory: {name: memory, unit: GiB}}."""


class AdmissionPolicy(Model):
    """Limits on the pods that the runner's account may create, which a Role cannot express."""

    enabled: bool = False
    """Let the runner's account create only pods of its own job's steps. Cluster-scoped; Kubernetes 1.30 or newer."""


class Storage(Model):
    """The volume of all jobs of the release."""

    existing_claim: DnsName = ""
    """Existing claim to use; empty: create one."""
    size: Quantity = "20Gi"
    """Size of the volume."""
    storage_class: str | None = None
    """Storage class. null: the cluster's default."""
    access_mode: Literal["ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"] = "ReadWriteMany"
    """ReadWriteOnce is enough if all pods run on one node."""
    keep: bool = True
    """Keep the volume and its results when the release is uninstalled."""
    annotations: Labels = {}
    """Annotations of the claim."""


class NetworkPolicy(Model):
    """Who may connect to the runner and the steps."""

    enabled: bool = True
    """Block connections to runner and step pods; their outgoing connections are not limited."""


class Job(Model):
    """Settings of every job, and a job created with the release."""

    enabled: bool = False
    """Create a Job with this release, for kubectl or Argo CD; `bai-kit run` creates its own Jobs."""
    name: Annotated[str, Field(pattern=r"^([a-z]([-a-z0-9]*[a-z0-9])?)?$", max_length=50)] = ""
    """Name of that Job. Empty: RELEASE-HASH, so that changed inputs create a new Job."""
    params: dict[str, Any] = {}
    """CWL inputs of that Job."""
    ttl_seconds_after_finished: Annotated[int, Field(ge=0)] | None = 86400
    """Seconds after a job's end at which the job and its log are removed; results stay on the volume. null: never."""
    active_deadline_seconds: Annotated[int, Field(ge=1)] | None = None
    """Time limit of a job, in seconds. null: no limit."""
    queue: DnsName = ""
    """Kueue's LocalQueue for jobs: they are created suspended, and Kueue starts them. Empty: jobs start at once."""
    max_running: Annotated[int, Field(ge=1)] | None = None
    """Largest number of jobs that run at once in the namespace; others wait without a pod. null: no limit."""


class Values(Model):
    """All values of the chart."""

    fullname_override: Annotated[str, Field(pattern=r"^([a-z]([-a-z0-9]*[a-z0-9])?)?$", max_length=45)] = ""
    """Replaces the release's name in the names of all objects."""
    common_labels: Labels = {}
    """Labels of every object, of the jobs too."""
    common_annotations: Labels = {}
    """Annotations of every object, of the jobs too."""
    global_: Annotated[dict[str, Any], Field(alias="global")] = {}
    """Values shared by an umbrella chart; only global.imageRegistry is read, and only when imageRegistry is empty."""
    enabled: bool = True
    """Condition for umbrella charts that have this chart as a dependency; the chart itself does not read the key."""
    image_registry: str = ""
    """Registry and path that replace ghcr.io/bai-kit in the default image names; images in values stay unchanged."""
    image_pull_secrets: list[str | Labels] = []
    """Existing pull secrets of runner and steps: names, or objects with a name."""
    pod_security_context: dict[str, Any] = {}
    """Merged over the pods' security context (non-root 1000:1000, fsGroup 1000); null removes a key."""
    container_security_context: dict[str, Any] = {}
    """Merged over the containers' security context (read-only root, no capabilities); null removes a key."""
    runner: Runner = Runner()
    steps: Steps = Steps()
    rbac: Rbac = Rbac()
    package: Package = Package()
    gateway: Gateway = Gateway()
    storage: Storage = Storage()
    network_policy: NetworkPolicy = NetworkPolicy()
    admission_policy: AdmissionPolicy = AdmissionPolicy()
    job: Job = Job()
