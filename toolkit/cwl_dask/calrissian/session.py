"""State that all steps of a runner share. Imports little, because the runner needs it before Calrissian is loaded."""

from dataclasses import dataclass, field
from typing import Any

from cwl_dask.calrissian.guard import Ledger
from cwl_dask.core.clusters import Clusters
from cwl_dask.core.output import Output
from cwl_dask.core.waiting import Obstacle

START_S = 100.0
"""Seconds a step's pod or a cluster may take to start, so that a fault is reported within two minutes."""
PENDING_S = 3600.0
"""Seconds a step's pod or a cluster may wait for room on a node: for other jobs to end, or for a new node."""
DISMISS_S = 20
"""Seconds a cluster may take to end, within the 30 s of grace of the runner's pod; the guard has more time."""
CLAIM_S = 60
"""Seconds to go on asking a gateway that cannot be reached, for example while its pod moves to another node."""


@dataclass(slots=True)
class Session:
    """One run of the runner."""

    output: Output
    ledger: Ledger
    clusters: Clusters
    pending_s: float = PENDING_S
    start_s: float = START_S
    step_pod: dict[str, Any] = field(default_factory=dict)
    """Settings of the platform for every step's pod, see `pod.configure`."""
    folders: set[str] = field(default_factory=set)
    """Real paths of files and folders that a package may read through the runner."""
    reserved: set[str] = field(default_factory=set)
    """Real paths of the files that the runner writes; no step mounts them."""
    keep_entries: bool = False
    """True: keep the lines of each step in memory, for Calrissian's `--tool-logs-basepath`."""


def obstacle_of_cluster(name: str) -> Obstacle | None:
    """Return why a cluster does not start; None when no reason is known."""
    from cwl_dask.calrissian.obstacles import watch_cluster  # noqa: PLC0415 - see the module's docstring

    return watch_cluster(name)


def new_session(output: Output, ledger: Ledger, pending_s: float = PENDING_S) -> Session:
    """Return a session whose clusters are written to the ledger."""
    clusters = Clusters(
        claimed=lambda name: ledger.add("cluster", name),
        gone=lambda name: ledger.remove("cluster", name),
        start_s=START_S,
        room_s=pending_s,
        watch=obstacle_of_cluster,
        dismiss_s=DISMISS_S,
        claim_s=CLAIM_S,
    )
    return Session(output, ledger, clusters, pending_s)
