"""Claim a Dask cluster for a step and dismiss it after: nothing outlives its step, whatever happens.

Knows Dask Gateway and nothing of CWL runners. Where the gateway is, and how to sign in there, is Dask's configuration.
"""

import asyncio
import contextlib
import logging
import re
import time
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import CancelledError, Future
from http import HTTPStatus
from typing import Any, Self

import aiohttp
import dask
from dask_gateway import Gateway, GatewayServerError

from cwl_dask.core import lease
from cwl_dask.core.dismissal import AWAY, ENDED, until_gone
from cwl_dask.core.failure import ClaimError, NoRoomError
from cwl_dask.core.loop import LoopThread
from cwl_dask.core.option_names import translate
from cwl_dask.core.requirement import DaskGatewayRequirement
from cwl_dask.core.waiting import GaveUp, Obstacle, Patience

log = logging.getLogger(__name__)

CALL_S = 20
"""Seconds that the gateway may take to answer a request."""
CLAIM_S = 5
"""Seconds to keep trying to reach the gateway."""
START_S = 600
"""Seconds from the claim until the cluster runs; pulling an image or adding a node may be necessary first."""
DISMISS_S = 30
"""Seconds that dismissing a cluster may take, unless the claim is given another limit."""
LOOK_S = 1
"""Seconds between two checks of why a cluster does not start."""
GIVE_BACK_S = 30
"""Seconds a running cluster may wait for room for its first worker before its own room is given to other jobs."""
RETRY_S = 1
"""Seconds between two requests to a gateway that is unreachable."""
NOT_ARRIVED = (aiohttp.ClientConnectorError,)
"""Errors that mean that the gateway did not receive the request, so a retry cannot create a second cluster."""
ANSWER_CHARACTERS = 200
"""Largest number of characters of a server's answer to show in a message."""
IDLE_TIMEOUT_S = 90
"""Seconds until a cluster without a runner ends, unless the requirement or Dask's configuration sets a timeout."""


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
        claim_s: float = CLAIM_S,
        room_s: float = START_S,
        watch: Callable[[str], Obstacle | None] = lambda _: None,
        *,
        keep: bool = False,
    ) -> None:
        """Prepare a claim; entering it sends the first request to the gateway.

        Args:
            requirement: what the step asks for.
            image: the step's container image, for scheduler and workers; None leaves it to the gateway.
            start_s: seconds until the cluster must be running.
            dismiss_s: seconds until the cluster must be gone.
            claim_s: seconds to go on asking a gateway that cannot be reached.
            room_s: seconds to wait for room on a node, as far as `watch` knows of it.
            watch: returns what keeps the named cluster from starting; None when nothing is known.
            keep: the cluster may serve another step after this one.
        """
        self.request = requirement, image
        """What the cluster was claimed for: steps with an equal request may use the cluster one after another."""
        self.name = ""
        """The cluster's name, from entering on."""
        self.options = requirement.options
        """The gateway's options for this cluster; complete after entering."""
        self.gone = False
        """True once the gateway has reported that the cluster ended."""
        if image:
            self.options["image"] = image
        if requirement.idle_timeout_s:
            self.options["idle_timeout"] = requirement.idle_timeout_s
        self._requirement = requirement
        self._keep = keep
        self._start_s, self._dismiss_s, self._claim_s = start_s, dismiss_s, claim_s
        self._room_s, self._watch = room_s, watch
        self._obstacle: Obstacle | None = None
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
        submission = self._thread.call(self._submit())
        try:
            submission.result()
        except BaseException as error:
            with contextlib.suppress(Exception, CancelledError):
                submission.result(CALL_S)  # after Ctrl-C it continues in its thread
            self.__exit__()  # dismiss the cluster, because the caller never gets this claim
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
        return bool(self._thread.call(self._status()).result() == "RUNNING")

    def ask_ended(self) -> Future[bool]:
        """Ask the gateway, in the background, whether the cluster has ended; the answer is False if there is none."""
        return self._thread.call(self._has_ended())

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
        """Dismiss the cluster, wait until it has ended, and log that. An unavailable gateway raises no error here."""
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
        try:
            defined = set(await self._answer(lambda: self._gateway.cluster_options(use_local_defaults=False), AWAY))
        except (ValueError, LookupError, TypeError, aiohttp.ContentTypeError) as error:  # 404, or no JSON of a gateway
            raise ClaimError(f"{self._gateway.address} is a web server, but no Dask Gateway: {_line(error)}") from error
        configured = dask.config.get("gateway.cluster.options", {})
        if "idle_timeout" in defined and "idle_timeout" not in configured:
            self.options.setdefault("idle_timeout", IDLE_TIMEOUT_S)
        try:
            self.options = translate(self.options, dask.config.get("gateway.cluster.option-names", None) or {})
        except ValueError as error:
            raise ClaimError(str(error)) from error
        if unknown := (self.options.keys() | configured.keys()) - defined:
            raise ClaimError(
                f"the gateway at {self._gateway.address} does not define {', '.join(sorted(unknown))}; "
                f"its options are {', '.join(sorted(defined)) or 'none'}"
            )
        # A submission that may have arrived is never repeated: the first cluster would stay.
        self.name = await self._answer(lambda: self._gateway.submit(**self.options), NOT_ARRIVED)

    async def _answer(self, ask: Callable[[], Awaitable[Any]], again: tuple[type[Exception], ...]) -> Any:
        """Ask the gateway until it answers; one missed answer of a name server must not cost a job.

        Args:
            ask: asks once.
            again: errors after which the question may be repeated.
        """
        deadline, said = time.monotonic() + self._claim_s, False
        while True:
            try:
                return await asyncio.wait_for(ask(), CALL_S)
            except Exception as error:
                may_help = isinstance(error, (*again, aiohttp.ClientResponseError)) and not _is_refusal(error)
                if not may_help or time.monotonic() > deadline:
                    raise
                if not said:
                    said = True
                    why = _line(error)
                    log.warning("no answer from the gateway at %s yet, trying again: %s", self._gateway.address, why)
            await asyncio.sleep(RETRY_S)

    async def _bring_up(self) -> None:
        """Wait for the scheduler, scale the cluster, start the lease in the background, and wait for a worker."""
        report = await self._patiently(self._running())
        log.info(self._requirement.scaled, self.name)
        log.info("dashboard: %s", report.dashboard_link)
        self._lease = asyncio.create_task(lease.hold(report.scheduler_address, report.security, self.name))
        await self._with_a_worker()

    async def _patiently(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Wait for work that needs pods; log why they do not start, and raise ClaimError when a time limit passes."""
        patience = Patience(f"cluster {self.name}", self._start_s, self._room_s)
        task = asyncio.ensure_future(work)
        try:
            while not task.done():
                self._obstacle = await asyncio.to_thread(self._watch, self.name)
                patience.look(self._obstacle)
                await asyncio.wait([task], timeout=min(LOOK_S, self._start_s))
            return task.result()
        except GaveUp as end:
            raise ClaimError(str(end), temporary=end.temporary) from end
        finally:
            task.cancel()

    async def _with_a_worker(self) -> None:
        """Return when a worker has room, so that the step's pod does not occupy the node that its workers need.

        Raises:
            NoRoomError: no worker has room, so the cluster should be dismissed to give its room to other jobs.
        """
        patience, since = Patience(f"cluster {self.name}", self._start_s, self._room_s), time.monotonic()
        while obstacle := await asyncio.to_thread(self._watch, self.name):
            if not obstacle.room:
                return
            try:
                patience.look(obstacle)
            except GaveUp as end:
                raise ClaimError(str(end), temporary=end.temporary) from end
            if time.monotonic() - since > GIVE_BACK_S:
                raise NoRoomError(f"cluster {self.name} has no room for a worker: {obstacle.text}", temporary=True)
            await asyncio.sleep(LOOK_S)

    async def _running(self) -> Any:
        """Ask until the cluster runs and its workers have been asked for; returns the gateway's report of it."""
        said = False
        while True:
            with contextlib.suppress(*AWAY):
                report = await self._gateway.get_cluster(self.name, wait=True)
                if (status := report.status.name) in ENDED:
                    raise self._ended(status.lower(), ran=said)
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

    def _ended(self, status: str, *, ran: bool) -> ClaimError:
        """Return the error for a cluster that ended before its step began."""
        if ran:
            why = "the gateway stopped it although it ran, for example because its scheduler could not be reached"
            return ClaimError(f"cluster {self.name} is {status}: {why}", temporary=True)
        if self._obstacle and self._obstacle.room:
            return NoRoomError(f"cluster {self.name} is {status}: {self._obstacle.text}", temporary=True)
        return ClaimError(f"cluster {self.name} is {status}: its scheduler did not start")

    async def _status(self) -> str | None:
        """Return the gateway's status of the cluster, such as RUNNING; None without an answer."""
        try:
            report = await asyncio.wait_for(self._gateway.get_cluster(self.name), CALL_S)
        except AWAY as error:
            # The gateway forgets a stopped cluster later; its client then raises a ValueError with the name.
            is_forgotten = isinstance(error, ValueError) and self.name in str(error)
            return "STOPPED" if is_forgotten else None
        return str(report.status.name)

    async def _has_ended(self) -> bool:
        return await self._status() in ENDED

    async def _dismiss(self) -> None:
        if self._lease:
            self._lease.cancel()
            await asyncio.wait([self._lease], timeout=2)
        await until_gone(self._gateway, self.name, self._since, self._dismiss_s)


def _refusal(error: BaseException) -> ClaimError:
    """Say in one sentence why the gateway gave no cluster."""
    address = dask.config.get("gateway.address", None)
    if isinstance(error, aiohttp.ClientResponseError):
        temporary, why = error.status >= HTTPStatus.INTERNAL_SERVER_ERROR, f"{error.status} {error.message}"
    else:
        temporary = isinstance(error, OSError | aiohttp.ClientError | GatewayServerError)
        why = _line(error) or f"no answer within {CALL_S} s"
    return ClaimError(f"no Dask cluster from {address}: {why}", temporary=temporary)


def _is_refusal(error: BaseException) -> bool:
    """Return True for an answer of the gateway that another try does not change."""
    return isinstance(error, aiohttp.ClientResponseError) and error.status != HTTPStatus.SERVICE_UNAVAILABLE


def _line(error: BaseException) -> str:
    """Return an error's text as one line; a web page, as other servers answer with, without its markup."""
    text = " ".join(re.sub(r"<style.*?</style>|<[^>]*>", " ", str(error), flags=re.DOTALL | re.IGNORECASE).split())
    return text if len(text) <= ANSWER_CHARACTERS else f"{text[:ANSWER_CHARACTERS]}…"
