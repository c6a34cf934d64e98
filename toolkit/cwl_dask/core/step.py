"""A step as both runners execute it: with a Dask cluster where the tool asks for one, and with a reason when it fails.

The classes stand in front of a job class of cwltool: `type(name, (DaskStep, base), {...})`.
"""

import logging
import random
import time
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from cwltool.errors import UnsupportedRequirement, WorkflowException

from cwl_dask.core.clusters import Clusters
from cwl_dask.core.extension import evaluate, no_outputs
from cwl_dask.core.failure import ClaimError, Failure, NoRoomError
from cwl_dask.core.files import FileAccessError
from cwl_dask.core.requirement import URI

if TYPE_CHECKING:
    from cwl_dask.core.claim import Claim

log = logging.getLogger(__name__)

NO_ROOM_PAUSE_S = 10, 40
"""Range of seconds between dismissing a cluster for lack of room and the next claim: the length of a short job."""


def has_gateway(tool: Any, clusters: Clusters, option: str) -> bool:
    """Return True if the steps of a tool with the requirement can have clusters; under `hints` they run without.

    Args:
        tool: a cwltool CommandLineTool that names the requirement.
        clusters: the run's clusters.
        option: the command line's option for the gateway's address.

    Raises:
        UnsupportedRequirement: a cluster is required, and no gateway is configured.
        WorkflowException: the gateway does not start.
    """
    try:
        available = clusters.available()
    except RuntimeError as error:
        raise WorkflowException(str(error)) from error
    if not available:
        if tool.get_requirement(URI)[1]:
            clusters.unsupported = True
            raise UnsupportedRequirement(
                f"no Dask Gateway is configured: DaskGatewayRequirement needs {option}, or gateway.address of Dask"
            )
        log.warning("no Dask Gateway is configured: %s runs without a cluster", tool.tool["id"].rpartition("#")[2])
    return available


class StepError(WorkflowException):  # type: ignore[misc] # cwltool has no types
    """A step that has no result; one sentence for the user."""

    def __init__(self, message: str, *, kind: str = "step", temporary: bool = False, code: int | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        """As `Failure.kind`."""
        self.temporary = temporary
        """True: the same step may succeed later."""
        self.code = code
        """The exit code of the step's process; None without one."""


class Step:
    """Any job: a failure ends it with a reason, and the workflow with it."""

    clusters: Clusters
    outputs: Any
    """The output ports of the step's tool."""

    def run(self: Any, runtimeContext: Any, tmpdir_lock: Any = None) -> None:  # noqa: N803 - cwltool's name
        """Run the step; one without a result ends as `temporaryFail` where it may succeed later, or `permanentFail`."""
        try:
            self.run_step(runtimeContext, tmpdir_lock)
        except (StepError, FileAccessError) as reason:
            error = reason if isinstance(reason, StepError) else StepError(str(reason), kind="input")
            log.error("step %s: %s", self.name, error)  # noqa: TRY400 - one line, no traceback
            self.clusters.failures.add(Failure(error.kind, str(error), error.temporary, self.name, error.code))
            with runtimeContext.workflow_eval_lock:
                self.output_callback(no_outputs(self.outputs), "temporaryFail" if error.temporary else "permanentFail")

    def run_step(self: Any, runtime_context: Any, tmpdir_lock: Any) -> None:
        """Run the step as the job class behind this one does.

        Raises:
            StepError: the step has no result.
        """
        super().run(runtime_context, tmpdir_lock)  # type: ignore[misc] # of the job class behind this one


class DaskStep(Step):
    """A step with a Dask cluster: claimed before the step starts, dismissed when the step has ended."""

    def run_step(self: Any, runtime_context: Any, tmpdir_lock: Any) -> None:
        """Claim a cluster, run the step, dismiss the cluster.

        Raises:
            StepError: there is no cluster, or the step has no result.
        """
        image = self.cluster_image(runtime_context)
        deadline = time.monotonic() + self.clusters.room_s
        while True:
            try:
                with self.clusters.claim(evaluate(self), image, **self.cluster_options()) as claim:
                    self.environment |= {"DASK_GATEWAY_CLUSTER": claim.name, "DASK_CLUSTER": claim.name}
                    with self.connected(claim):
                        return super().run_step(runtime_context, tmpdir_lock)
            except NoRoomError as error:
                if time.monotonic() > deadline:
                    raise StepError(str(error), kind="cluster", temporary=True) from error
                pause_s = random.uniform(*NO_ROOM_PAUSE_S)  # noqa: S311 - several jobs must not come back at once
                log.info("%s; step %s claims another cluster in %.0f s", error, self.name, pause_s)
                self.clusters.sleep(pause_s)
            except ClaimError as error:
                raise StepError(str(error), kind="cluster", temporary=error.temporary) from error

    def cluster_image(self: Any, runtime_context: Any) -> str | None:  # noqa: ARG002 - for overriding methods
        """Return the image of the cluster, which is the step's; None leaves the image to the gateway."""
        image: str | None = (self.get_requirement("DockerRequirement")[0] or {}).get("dockerPull")
        return image

    def cluster_options(self) -> dict[str, Any]:
        """Return options of the gateway for this step's cluster, beside those of the requirement."""
        return {}

    def connected(self, claim: "Claim") -> AbstractContextManager[None]:
        """Give the step the configuration of its gateway, for the length of a `with`."""
        raise NotImplementedError
