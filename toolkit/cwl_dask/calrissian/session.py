"""What all steps of a runner share. Imports nothing heavy: it is there before Calrissian is."""

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

from cwl_dask.calrissian.guard import Ledger
from cwl_dask.core.output import Output

PENDING_S = 100.0
"""How long a pod or a cluster may take to start: a fault has to be told within two minutes."""


@dataclass(frozen=True, slots=True)
class Session:
    """One run of the runner."""

    output: Output
    ledger: Ledger
    pending_s: float = PENDING_S
    stop: threading.Event = field(default_factory=threading.Event)
    """Set by SIGTERM."""
    turns: threading.Semaphore | None = None
    """One for each cluster that there may be at a time; None: no limit."""

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        """Wait until there may be one more cluster, or for SIGTERM."""
        mine = False
        while self.turns and not mine and not self.stop.is_set():
            mine = self.turns.acquire(timeout=0.5)
        try:
            yield
        finally:
            if self.turns and mine:
                self.turns.release()
