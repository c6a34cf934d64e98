"""What charts/dask-gateway's values say of the pods of every component."""

from typing import Annotated, Any, Literal

from pydantic import Field

from charts.schema.model import Labels, Model, Objects


class Image(Model):
    """An image; `name` is the repository, as the upstream chart calls it."""

    name: str
    """Repository."""
    tag: str = ""
    """Tag, or a digest that begins with sha256:; empty is the chart's appVersion."""
    pull_policy: Literal["", "Always", "IfNotPresent", "Never"] = "IfNotPresent"
    """Pull policy; empty leaves it to Kubernetes."""


class ServerImage(Image):
    """The image of API server and controller."""

    name: str = "ghcr.io/bai-kit/gateway-server"
    """Repository."""


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
    """On top of the pods' security context; null removes a key."""
    container_security_context: dict[str, Any] = {}
    """On top of the containers' security context (read-only root, no capabilities); null removes a key."""
