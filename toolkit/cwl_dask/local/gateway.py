"""The embedded Dask Gateway: a server and clusters that are processes of this machine and end with the runner.

`server` is the program that this module starts: on loopback, with a random password, in a private folder.
"""

import contextlib
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

from cwl_dask.core.failure import ClaimError
from cwl_dask.core.requirement import DaskGatewayRequirement
from cwl_dask.local.claim import Api, EmbeddedClaim
from cwl_dask.local.engine import Engine, Mount

START_S = 30
"""Seconds until the server must answer."""
STOP_S = 40
"""Seconds until the server must have ended: it stops its clusters first, and each has up to 20 s."""
USER = "cwl-dask"
PASSWORD = "CWL_DASK_EMBEDDED_PASSWORD"  # noqa: S105 - the variable's name
PARENT = "CWL_DASK_EMBEDDED_PARENT"
ENGINE = "CWL_DASK_EMBEDDED_ENGINE"
"""The environment variables that tell the server its password, the process it ends with, and the container engine."""
MEMORY = {"MALLOC_TRIM_THRESHOLD_": "65536"} | dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"
)
"""Variables of schedulers and workers, as Dask's nanny sets them; forks inherit what the C library read of them."""
TICKETS = "tickets"
"""The folder, in the gateway's own, of the images and mounts of clusters that the runner is about to claim."""


class EmbeddedGatewayError(ClaimError):
    """The server did not start; the message ends with the last lines of its log."""


class EmbeddedGateway:
    """A gateway for the length of a `with`; start it in the main thread: the server ends with that thread."""

    def __init__(self, engine: Engine | None = None) -> None:
        """Prepare the gateway.

        Args:
            engine: runs clusters that have an image; None runs all clusters as processes of this Python.
        """
        self.engine = engine
        self._password = secrets.token_urlsafe(24)
        self._server: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the server, once; it takes a second until the server answers."""
        if self._server:
            return
        # Dask's configuration of the runner, such as the address of another gateway, is not for clusters.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("DASK_")}
        environment |= MEMORY | {PASSWORD: self._password, PARENT: str(os.getpid())}
        environment[ENGINE] = self.engine.program if self.engine else ""
        if path := environment.get("PYTHONPATH"):  # for workers in another directory
            environment["PYTHONPATH"] = os.pathsep.join(os.path.abspath(entry) for entry in path.split(os.pathsep))  # noqa: PTH100
        with (self._directory / "server.log").open("wb") as server_log:
            self._server = subprocess.Popen(
                [sys.executable, "-P", "-m", "cwl_dask.local.server", str(self._directory)],
                stdin=subprocess.DEVNULL,
                stdout=server_log,
                stderr=server_log,
                env=environment,
                start_new_session=True,  # Ctrl-C is for the runner, which dismisses its clusters first
            )

    def section(self) -> dict[str, Any]:
        """Start the server, wait until it answers, and return the section `gateway` of its clients' configuration.

        Raises:
            EmbeddedGatewayError: the server ended at once, or does not answer.
        """
        self.start()
        return {
            "address": self._answering(),
            "proxy-address": None,
            "public-address": None,
            "auth": {"type": "basic", "kwargs": {"username": USER, "password": self._password}},
            "http-client": {"proxy": None},  # no proxy reaches this machine's loopback
            "cluster": {"options": {}},
        }

    def claim(self, requirement: DaskGatewayRequirement, image: str | None, *, keep: bool) -> EmbeddedClaim:
        """Return a claim for `Clusters`.

        Raises:
            EmbeddedGatewayError: see `section`.
        """
        return EmbeddedClaim(Api(self.section()["address"], USER, self._password), requirement, image, keep=keep)

    def ticket(self, image: str | None, mounts: Sequence[Mount]) -> str:
        """Allow one cluster; return the value of its option `ticket`.

        With an engine the server starts no cluster without a ticket: a step knows the gateway's password, and must not
        start processes outside its container, or containers with other mounts.

        Args:
            image: the image of scheduler and workers; None starts them as processes of this Python.
            mounts: what scheduler and workers see of this machine.
        """
        ticket = secrets.token_hex(16)
        text = json.dumps({"image": image, "mounts": [asdict(mount) for mount in mounts]})
        (self._directory / TICKETS / ticket).write_text(text)
        return ticket

    def __enter__(self) -> Self:
        """Make the gateway's private folder."""
        self._directory = Path(tempfile.mkdtemp(prefix="cwl-dask-gateway-"))
        (self._directory / TICKETS).mkdir()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the server and with it every cluster, and remove the folder."""
        if self._server:
            if self.engine:
                self._server.terminate()  # the server removes its containers
            else:
                self._server.kill()  # the kernel kills its forks
            try:
                self._server.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self._server.kill()
                self._server.wait()
        shutil.rmtree(self._directory, ignore_errors=True)

    def _answering(self) -> str:
        """Return the server's address as soon as the server answers there."""
        deadline = time.monotonic() + START_S
        while self._server and self._server.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(OSError, ClaimError):
                address = (self._directory / "address").read_text()
                Api(address, USER, self._password).ask("GET", "health")
                return address
            time.sleep(0.02)
        words = (self._directory / "server.log").read_text(errors="replace").splitlines()[-5:]
        raise EmbeddedGatewayError("the embedded gateway did not start: " + " | ".join(words))
