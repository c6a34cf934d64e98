"""Run steps under Calrissian: every step in its own pod, with a Dask cluster if the tool requires one."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from calrissian.job import CalrissianCommandLineJob
from calrissian.tool import CalrissianCommandLineTool

from cwl_dask.calrissian import pod as pods
from cwl_dask.calrissian import steplog
from cwl_dask.calrissian.watch import StepClient
from cwl_dask.core import gateway
from cwl_dask.core.extension import CheckedTool, maker, wanted_by
from cwl_dask.core.failure import Failure
from cwl_dask.core.files import FileAccessError, check_path, is_inside
from cwl_dask.core.step import DaskStep, Step, StepError, has_gateway

log = logging.getLogger(__name__)

_FILES = {"File", "Directory", "WritableFile", "WritableDirectory"}
"""Kinds of cwltool's mappings that are files of this machine, and no text of the package."""


class StepJob(Step, CalrissianCommandLineJob):  # type: ignore[misc] # Calrissian has no types
    """Any step: its pod passes Pod Security `restricted` and belongs to the runner."""

    client: StepClient

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        StepClient.session.folders.update(map(os.path.realpath, self.volume_builder.persistent_volume_entries))

    def add_volumes(self, pathmapper: Any, *arguments: Any, **options: Any) -> None:
        """Mount or copy the step's inputs, after a check of each: the runner can read more than a step may."""
        session = self.client.session
        for resolved, _, kind, _ in dict(pathmapper.items()).values():
            if kind in _FILES and not resolved.startswith("_:"):
                check_path(resolved, session.folders)
                real = os.path.realpath(resolved)
                if any(is_inside(path, real) for path in session.reserved):
                    raise FileAccessError(f"cannot give {resolved} to step {self.name}: the runner writes there")
        super().add_volumes(pathmapper, *arguments, **options)

    def create_kubernetes_runtime(self, runtimeContext: Any) -> pods.Pod:  # noqa: N803 - Calrissian's name
        """Return the step's pod."""
        self.environment["USER"] = gateway.user()
        self._keep_output()
        pod: pods.Pod = super().create_kubernetes_runtime(runtimeContext)
        if self.client.step_log:
            steplog.wrap(pod["spec"]["containers"][0])
        pods.adopt(pod, self.client.runner, self.name)
        pods.restrict(pod, read_only=not runtimeContext.no_read_only)
        pods.configure(pod, self.client.session.step_pod)
        pods.ask(pod, self.builder.do_eval((self.get_requirement("ResourceRequirement")[0] or {}).get("coresMin")))
        return pod

    def wait_for_kubernetes_pod(self) -> Any:
        """Wait for the step, and report its failure with the reason that Kubernetes gives."""
        result = super().wait_for_kubernetes_pod()
        code = result.exit_code
        if code and code not in self.successCodes:
            if self.client.lost:
                message = f"failed with exit code {code} after {self.client.lost}: {self.client.why}"
                raise StepError(message, kind="cluster", temporary=True, code=code)
            message = f"step {self.name} failed with exit code {code}: {self.client.why}"
            log.error("%s", message)
            temporary = code in self.temporaryFailCodes
            self.clusters.failures.add(Failure("step", message, temporary, self.name, code))
        return result

    def _keep_output(self) -> None:
        """Mount a file for the step's output, where the runner has a `step.log` on a volume that steps can mount."""
        step_log = self.client.session.output.step_log
        if step_log and self.volume_builder.find_persistent_volume(str(step_log)):
            try:
                self.client.step_log = steplog.create(step_log)
            except OSError as error:
                raise StepError(f"cannot write {step_log}: {error.strerror}", kind="output") from error
            self._add_volume_binding(str(self.client.step_log), steplog.MOUNT, writable=True)

    def run_step(self, runtime_context: Any, tmpdir_lock: Any) -> None:
        """Run the step as Calrissian does, unless the runner stops.

        Raises:
            StepError: the step has no result.
        """
        self.client.check()
        super().run_step(runtime_context, tmpdir_lock)


class DaskStepJob(DaskStep, StepJob):
    """A step with a Dask cluster: claimed before its pod is made, dismissed when its pod has ended."""

    @contextmanager
    def connected(self, claim: Any) -> Iterator[None]:
        """Let the step's client watch the cluster too."""
        self.client.claim = claim
        yield

    def create_kubernetes_runtime(self, runtimeContext: Any) -> pods.Pod:  # noqa: N803 - Calrissian's name
        """Return the step's pod, with `/etc/dask/gateway.yaml` in it."""
        import dask  # noqa: PLC0415 - not needed by steps without a cluster

        pod = super().create_kubernetes_runtime(runtimeContext)
        assert self.client.claim  # noqa: S101 - set before
        pods.connect(
            pod, gateway.step_section(dask.config.get("gateway"), self.client.claim.options), self.client.runner
        )
        return pod

    def wait_for_kubernetes_pod(self) -> Any:
        """Wait for the step; its results are collected while the cluster ends."""
        try:
            return super().wait_for_kubernetes_pod()
        finally:
            assert self.client.claim  # noqa: S101 - set before
            self.client.claim.finish()


class StepTool(CheckedTool, CalrissianCommandLineTool):  # type: ignore[misc] # Calrissian has no types
    """A CommandLineTool whose steps are `StepJob`s."""

    def __init__(self, toolpath_object: Any, loading_context: Any) -> None:
        super().__init__(toolpath_object, loading_context)
        self.failures = StepClient.session.clusters.failures

    def make_job_runner(self, runtimeContext: Any) -> type[StepJob]:  # noqa: N803 - Calrissian's name
        """Return the class of the step, after Calrissian's checks and the image that Calrissian may fill in."""
        super().make_job_runner(runtimeContext)
        clusters = StepClient.session.clusters
        base = DaskStepJob if wanted_by(self) and has_gateway(self, clusters, "--dask-gateway-url") else StepJob
        return type(base.__name__, (base,), {"outputs": self.tool["outputs"], "clusters": clusters})


make_tool = maker(StepTool)
"""Makes a cwltool process of a document's part: `construct_tool_object`."""
