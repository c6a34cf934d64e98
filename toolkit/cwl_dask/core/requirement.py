"""What `DaskGatewayRequirement` says: its fields, their units, and the number of workers. No I/O, no CWL runner.

The fields are those of Calrissian's extension, with two optional ones (`adaptive`, `idleTimeout`). Amounts of memory
are understood here, once, and leave in the one form that every Dask Gateway takes.
"""

import re
from collections.abc import Callable, Mapping
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
    """A `DaskGatewayRequirement` that cannot be used; one sentence that begins with the field's name."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__(f"{field}: {why}")
        self.field = field
        """The field's name, as the CWL document spells it."""


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

    @property
    def options(self) -> dict[str, Any]:
        """The options of a Dask Gateway for a worker."""
        return {
            "worker_cores": _number(self.worker_cores),
            "worker_cores_limit": _number(self.worker_cores_limit),
            "worker_memory": gateway_memory(self.worker_memory_bytes),
        }

    @property
    def scaled(self) -> str:
        """The log line for a cluster that has been asked for its workers; `%s` is the cluster's name."""
        worker = f"{self.worker_cores:g} cores and {readable_memory(self.worker_memory_bytes)} memory"
        if self.adaptive:
            return f"cluster %s adapts between 1 and {self.workers} workers of {worker}"
        return f"scaled cluster %s to {self.workers} workers of {worker}"


def check_requirement(fields: Mapping[str, Any]) -> None:
    """Check a requirement as it is written, as far as that goes while CWL expressions are not evaluated.

    Args:
        fields: the requirement as a mapping; `class` and names with a colon (other vocabularies) are not looked at.

    Raises:
        RequirementError: a field is missing, unknown or doubled, or has a wrong type, unit or size.
    """
    _check_names(fields)
    written = {name: value for name, value in fields.items() if name in _PARSERS or name in ALIASES}
    if not any(map(_is_expression, written.values())):
        parse_requirement(fields)
    for name, value in written.items():
        if not _is_expression(value):
            _parse(name, value)


def parse_requirement(fields: Mapping[str, Any]) -> DaskGatewayRequirement:
    """Parse a requirement whose CWL expressions have been evaluated.

    Args:
        fields: the requirement as a mapping; cores are numbers, memory as `parse_memory` takes it, `idleTimeout` is
            in seconds.

    Raises:
        RequirementError: a field is missing, unknown, of a wrong type or unit, or a worker is larger than the cluster.
    """
    _check_names(fields)
    spelt = {ALIASES.get(name, name): name for name in fields}
    got = {name: _parse(spelt[name], fields[spelt[name]]) for name in _PARSERS if name in spelt}
    for small, large in _ORDER:
        if got[small] > got[large]:
            more, less = fields[spelt[small]], fields[spelt[large]]
            raise RequirementError(spelt[large], f"{less} is less than {small}, which is {more}")
    return DaskGatewayRequirement(
        worker_cores=got["workerCores"],
        worker_cores_limit=got["workerCoresLimit"],
        worker_memory_bytes=got["workerMemory"],
        cluster_max_cores=got["clusterMaxCores"],
        cluster_max_memory_bytes=got["clusterMaxMemory"],
        adaptive=bool(got.get("adaptive")),
        idle_timeout_s=got.get("idleTimeout"),
    )


def parse_memory(amount: Any) -> int:
    """Understand an amount of memory.

    `4G`, `4 G`, `4Gi`, `4GiB` are binary (as Dask Gateway reads `G`), `4GB` is decimal (as Calrissian reads it),
    a number without a unit is MiB (as in CWL's ResourceRequirement).

    Args:
        amount: a string or a number.

    Returns:
        Bytes, at least 1024.

    Raises:
        ValueError: not an amount of memory, or less than 1 KiB.
    """
    is_amount = isinstance(amount, str | int | float) and not isinstance(amount, bool)
    match = _MEMORY.fullmatch(str(amount).strip()) if is_amount else None
    if not match:
        raise ValueError(f"not an amount of memory: {amount!r} (write for example 512M, 4G or 4Gi)")
    number, unit, suffix = match.groups()
    base = 1000 if (suffix or "").upper() == "B" else 1024
    amount_bytes = int(float(number) * base ** _POWER[(unit or "M").upper()])
    if amount_bytes < 1024:  # noqa: PLR2004 - the smallest unit of Dask Gateway
        raise ValueError(f"less than 1 KiB of memory: {amount!r}")
    return amount_bytes


def gateway_memory(amount_bytes: int) -> str:
    """Return an amount of memory in the form of Dask Gateway's options, such as `524288K` (K is 1024 bytes)."""
    return f"{amount_bytes // 1024}K"


def readable_memory(amount_bytes: int) -> str:
    """Write an amount of memory for people, for example `4 GiB`."""
    for unit, power in (("TiB", 4), ("GiB", 3), ("MiB", 2)):
        if amount_bytes >= 1024**power:
            return f"{amount_bytes / 1024**power:.4g} {unit}"
    return f"{amount_bytes / 1024:.4g} KiB"


def _check_names(fields: Mapping[str, Any]) -> None:
    ours = [name for name in fields if name != "class" and ":" not in name]
    known = (*REQUIRED_FIELDS, *OPTIONAL_FIELDS)
    for name in ours:
        if name not in known and name not in ALIASES:
            raise RequirementError(name, f"unknown field; the fields are {', '.join(known)}")
        if name in ALIASES and ALIASES[name] in fields:
            raise RequirementError(name, f"an older spelling of {ALIASES[name]}, which is there too")
    there = {ALIASES.get(name, name) for name in ours}
    for name in (name for name in REQUIRED_FIELDS if name not in there):
        raise RequirementError(name, "missing")


def _is_expression(value: Any) -> bool:
    return isinstance(value, str) and ("$(" in value or "${" in value)


def _parse(name: str, value: Any) -> Any:
    try:
        return _PARSERS[ALIASES.get(name, name)](value)
    except ValueError as error:
        raise RequirementError(name, str(error)) from error


def _cores(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < float("inf"):
        raise ValueError(f"not a positive number of cores: {value!r}")
    return float(value)


def _number(value: float) -> int | float:
    """Whole numbers as integers: a gateway's option may be an Integer or a Float."""
    return int(value) if value.is_integer() else value


def _adaptive(value: Any) -> bool:
    if not isinstance(value, bool | None):
        raise ValueError(f"neither true nor false: {value!r}")  # noqa: TRY004 - one kind of error for all fields
    return bool(value)


def _idle_timeout(value: Any) -> int | None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
        raise ValueError(f"not a whole number of seconds, at least 1: {value!r}")
    return value


_PARSERS: dict[str, Callable[[Any], Any]] = {
    "workerCores": _cores,
    "workerCoresLimit": _cores,
    "workerMemory": parse_memory,
    "clusterMaxCores": _cores,
    "clusterMaxMemory": parse_memory,
    "adaptive": _adaptive,
    "idleTimeout": _idle_timeout,
}
_ORDER = (
    ("workerCores", "workerCoresLimit"),
    ("workerCoresLimit", "clusterMaxCores"),
    ("workerMemory", "clusterMaxMemory"),
)
"""Pairs of which the first must not be more than the second: a worker fits into the cluster."""
