"""What `DaskGatewayRequirement` says: its fields, their units, and the number of workers. No I/O, no CWL runner.

The fields are those of Calrissian's extension, with two optional ones (`adaptive`, `idleTimeout`). Amounts of memory
are understood here, once, and leave in the one form that every Dask Gateway takes.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

NAMESPACE = "https://calrissian-cwl.github.io/schema"
URI = f"{NAMESPACE}#DaskGatewayRequirement"
"""The requirement's class, as cwltool spells it after loading."""

REQUIRED_FIELDS = ("workerCores", "workerCoresLimit", "workerMemory", "clusterMaxCores", "clusterMaxMemory")
OPTIONAL_FIELDS = ("adaptive", "idleTimeout")
ALIASES = {"clusterMaxCore": "clusterMaxCores"}
"""Spellings of older packages; Calrissian's branch renamed the field on 2025-09-04."""

_MEMORY = re.compile(r"(\d+(?:\.\d+)?)\s*(?:([KMGT])(i?B?))?", re.IGNORECASE)
_POWER = {"K": 1, "M": 2, "G": 3, "T": 4}


class RequirementError(ValueError):
    """A `DaskGatewayRequirement` that cannot be used; the message starts with the field's name."""


@dataclass(frozen=True, slots=True)
class DaskGatewayRequirement:
    """A cluster as a step asks for it; made by `parse_requirement`, so the numbers fit together."""

    worker_cores: float
    """Cores that a worker is given (its request)."""
    worker_cores_limit: float
    """Cores that a worker may use at most, at least `worker_cores`."""
    worker_memory_bytes: int
    """Memory of a worker in bytes."""
    cluster_max_cores: float
    """Cores of all workers together."""
    cluster_max_memory_bytes: int
    """Memory of all workers together in bytes."""
    adaptive: bool = False
    """False: scale to `workers` once. True: the scheduler adapts between 1 and `workers`."""
    idle_timeout_s: int | None = None
    """Seconds without work and without its runner after which a cluster ends itself; None leaves it to the runner."""

    @property
    def workers(self) -> int:
        """The most workers that fit into both maxima, at least 1."""
        by_cores = int(self.cluster_max_cores / self.worker_cores_limit + 1e-9)  # 0.3 / 0.1 is 2.999...
        return max(1, min(by_cores, self.cluster_max_memory_bytes // self.worker_memory_bytes))


def check_names(fields: Mapping[str, Any]) -> None:
    """Refuse a missing, misspelt or doubled field.

    Args:
        fields: the requirement as written; `class` and names with a colon (other vocabularies) are not looked at.

    Raises:
        RequirementError: names the field, and the fields that there are.
    """
    names = {ALIASES.get(name, name) for name in fields if name != "class" and ":" not in name}
    known = (*REQUIRED_FIELDS, *OPTIONAL_FIELDS)
    for name in sorted(names.difference(known)):
        raise RequirementError(f"{name}: unknown field; the fields are {', '.join(known)}")
    for name in (name for name in REQUIRED_FIELDS if name not in names):
        raise RequirementError(f"{name}: missing")
    for old, new in ALIASES.items():
        if old in fields and new in fields:
            raise RequirementError(f"{old}: an older spelling of {new}, which is there too")


def parse_requirement(fields: Mapping[str, Any]) -> DaskGatewayRequirement:
    """Parse a requirement whose CWL expressions have been evaluated.

    Args:
        fields: the requirement as a mapping; cores are numbers, memory as `parse_memory` takes it, `idleTimeout` is
            in seconds.

    Raises:
        RequirementError: a field is missing, unknown, of a wrong type or unit, or a worker is larger than the cluster.
    """
    check_names(fields)
    got = {ALIASES.get(name, name): value for name, value in fields.items()}
    parsed = DaskGatewayRequirement(
        worker_cores=_cores("workerCores", got["workerCores"]),
        worker_cores_limit=_cores("workerCoresLimit", got["workerCoresLimit"]),
        worker_memory_bytes=_memory("workerMemory", got["workerMemory"]),
        cluster_max_cores=_cores("clusterMaxCores", got["clusterMaxCores"]),
        cluster_max_memory_bytes=_memory("clusterMaxMemory", got["clusterMaxMemory"]),
        adaptive=_adaptive(got.get("adaptive")),
        idle_timeout_s=_idle_timeout(got.get("idleTimeout")),
    )
    if parsed.worker_cores > parsed.worker_cores_limit:
        raise RequirementError(
            f"workerCores: {parsed.worker_cores:g} is more than workerCoresLimit {parsed.worker_cores_limit:g}"
        )
    if parsed.worker_cores_limit > parsed.cluster_max_cores:
        raise RequirementError(
            f"clusterMaxCores: {parsed.cluster_max_cores:g} is less than one worker's "
            f"workerCoresLimit {parsed.worker_cores_limit:g}"
        )
    if parsed.worker_memory_bytes > parsed.cluster_max_memory_bytes:
        raise RequirementError(
            f"clusterMaxMemory: {got['clusterMaxMemory']} is less than one worker's workerMemory {got['workerMemory']}"
        )
    return parsed


def parse_memory(amount: str | float) -> int:
    """Understand an amount of memory.

    `4G`, `4 G`, `4Gi`, `4GiB` are binary (as Dask Gateway reads `G`), `4GB` is decimal (as Calrissian reads it),
    a number without a unit is MiB (as in CWL's ResourceRequirement).

    Returns:
        Bytes, at least 1024.

    Raises:
        ValueError: not an amount of memory, or less than 1 KiB.
    """
    match = None if isinstance(amount, bool) else _MEMORY.fullmatch(str(amount).strip())
    if not match:
        raise ValueError(f"not an amount of memory: {amount!r} (write for example 512M, 4G or 4Gi)")
    number, unit, suffix = match.groups()
    base = 1000 if (suffix or "").upper() == "B" else 1024
    amount_bytes = int(float(number) * base ** _POWER[(unit or "M").upper()])
    if amount_bytes < 1024:  # noqa: PLR2004 - the smallest unit of Dask Gateway
        raise ValueError(f"less than 1 KiB of memory: {amount!r}")
    return amount_bytes


def gateway_memory(amount_bytes: int) -> str:
    """Write an amount of memory as Dask Gateway's options take it, for example `524288K` (K is 1024 bytes)."""
    return f"{amount_bytes // 1024}K"


def readable_memory(amount_bytes: int) -> str:
    """Write an amount of memory for people, for example `4 GiB`."""
    for unit, power in (("TiB", 4), ("GiB", 3), ("MiB", 2)):
        if amount_bytes >= 1024**power:
            return f"{amount_bytes / 1024**power:.4g} {unit}"
    return f"{amount_bytes / 1024:.4g} KiB"


def _cores(field: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < float("inf"):
        raise RequirementError(f"{field}: not a positive number of cores: {value!r}")
    return float(value)


def _memory(field: str, value: Any) -> int:
    if not isinstance(value, str | int | float):
        raise RequirementError(f"{field}: not an amount of memory: {value!r} (write for example 512M, 4G or 4Gi)")
    try:
        return parse_memory(value)
    except ValueError as error:
        raise RequirementError(f"{field}: {error}") from error


def _adaptive(value: Any) -> bool:
    if not isinstance(value, bool | None):
        raise RequirementError(f"adaptive: neither true nor false: {value!r}")
    return bool(value)


def _idle_timeout(value: Any) -> int | None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
        raise RequirementError(f"idleTimeout: not a whole number of seconds, at least 1: {value!r}")
    return value
