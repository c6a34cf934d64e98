"""Values of charts/dask-gateway about clusters: their pods, and the options that users choose."""

from typing import Annotated, Any, Literal

from pydantic import Field

from charts.schema.model import Labels, Model

Memory = Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)? ?[KMGTkmgt]$")] | Annotated[int, Field(gt=0)]
"""Memory as Dask Gateway reads it: a number and K, M, G or T (powers of 1024), or bytes. Not 4Gi, not "1024"."""
Cores = Annotated[float, Field(gt=0)]


class CoreAmounts(Model):
    """Cores of a pod."""

    request: Cores | None = None
    """Requested cores."""
    limit: Cores | None = None
    """Limit of cores; null: the request."""


class MemoryAmounts(Model):
    """Memory of a pod."""

    request: Memory | None = None
    """Requested memory, as a number and K, M, G or T."""
    limit: Memory | None = None
    """Limit of memory; null: the request."""


class DaskPods(Model):
    """Pods of schedulers or of workers."""

    cores: CoreAmounts = CoreAmounts()
    memory: MemoryAmounts = MemoryAmounts()
    extra_pod_config: dict[str, Any] = {}
    """Merged into the pod's spec: mappings are merged, lists are appended."""
    extra_container_config: dict[str, Any] = {}
    """Merged into the container: mappings are merged, lists are appended."""
    labels: Labels = {}
    """Additional labels of the pods."""
    annotations: Labels = {}
    """Additional annotations of the pods."""


class WorkerPods(DaskPods):
    """Pods of workers."""

    cores: CoreAmounts = CoreAmounts(request=0.5, limit=1.0)
    memory: MemoryAmounts = MemoryAmounts(request="2 G")
    threads: Annotated[int, Field(ge=1)] | None = None
    """Threads of a worker; null: its number of cores, rounded down, at least 1."""


class BackendImage(Model):
    """The image of schedulers and workers."""

    name: str = "ghcr.io/bai-kit/bai"
    """Repository. The image needs dask, distributed and dask-gateway; an entry point must run its arguments."""
    tag: str = ""
    """Tag, or a digest that begins with sha256:; empty: the chart's appVersion."""
    pull_policy: Literal["", "Always", "IfNotPresent", "Never"] | None = "IfNotPresent"
    """Pull policy; empty: Kubernetes' default."""


class Backend(Model):
    """The pods of a cluster."""

    image: BackendImage = BackendImage()
    image_pull_secrets: list[str | Labels] = []
    """Additional pull secrets of Dask's pods."""
    namespace: str | None = None
    """Namespace of the clusters; null: the release's."""
    environment: dict[str, str | int | float | bool] = {}
    """Environment of schedulers and workers. The DaskCluster object stores it, so put no secrets here."""
    scheduler_cmd: list[str] = ["dask", "scheduler"]
    """Command of a scheduler."""
    worker_cmd: list[str] = ["dask", "worker", "--no-nanny"]
    """Command of a worker. It needs no nanny process, because Kubernetes restarts a worker that dies."""
    termination_grace_period_seconds: Annotated[int, Field(ge=0)] = 3
    """Seconds that a scheduler or a worker may take to terminate."""
    scheduler: DaskPods = DaskPods(
        cores=CoreAmounts(request=0.1, limit=1.0), memory=MemoryAmounts(request="256 M", limit="1 G")
    )
    worker: WorkerPods = WorkerPods()


class ImageOption(Model):
    """Which images users may run."""

    enabled: bool = True
    """Let users choose an image."""
    allow: list[str] = []
    """Images allowed in addition to gateway.backend.image; `*` matches any text without `/`."""


class CoresOption(Model):
    """A number of cores that users choose."""

    enabled: bool = True
    """Let users choose this option."""
    min: Cores = 0.1
    """Smallest value allowed."""
    max: Cores = 8.0
    """Largest value allowed."""
    default: Cores | None = None
    """Default; null: the value in gateway.backend.worker."""


class MemoryOption(Model):
    """An amount of memory that users choose."""

    enabled: bool = True
    """Let users choose this option."""
    min: Memory = "128 M"
    """Smallest value allowed."""
    max: Memory = "16 G"
    """Largest value allowed."""
    default: Memory | None = None
    """Default; null: the value in gateway.backend.worker."""


class IdleOption(Model):
    """The idle timeout that users choose."""

    enabled: bool = True
    """Let users choose this option."""
    min: Annotated[int, Field(ge=0)] = 30
    """Smallest value allowed, in seconds; 0 allows clusters that never end when idle."""
    max: Annotated[int, Field(ge=1)] = 86400
    """Largest value allowed, in seconds."""


class ClusterOptions(Model):
    """Options that users may choose for their clusters."""

    image: ImageOption = ImageOption()
    worker_cores: CoresOption = CoresOption()
    worker_cores_limit: CoresOption = CoresOption()
    worker_memory: MemoryOption = MemoryOption()
    idle_timeout: IdleOption = IdleOption()
