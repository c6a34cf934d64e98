"""The clusters of one run of a runner: where they come from, how many at once, what a step sees of them, their end."""

import contextlib
import getpass
import json
import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cwl_dask.core.requirement import DaskGatewayRequirement

if TYPE_CHECKING:
    from cwl_dask.core.claim import Claim


class Clusters:
    """What the steps of one run share."""

    def __init__(self, configure: Callable[[], dict[str, Any]] = dict, limit: int | None = None, **claim: Any) -> None:
        """Prepare; nothing is started yet.

        Args:
            configure: gives what to change in Dask's configuration; called once, for the first tool with a cluster.
            limit: most clusters at a time; further steps wait. None: as many as there are steps.
            claim: further arguments of every `Claim`.
        """
        self.stopping = False
        self.reach_containers = True
        """False: the gateway is on this machine's loopback."""
        self.unsupported = False
        """A tool requires a cluster, and there is no gateway; inside a workflow cwltool tells this by no exit code."""
        self._configure: Callable[[], dict[str, Any]] | None = configure
        self._limit = limit
        self._claim = claim
        self._claims: list[Claim] = []
        self._claimed = 0
        self._turn = threading.Condition()

    def available(self) -> bool:
        """Tell whether there is a gateway, and make it ready."""
        import dask  # noqa: PLC0415 - only packages with the requirement pay for it
        import dask_gateway  # noqa: F401, PLC0415 - brings the defaults of its configuration

        if self._configure:
            dask.config.set(self._configure())
            self._configure = None
        return dask.config.get("gateway.address") is not None

    @contextlib.contextmanager
    def claim(self, requirement: DaskGatewayRequirement, image: str | None) -> Iterator["Claim"]:
        """Wait for a turn and for the cluster; dismiss it at the end.

        Raises:
            ClaimError: there is no cluster.
        """
        from cwl_dask.core.claim import Claim, ClaimError  # noqa: PLC0415 - dask and distributed

        with self._a_turn(), Claim(requirement, image, **self._claim) as claim:
            self._claims.append(claim)
            try:
                if self.stopping:
                    raise ClaimError("stopped")
                claim.wait_running()
                yield claim
            except CancelledError as error:  # `stop` dismissed it while it came up
                raise ClaimError("stopped") from error
            finally:
                self._claims.remove(claim)

    def stop(self) -> None:
        """Let no further step begin and dismiss what is there; takes no lock, so a signal handler may call it."""
        self.stopping = True
        for claim in list(self._claims):
            claim.dismiss()

    @contextlib.contextmanager
    def _a_turn(self) -> Iterator[None]:
        with self._turn:
            while self._limit and self._claimed >= self._limit and not self.stopping:
                self._turn.wait(0.5)  # `stop` does not notify
            self._claimed += 1
        try:
            yield
        finally:
            with self._turn:
                self._claimed -= 1
                self._turn.notify()

    @staticmethod
    @contextlib.contextmanager
    def configuration(claim: "Claim") -> Iterator[Path]:
        """Write `gateway.yaml` for a step, readable by its owner alone, in a directory that goes with the step."""
        import dask  # noqa: PLC0415
        from dask_gateway.utils import format_template  # noqa: PLC0415

        def filled(value: Any) -> Any:  # a step does not have the variables that a template names
            return (
                {name: filled(part) for name, part in value.items()}
                if isinstance(value, dict)
                else format_template(value)
            )

        gateway = filled(dask.config.get("gateway"))
        if gateway["auth"]["type"] == "basic":  # a cluster answers only to the user who claimed it
            gateway["auth"]["kwargs"] = {"username": getpass.getuser()} | (gateway["auth"]["kwargs"] or {})
        gateway["cluster"] = {"options": gateway["cluster"]["options"] | claim.options}
        with tempfile.TemporaryDirectory(prefix="cwl-dask-step-") as directory:
            path = Path(directory, "gateway.yaml")
            with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
                json.dump({"gateway": gateway}, file, indent=2)  # JSON is YAML
            yield path.parent
