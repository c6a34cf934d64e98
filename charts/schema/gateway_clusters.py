"""What charts/dask-gateway's values say of clusters: their pods, and what users choose."""

from typing import Annotated, Any, Literal

from pydantic import Field

from charts.schema.model import Labels, Model

Memory = Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)? ?[KMGTkmgt]$")] | Annotated[int, Field(gt=0)]
"""Memory as Dask Gateway reads it: a number and K, M, G or T (powers of 1024), or bytes. Not 4Gi, not "1024"."""
Cores = Annotated[float, Field(gt=0)]


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
