"""Claim a Dask cluster from the embedded gateway: as `core.claim`, for a gateway that ends with its runner.

Nothing of such a cluster can outlive the runner, so no lease is needed and a dismissal need not wait. Plain HTTP from
the standard library, because the client of Dask Gateway takes 0.5 s and 50 MB.
"""

import base64
import contextlib
import json
import logging
import time
import urllib.error
import urllib.request
from concurrent.futures import CancelledError
from typing import Any, Self

from cwl_dask.core.failure import ClaimError
from cwl_dask.core.requirement import DaskGatewayRequirement

log = logging.getLogger(__name__)

ANSWER_S = 60
"""Seconds that the gateway may take to answer; it waits up to 20 s for a cluster that starts."""


class Api:
    """The REST interface of the embedded gateway, without the proxy of the environment."""

    def __init__(self, address: str, user: str, password: str) -> None:
        self.address = address
        self._authorization = f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Send one request; return the answer's JSON, or {} without one.

        Raises:
            ClaimError: the gateway refuses, with its reason.
            OSError: the gateway has ended; its proxy may outlive it for a moment, and answers 502 or 503.
        """
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.address}/api/{path}", data, method=method)  # noqa: S310 - http
        request.add_header("Authorization", self._authorization)
        try:
            with self._opener.open(request, timeout=ANSWER_S) as answer:
                return json.loads(answer.read() or b"{}")  # type: ignore[no-any-return] # as documented
        except urllib.error.HTTPError as error:
            with error:
                why = error.read().decode(errors="replace").strip()
            with contextlib.suppress(ValueError, LookupError, TypeError):  # an answer of the proxy is plain text
                why = json.loads(why)["error"]
            if error.code in {502, 503}:
                raise ConnectionError(f"{error.code} {why or error.reason}") from error
            raise ClaimError(f"no Dask cluster from {self.address}: {error.code} {why or error.reason}") from error


class EmbeddedClaim:
    """A Dask cluster for the length of a `with`, with the interface of `core.claim.Claim`."""

    def __init__(self, api: Api, requirement: DaskGatewayRequirement, image: str | None, *, keep: bool) -> None:
        """Prepare a claim; entering it sends the first request. See `core.claim.Claim`."""
        self.request = requirement, image
        self.options = requirement.options
        self.name = ""
        self.gone = False
        self._api, self._keep = api, keep
        self._since = time.monotonic()

    def __enter__(self) -> Self:
        """Submit the cluster.

        Raises:
            ClaimError: the gateway refuses, or has ended.
        """
        log.info("procuring a Dask cluster at %s", self._api.address)
        try:
            self.name = self._api.ask("POST", "v1/clusters/", {"cluster_options": self.options})["name"]
        except OSError as error:
            raise ClaimError(f"no Dask cluster from {self._api.address}: {error}") from error
        log.info("claimed cluster %s", self.name)
        return self

    def wait_running(self) -> None:
        """Block until the scheduler runs and its workers have been asked for.

        Raises:
            ClaimError: the cluster did not start.
            CancelledError: it was dismissed.
        """
        try:
            while (status := self._status("?wait")) == "PENDING":
                log.debug("cluster %s is pending", self.name)
            if self.gone:
                raise CancelledError
            if status != "RUNNING":
                raise ClaimError(f"cluster {self.name} is {status.lower()}: its scheduler did not start")
            log.info("cluster %s is running", self.name)
            wanted, path = self.request[0], f"v1/clusters/{self.name}"
            if wanted.adaptive:
                self._api.ask("POST", f"{path}/adapt", {"minimum": 1, "maximum": wanted.workers})
            else:
                self._api.ask("POST", f"{path}/scale", {"count": wanted.workers})
        except OSError as error:
            raise ClaimError(f"cluster {self.name} did not start: {error}") from error
        log.info(wanted.scaled, self.name)
        log.info("dashboard: %s/clusters/%s/status", self._api.address, self.name)

    def is_running(self) -> bool:
        """Ask the gateway whether the cluster runs; False without an answer."""
        with contextlib.suppress(OSError, ClaimError):
            return self._status() == "RUNNING"
        return False

    def finish(self) -> None:
        """Dismiss the cluster, unless it is kept for another step: the step's process has ended."""
        if not self._keep:
            self.dismiss()

    def dismiss(self) -> None:
        """Let the gateway end the cluster, and return: the gateway ends all its clusters before it ends itself."""
        if self.name and not self.gone:
            self.gone = True
            try:
                self._api.ask("DELETE", f"v1/clusters/{self.name}")
            except OSError as error:
                log.warning("cluster %s ended with its gateway, which does not answer: %s", self.name, error)
                return
            except ClaimError as error:
                log.debug("cluster %s: %s", self.name, error)  # it ended before
            log.info("dismissed cluster %s after %.1f s", self.name, time.monotonic() - self._since)

    def __exit__(self, *_: object) -> None:
        """Dismiss the cluster."""
        self.dismiss()

    def _status(self, query: str = "") -> str:
        return str(self._api.ask("GET", f"v1/clusters/{self.name}{query}")["status"])
