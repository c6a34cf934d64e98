"""Claim a Dask cluster for a step and dismiss it after: nothing outlives its step, whatever happens.

Knows Dask Gateway and nothing of CWL runners. Where the gateway is, and how to sign in there, is Dask's configuration.
"""

import asyncio
import contextlib
import logging
import time
from concurrent.futures import CancelledError, Future
from typing import Any, Self

import aiohttp
import dask
from dask_gateway import Gateway, GatewayServerError

from cwl_dask.core import lease
from cwl_dask.core.dismissal import AWAY, ENDED, until_gone
from cwl_dask.core.loop import LoopThread
from cwl_dask.core.requirement import DaskGatewayRequirement, gateway_memory, readable_memory

log = logging.getLogger(__name__)

CALL_S = 20
"""Submitting a cluster: two short questions to the gateway."""
START_S = 600
"""From the claim until the cluster runs: an image may have to be pulled and a node to be added first."""
DISMISS_S = 30
"""A cluster's way out; well within a runner pod's grace period."""
IDLE_TIMEOUT_S = 90
"""Life of a cluster whose runner is gone, where neither the requirement nor Dask's configuration says otherwise."""


class ClaimError(RuntimeError):
    """No cluster for the step; one sentence for the user."""

    def __init__(self, message: str, *, temporary: bool = False) -> None:
        super().__init__(message)
        self.temporary = temporary
        """True: the same claim may work later (the gateway is away, or too slow)."""


