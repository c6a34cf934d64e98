"""Base class and types of the models of both charts' values."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

CpuQuantity = Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]{1,3}|m)?$")] | float
"""CPU cores as Kubernetes writes them: 500m, 0.5, 2."""
Quantity = Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)?(m|k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?$")]
"""An amount as Kubernetes writes it: 512Mi, 20Gi."""
Labels = dict[str, str]
Objects = list[dict[str, Any]]
"""Objects that Kubernetes itself defines and checks: tolerations, volumes, and the like."""


class Model(BaseModel):
    """A part of a chart's values: camelCase keys, described by the text under each field, no unknown key."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        alias_generator=to_camel,
        populate_by_name=True,
        use_attribute_docstrings=True,
    )


class ResourceAmounts(Model):
    """CPU, memory and other resources that a node offers."""

    model_config = ConfigDict(extra="allow")

    cpu: CpuQuantity | None = None
    memory: Quantity | int | None = None


class Resources(Model):
    """Requests and limits of a container."""

    requests: ResourceAmounts = ResourceAmounts()
    limits: ResourceAmounts = ResourceAmounts()


def refused(use: str) -> Any:
    """Declare a key of other charts that this chart refuses.

    The schema accepts the key, so that the template can fail with the replacement (see `generate.refused_keys`).

    Args:
        use: what to write instead, completing "KEY is not supported: ...".
    """
    return Field(default=None, exclude=True, description=use, json_schema_extra={"refused": True})
