"""What the steps of one run share: their clusters, how many there may be at once, the end of all, and why they failed.

Imports nothing heavy: a runner needs this before it has its signal handlers.
"""

import contextlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING, Any

from cwl_dask.core.failure import Failures
from cwl_dask.core.requirement import DaskGatewayRequirement

if TYPE_CHECKING:
    from cwl_dask.core.claim import Claim


class Clusters:
    """The clusters of one run of a runner. Use it from any thread."""

    def __init__(
        self,
        configure: Callable[[], dict[str, Any]] = dict,
        limit: int | None = None,
        claimed: Callable[[str], None] = lambda _: None,
        gone: Callable[[str], None] = lambda _: None,
        **claim: Any,
    ) -> None:
        """Prepare; nothing is started yet.

        Args:
            configure: returns what to change in Dask's configuration; called once, for the first tool with a cluster.
            limit: most clusters at a time; further steps wait. None: as many as there are steps.
            claimed: called with the name of every cluster as soon as it is submitted.
            gone: called with the name of every cluster that has been seen gone.
            claim: further arguments of every `Claim`.
        """
        self.failures = Failures()
        """Why steps of this run failed."""
        self.limit = limit
        self.stopping = False
        """True: no further step begins."""
        self.reach_containers = True
        """False: the gateway listens on this machine's loopback only."""
        self.unsupported = False
        """True: a tool requires a cluster, and no gateway is configured; inside a workflow cwltool has no exit code."""
        self._configure: Callable[[], dict[str, Any]] | None = configure
        self._claimed, self._gone = claimed, gone
        self._claim = claim
        self._claims: list[Claim] = []
        self._taken = 0
        self._turn = threading.Condition()

    def available(self) -> bool:
        """Return True if a gateway is configured; the first call completes Dask's configuration."""
        import dask  # noqa: PLC0415 - only packages with the requirement pay for it
        import dask_gateway  # noqa: F401, PLC0415 - brings the defaults of its configuration

        if self._configure:
            dask.config.set(self._configure())
            self._configure = None
        return dask.config.get("gateway.address") is not None

    @contextlib.contextmanager
    def claim(self, requirement: DaskGatewayRequirement, image: str | None) -> Iterator["Claim"]:
        """Wait for a turn, claim a cluster, wait until it runs; dismiss it at the end.

        Raises:
            ClaimError: there is no cluster.
        """
        from cwl_dask.core.claim import Claim, ClaimError  # noqa: PLC0415 - dask and distributed

        claim = Claim(requirement, image, **self._claim)
        try:
            with self._a_turn(), claim:
                self._claims.append(claim)
                self._claimed(claim.name)
                try:
                    if self.stopping:
                        raise ClaimError("stopped")
                    claim.wait_running()
                    yield claim
                except CancelledError as error:  # `stop` dismissed the cluster while it started
                    raise ClaimError("stopped") from error
                finally:
                    self._claims.remove(claim)
        finally:
            if claim.gone:
                self._gone(claim.name)

    def stop(self) -> None:
        """Let no further step begin, and dismiss all clusters; takes no lock, so a signal handler may call it."""
        self.stopping = True
        for claim in list(self._claims):
            claim.dismiss()

    @contextlib.contextmanager
    def _a_turn(self) -> Iterator[None]:
        with self._turn:
            while self.limit and self._taken >= self.limit and not self.stopping:
                self._turn.wait(0.5)  # `stop` does not notify
            self._taken += 1
        try:
            yield
        finally:
            with self._turn:
                self._taken -= 1
                self._turn.notify()
