"""Values of charts/dask-gateway about the pods of every component."""

from typing import Annotated, Any, Literal

from pydantic import Field

from charts.schema.model import Labels, Model, Objects


class Image(Model):
    """An image; `name` is the repository, as the upstream chart calls it."""

    name: str
    """Repository."""
    tag: str = ""
    """Tag, or a digest that begins with sha256:; empty: the chart's appVersion."""
    pull_policy: Literal["", "Always", "IfNotPresent", "Never"] = "IfNotPresent"
    """Pull policy; empty: Kubernetes' default."""


class ServerImage(Image):
    """The image of API server and controller."""

    name: str = "ghcr.io/bai-kit/gateway-server"
    """Repository."""


class Probe(Model):
    """A probe, with the keys of the upstream chart."""

    enabled: bool = True
    initial_delay_seconds: Annotated[int, Field(ge=0)] = 0
    period_seconds: Annotated[int, Field(ge=1)] = 10
    timeout_seconds: Annotated[int, Field(ge=1)] = 5
    failure_threshold: Annotated[int, Field(ge=1)] = 3


class PodDisruptionBudget(Model):
    """A PodDisruptionBudget."""

    enabled: bool = False
    """Create a PodDisruptionBudget; useful with two or more replicas."""
    min_available: int | str | None = None
    """Pods that must stay available, as a number or a percentage."""
    max_unavailable: int | str | None = 1
    """Pods that may be unavailable at the same time; ignored when minAvailable is set."""


class PodSettings(Model):
    """Settings that the pods of all components have."""

    annotations: Labels = {}
    """Annotations of the pods."""
    labels: Labels = {}
    """Additional labels of the pods."""
    image_pull_secrets: list[str | Labels] = []
    """Additional pull secrets of the pods."""
    env: Objects = []
    """Additional environment variables."""
    env_from: Objects = []
    """Additional environment from ConfigMaps and Secrets."""
    node_selector: Labels = {}
    """Node selector."""
    affinity: dict[str, Any] = {}
    """Affinity."""
    tolerations: Objects = []
    """Tolerations."""
    topology_spread_constraints: Objects = []
    """Topology spread constraints; the default labelSelector selects the component's pods."""
    priority_class_name: str = ""
    """Priority class."""
    extra_volumes: Objects = []
    """Additional volumes."""
    extra_volume_mounts: Objects = []
    """Additional mounts."""
    pod_security_context: dict[str, Any] = {}
    """Merged over the pods' security context; null removes a key."""
    container_security_context: dict[str, Any] = {}
    """Merged over the containers' security context (read-only root, no capabilities); null removes a key."""
