"""Steps under Calrissian: each a pod of its own, with a Dask cluster around it where the tool asks for one."""

import getpass
import logging
import os
from typing import Any

import dask
from calrissian.job import CalrissianCommandLineJob
from calrissian.tool import CalrissianCommandLineTool

from cwl_dask.calrissian import pod as pods
from cwl_dask.calrissian.watch import StepClient, StepError
from cwl_dask.core.claim import Claim, ClaimError
from cwl_dask.core.extension import CheckedTool, evaluate, no_outputs, wanted_by
from cwl_dask.core.tools import maker

log = logging.getLogger(__name__)

DISMISS_S = 20
"""A cluster's way out, within the 30 s of grace of the runner's pod; the guard has the rest."""


class StepJob(CalrissianCommandLineJob):  # type: ignore[misc] # Calrissian has no types
    """Any step: its pod passes Pod Security `restricted` and is the runner's."""

    client: StepClient
    outputs: Any

    def create_kubernetes_runtime(self, runtimeContext: Any) -> pods.Pod:  # noqa: N803 - Calrissian's name
        """Make the pod."""
        self.environment["USER"] = user()
        pod: pods.Pod = super().create_kubernetes_runtime(runtimeContext)
        pods.adopt(pod, self.client.runner, self.name)
        pods.restrict(pod, read_only=not runtimeContext.no_read_only)
        pods.ask(pod, self.builder.do_eval((self.get_requirement("ResourceRequirement")[0] or {}).get("coresMin")))
        return pod

    def run(self, runtimeContext: Any, tmpdir_lock: Any = None) -> None:  # noqa: N803 - Calrissian's name
        """Run the step to its end; one that has no result ends with the reason, and the workflow with it."""
        try:
            self.client.check()
            self.run_step(runtimeContext, tmpdir_lock)
        except StepError as error:
            log.error("step %s: %s", self.name, error)  # noqa: TRY400 - one line, no traceback
            with runtimeContext.workflow_eval_lock:
                self.output_callback(no_outputs(self.outputs), "temporaryFail" if error.temporary else "permanentFail")

    def run_step(self, runtime_context: Any, tmpdir_lock: Any) -> None:
        """Run the step as Calrissian does."""
        super().run(runtime_context, tmpdir_lock)


class DaskStepJob(StepJob):
    """A step with a Dask cluster: claimed before its pod is made, dismissed when its pod has ended."""

    def run_step(self, runtime_context: Any, tmpdir_lock: Any) -> None:
        """Claim, run, dismiss.

        Raises:
            StepError: there is no cluster, or the step has no result.
        """
        session, image = self.client.session, self._get_container_image()
        claim = Claim(evaluate(self), image, start_s=session.pending_s, dismiss_s=DISMISS_S)
        try:
            with session.turn():
                self.client.check()
                with claim:
                    session.ledger.owe("cluster", claim.name)
                    self.client.claim = claim
                    self.client.check()
                    self.environment.update(DASK_GATEWAY_CLUSTER=claim.name, DASK_CLUSTER=claim.name)
                    super().run_step(runtime_context, tmpdir_lock)
        except ClaimError as error:
            raise StepError(str(error), temporary=error.temporary) from error
        finally:
            if claim.gone:
                session.ledger.settle("cluster", claim.name)

    def create_kubernetes_runtime(self, runtimeContext: Any) -> pods.Pod:  # noqa: N803 - Calrissian's name
        """Make the pod, with `/etc/dask/gateway.yaml` in it."""
        pod = super().create_kubernetes_runtime(runtimeContext)
        assert self.client.claim  # noqa: S101 - set before
        gateway = pods.step_gateway(dask.config.get("gateway"), self.client.claim.options, user())
        pods.connect(pod, gateway, self.client.runner)
        return pod

    def wait_for_kubernetes_pod(self) -> Any:
        """Wait for the step; its results are collected while the cluster goes."""
        try:
            return super().wait_for_kubernetes_pod()
        finally:
            assert self.client.claim  # noqa: S101 - set before
            self.client.claim.dismiss()


class StepTool(CheckedTool, CalrissianCommandLineTool):  # type: ignore[misc] # Calrissian has no types
    """A CommandLineTool with our checks and our jobs."""

    def make_job_runner(self, runtimeContext: Any) -> type[StepJob]:  # noqa: N803 - Calrissian's name
        """Choose the kind of step, after Calrissian's checks and the image that it may fill in."""
        super().make_job_runner(runtimeContext)
        base = DaskStepJob if wanted_by(self) else StepJob
        return type(base.__name__, (base,), {"outputs": self.tool["outputs"]})


make_tool = maker(StepTool)
"""Makes a cwltool process of a document's part: `construct_tool_object`."""


def user() -> str:
    """Name the gateway's user, of the runner and its steps alike; a random uid may have no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())
