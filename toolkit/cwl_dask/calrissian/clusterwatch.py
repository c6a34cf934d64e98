"""Notice a Dask cluster that ends while a step uses it, and keep the last lines of its scheduler.

The gateway stops a cluster after its idle timeout, anybody who may use the gateway can dismiss it, and a scheduler can
be killed. The application then fails with an error about connections; the scheduler's log is deleted with its pod.
"""

import collections
import contextlib
import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self

from kubernetes.client.rest import ApiException
from urllib3.exceptions import HTTPError

from cwl_dask.core.step import StepError
from cwl_dask.podlog import PodLog

if TYPE_CHECKING:
    from concurrent.futures import Future

    from cwl_dask.core.claim import Claim

log = logging.getLogger(__name__)

LINES = 20
"""Number of the scheduler's lines that are kept."""
ASK_S = 15
"""Seconds between two questions whether the cluster still runs."""
REPORTED_S = 2
"""Seconds after a step's failure in which the gateway may not know yet that the cluster had ended."""
ABANDONED_S = 60
"""Seconds that an application has to end after its cluster; clients of Dask notice the end by themselves."""


class ClusterWatch:
    """Watches the cluster of one step for the length of a `with`."""

    def __init__(self, claim: "Claim", api: Any, namespace: str, say: Callable[[str], None]) -> None:
        """Prepare.

        Args:
            claim: the step's cluster.
            api: a CoreV1Api.
            namespace: the runner's namespace; a scheduler in another one has no log here.
            say: writes a line to the job's log.
        """
        self._claim, self._api, self._namespace, self._say = claim, api, namespace, say
        self._lines: collections.deque[str] = collections.deque(maxlen=LINES)
        self._log: PodLog | None = None
        self._answer: Future[bool] | None = None
        self._asked_at = time.monotonic()
        self._ended_at = 0.0

    def __enter__(self) -> Self:
        """Begin to follow the scheduler's log; without its pod there are no lines, and no error."""
        namespace, _, cluster = self._claim.name.rpartition(".")
        if namespace == self._namespace:
            selector = f"gateway.dask.org/cluster={cluster},app.kubernetes.io/component=dask-scheduler"
            with contextlib.suppress(ApiException, HTTPError):
                for pod in self._api.list_namespaced_pod(namespace, label_selector=selector).items:
                    name = pod.metadata.name
                    self._log = PodLog(self._api, namespace, name, self._lines.append, keep_entries=False)
                    self._log.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop to follow; the open connection ends with the scheduler's pod."""
        if self._log:
            self._log.stop()

    def look(self) -> None:
        """Ask from time to time whether the cluster has ended; never waits for the answer.

        Raises:
            StepError: the application still runs long after its cluster ended.
        """
        now = time.monotonic()
        if self._ended_at:
            if now > self._ended_at + ABANDONED_S:
                raise StepError(
                    f"did not end within {ABANDONED_S} s after {self._what()}", kind="cluster", temporary=True
                )
        elif self._answer and self._answer.done():
            if self._answer.result():
                self._ended_at = now
                log.warning("cluster %s has ended while its step runs", self._claim.name)
            self._answer, self._asked_at = None, now
        elif not self._answer and now > self._asked_at + ASK_S:
            self._answer = self._claim.ask_ended()

    def why_lost(self) -> str:
        """Return how the cluster ended before a step that failed; empty if the cluster was not the reason."""
        deadline = time.monotonic() + REPORTED_S
        while not (self._ended_at or self._claim.ask_ended().result()):
            if time.monotonic() > deadline:
                return ""
            time.sleep(REPORTED_S / 4)
        return self._what()

    def _what(self) -> str:
        """Write the scheduler's lines to the job's log, and return what happened in one phrase."""
        for line in self._lines:
            self._say(f"scheduler | {line}")
        last = f" (its scheduler's last line: {self._lines[-1]})" if self._lines else ""
        return f"its Dask cluster {self._claim.name} had been stopped{last}"
