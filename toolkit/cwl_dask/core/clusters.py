"""What the steps of one run share: their clusters, how many there may be at once, the end of all, and why they failed.

Imports nothing heavy: a runner needs this before it has its signal handlers.
"""

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING, Any

from cwl_dask.core.failure import ClaimError, Failures
from cwl_dask.core.requirement import DaskGatewayRequirement

if TYPE_CHECKING:
    from cwl_dask.core.claim import Claim

log = logging.getLogger(__name__)

REUSE_WAIT_S = 30
"""Seconds a cluster waits for the next step that wants one like it, before it is dismissed."""


class Clusters:
    """The clusters of one run of a runner. Use it from any thread."""

    def __init__(
        self,
        configure: Callable[[], dict[str, Any]] = dict,
        limit: int | None = None,
        claimed: Callable[[str], None] = lambda _: None,
        gone: Callable[[str], None] = lambda _: None,
        failures: Failures | None = None,
        **claim: Any,
    ) -> None:
        """Prepare a run's clusters without claiming any.

        Args:
            configure: returns what to change in Dask's configuration; called once, for the first tool with a cluster.
            limit: largest number of clusters at the same time; further steps wait. None: no limit.
            claimed: called with the name of every cluster as soon as it is submitted.
            gone: called with the name of every cluster that has ended.
            failures: takes the failures of steps.
            claim: further arguments of every `Claim`.
        """
        self.failures = failures or Failures()
        """Why steps of this run failed."""
        self.limit = limit
        self.reuse = False
        """True: a step's cluster is handed to the next step that wants the same image and options."""
        self.stopping = False
        """True: no further step begins."""
        self.unsupported = False
        """True: a tool requires a cluster, and no gateway is configured; inside a workflow cwltool has no exit code."""
        self.room_s: float = claim.get("room_s", 0)
        """Seconds a step may wait for room for its cluster."""
        self.configure: Callable[[], dict[str, Any]] | None = configure
        """Returns what to change in Dask's configuration; None when that is done."""
        self._claimed, self._gone = claimed, gone
        self.embedded: Any = None
        """The gateway that belongs to this run; has a method `claim` that returns an object like `Claim`."""
        self._claim_arguments = claim
        self._claims: list[Claim] = []
        self._unused: dict[Claim, threading.Timer] = {}
        self._taken = 0
        self._turn = threading.Condition()

    def available(self) -> bool:
        """Return True if a gateway is configured; the first call completes Dask's configuration."""
        if self.embedded:
            return True
        import dask  # noqa: PLC0415 - only packages with the requirement pay for it
        import dask_gateway  # noqa: F401, PLC0415 - brings the defaults of its configuration

        if self.configure:
            dask.config.set(self.configure())
            self.configure = None
        return dask.config.get("gateway.address") is not None

    @contextlib.contextmanager
    def claim(self, requirement: DaskGatewayRequirement, image: str | None, **options: Any) -> Iterator["Claim"]:
        """Wait for a turn and for a running cluster; dismiss the cluster at the end, or keep it for the next step.

        Args:
            requirement: what the step asks for.
            image: the step's container image; None leaves the image to the gateway.
            options: further options of the gateway.

        Raises:
            ClaimError: there is no cluster.
        """
        with self._a_turn():
            claim = self._kept(requirement, image) or self._new(requirement, image, options)
            usable = False
            try:
                if self.stopping:
                    raise ClaimError("stopped")
                claim.wait_running()
                yield claim
                usable = True
            except CancelledError as error:  # `stop` dismissed the cluster while it started
                raise ClaimError("stopped") from error
            finally:
                if usable and self.reuse and not self.stopping:
                    self._keep(claim)
                else:
                    self._end(claim)

    def stop(self) -> None:
        """Let no further step begin, and dismiss all clusters; takes no lock, so a signal handler may call it."""
        self.stopping = True
        for claim in list(self._claims):
            claim.dismiss()

    def sleep(self, seconds: float) -> None:
        """Wait, but not longer than until the end of the run."""
        deadline = time.monotonic() + seconds
        while not self.stopping and time.monotonic() < deadline:
            time.sleep(0.2)

    def close(self) -> None:
        """Dismiss the clusters that wait for a next step; no step may run any more."""
        for claim in list(self._unused):
            self._expire(claim)

    def _new(self, requirement: DaskGatewayRequirement, image: str | None, options: dict[str, Any]) -> "Claim":
        if self.limit:  # a cluster that waits for a step counts too
            with self._turn:
                surplus = list(self._unused)[: max(0, len(self._unused) + self._taken - self.limit)]
            for unused in surplus:
                self._expire(unused)
        claim = self._prepared(requirement, image)
        claim.options |= options
        try:
            claim.__enter__()
        finally:
            if claim.gone:
                self._gone(claim.name)
        self._claims.append(claim)
        self._claimed(claim.name)
        return claim

    def _prepared(self, requirement: DaskGatewayRequirement, image: str | None) -> "Claim":
        if self.embedded:
            return self.embedded.claim(requirement, image, keep=self.reuse)  # type: ignore[no-any-return] # see there
        from cwl_dask.core.claim import Claim  # noqa: PLC0415 - dask and distributed

        return Claim(requirement, image, keep=self.reuse, **self._claim_arguments)

    def _kept(self, requirement: DaskGatewayRequirement, image: str | None) -> "Claim | None":
        """Return a cluster that an earlier step has finished with; None without one that still runs."""
        while True:
            with self._turn:
                claim = next((claim for claim in self._unused if claim.request == (requirement, image)), None)
                if claim is None:
                    return None
                self._unused.pop(claim).cancel()
            if claim.is_running():
                log.info("reused cluster %s", claim.name)
                return claim
            self._end(claim)

    def _keep(self, claim: "Claim") -> None:
        timer = threading.Timer(REUSE_WAIT_S, self._expire, [claim])
        timer.daemon = True
        with self._turn:
            self._unused[claim] = timer
        timer.start()

    def _expire(self, claim: "Claim") -> None:
        """Dismiss a cluster that waits for a next step, unless a step has it meanwhile."""
        with self._turn:
            timer = self._unused.pop(claim, None)
        if timer:
            timer.cancel()
            self._end(claim)

    def _end(self, claim: "Claim") -> None:
        self._claims.remove(claim)
        claim.__exit__()
        if claim.gone:
            self._gone(claim.name)

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