class Claim:
    """A Dask cluster for the length of a `with`.

    Entering submits the cluster, so that `name` is known at once; it comes up in the background while the runner
    prepares the step. Leaving dismisses it and waits until it is seen gone. For every runner, from any thread.
    """

    def __init__(
        self,
        requirement: DaskGatewayRequirement,
        image: str | None = None,
        start_s: float = START_S,
        dismiss_s: float = DISMISS_S,
        *,
        keep: bool = False,
    ) -> None:
        """Prepare a claim; nothing is asked yet.

        Args:
            requirement: what the step asks for.
            image: the step's container image, for scheduler and workers; None leaves it to the gateway.
            start_s: seconds until the cluster must be running.
            dismiss_s: seconds until the cluster must be gone.
            keep: the cluster may serve another step after this one.
        """
        self.request = requirement, image
        """What the cluster was claimed for: steps with an equal request may use the cluster one after another."""
        self.name = ""
        """The cluster's name, from entering on."""
        self.options: dict[str, Any] = {
            "worker_cores": _number(requirement.worker_cores),
            "worker_cores_limit": _number(requirement.worker_cores_limit),
            "worker_memory": gateway_memory(requirement.worker_memory_bytes),
        }
        """The gateway's options for this cluster; complete after entering."""
        self.gone = False
        """True once the cluster has been seen gone."""
        if image:
            self.options["image"] = image
        if requirement.idle_timeout_s:
            self.options["idle_timeout"] = requirement.idle_timeout_s
        self._requirement = requirement
        self._keep = keep
        self._start_s, self._dismiss_s = start_s, dismiss_s
        self._since = time.monotonic()
        self._thread = LoopThread()
        self._lease: asyncio.Task[None] | None = None
        self._ready: Future[None] | None = None
        self._ending: Future[None] | None = None

    def __enter__(self) -> Self:
        """Submit the cluster.

        Raises:
            ClaimError: the gateway cannot be reached, or refuses.
        """
        self._since = time.monotonic()
        self._thread.start()
        submission = self._thread.call(asyncio.wait_for(self._submit(), CALL_S))
        try:
            submission.result()
        except BaseException as error:
            with contextlib.suppress(Exception, CancelledError):
                submission.result(CALL_S)  # interrupted (Ctrl-C), it goes on in the background
            self.__exit__()  # a cluster that nobody knows must not stay
            if isinstance(error, AWAY):
                raise _refusal(error) from error
            raise
        log.info("claimed cluster %s", self.name)
        self._ready = self._thread.call(self._bring_up())
        return self

    def wait_running(self) -> None:
        """Block until the scheduler runs and its workers have been asked for.

        Raises:
            ClaimError: the cluster failed, or did not run in time.
        """
        if self._ready:
            self._ready.result()

    def is_running(self) -> bool:
        """Ask the gateway whether the cluster runs; False without an answer."""
        try:
            report = self._thread.call(asyncio.wait_for(self._gateway.get_cluster(self.name), CALL_S)).result()
        except AWAY:
            return False
        return bool(report.status.name == "RUNNING")

    def finish(self) -> None:
        """Begin the dismissal, unless the cluster is kept for another step: the step's process has ended."""
        if not self._keep:
            self.dismiss()

    def dismiss(self) -> None:
        """Begin the dismissal and return; leaving the `with` waits for its end."""
        if self.name and not self._ending:
            if self._ready:
                self._ready.cancel()
            self._ending = self._thread.call(self._dismiss())

    def __exit__(self, *_: object) -> None:
        """Dismiss the cluster, wait until it is seen gone, and say so. Whatever the gateway does, this never raises."""
        try:
            self.dismiss()
            if self._ending:
                self._ending.result()
                self.gone = True
                log.info("dismissed cluster %s after %.1f s", self.name, time.monotonic() - self._since)
        except TimeoutError as error:
            log.error("cluster %s may still run: %s", self.name, error)  # noqa: TRY400 - one line, no traceback
        finally:
            self._thread.stop()

    async def _submit(self) -> None:
        self._gateway = await self._thread.entered.enter_async_context(Gateway(asynchronous=True))
        log.info("procuring a Dask cluster at %s", self._gateway.address)
        defined = set(await self._gateway.cluster_options(use_local_defaults=False))
        configured = dask.config.get("gateway.cluster.options", {})
        if "idle_timeout" in defined and "idle_timeout" not in configured:
            self.options.setdefault("idle_timeout", IDLE_TIMEOUT_S)
        if unknown := (self.options.keys() | configured.keys()) - defined:
            raise ClaimError(
                f"the gateway at {self._gateway.address} does not define {', '.join(sorted(unknown))}; "
                f"its options are {', '.join(sorted(defined)) or 'none'}"
            )
        self.name = await self._gateway.submit(**self.options)

    async def _bring_up(self) -> None:
        """Wait for the scheduler, ask for the workers, hold the lease (which goes on by itself)."""
        wanted = self._requirement
        try:
            async with asyncio.timeout(self._start_s):
                report = await self._running()
        except TimeoutError:
            raise ClaimError(f"cluster {self.name} is not running after {self._start_s:g} s", temporary=True) from None
        worker = f"{wanted.worker_cores:g} cores and {readable_memory(wanted.worker_memory_bytes)} memory"
        if wanted.adaptive:
            log.info("cluster %s adapts between 1 and %d workers of %s", self.name, wanted.workers, worker)
        else:
            log.info("scaled cluster %s to %d workers of %s", self.name, wanted.workers, worker)
        log.info("dashboard: %s", report.dashboard_link)
        self._lease = asyncio.create_task(lease.hold(report.scheduler_address, report.security, self.name))

    async def _running(self) -> Any:
        """Ask until the cluster runs and its workers have been asked for; returns the gateway's report of it."""
        said = False
        while True:
            with contextlib.suppress(*AWAY):
                report = await self._gateway.get_cluster(self.name, wait=True)
                if (status := report.status.name) in ENDED:
                    raise ClaimError(f"cluster {self.name} is {status.lower()}; its scheduler's log says why")
                if status == "RUNNING":
                    if not said:
                        said = True
                        log.info("cluster %s is running", self.name)
                    if self._requirement.adaptive:
                        await self._gateway.adapt_cluster(self.name, 1, self._requirement.workers)
                    else:
                        await self._gateway.scale_cluster(self.name, self._requirement.workers)
                    return report
            await asyncio.sleep(0.2)

    async def _dismiss(self) -> None:
        if self._lease:
            self._lease.cancel()
            await asyncio.wait([self._lease], timeout=2)
        await until_gone(self._gateway, self.name, self._since, self._dismiss_s)


def _refusal(error: BaseException) -> ClaimError:
    """Say in one sentence why the gateway gave no cluster."""
    address = dask.config.get("gateway.address", None)
    if isinstance(error, aiohttp.ClientResponseError):
        temporary, why = error.status >= 500, f"{error.status} {error.message}"  # noqa: PLR2004 - HTTP's server errors
    else:
        temporary = isinstance(error, OSError | aiohttp.ClientError | GatewayServerError)
        why = str(error) or f"no answer within {CALL_S} s"
    return ClaimError(f"no Dask cluster from {address}: {why}", temporary=temporary)


def _number(value: float) -> int | float:
    """Whole numbers as integers: a gateway's option may be an Integer or a Float."""
    return int(value) if value.is_integer() else value
