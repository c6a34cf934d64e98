"""Steps of `cwl-dask`: processes or containers of this machine, with a Dask cluster where the tool asks for one."""

import functools
import glob
import json
import os
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cwltool.command_line_tool import CommandLineTool
from cwltool.errors import WorkflowException
from cwltool.job import ContainerCommandLineJob
from schema_salad.ref_resolver import uri_file_path

from cwl_dask.core import gateway
from cwl_dask.core.addresses import AddressError
from cwl_dask.core.clusters import Clusters
from cwl_dask.core.extension import CheckedTool, wanted_by
from cwl_dask.core.failure import Failure
from cwl_dask.core.step import DaskStep, Step, StepError, has_gateway
from cwl_dask.local.engine import Engine, Mount, watched
from cwl_dask.local.gateway import EmbeddedGateway
from cwl_dask.local.stepoutput import StepOutput


class LocalStep(Step):
    """A step that ends when the runner ends. Combine it with one of cwltool's job classes, as the first base class."""

    gateway: EmbeddedGateway | None = None
    """The embedded gateway of this run."""

    def run_step(self: Any, runtime_context: Any, tmpdir_lock: Any) -> None:
        """Run the step, and record why it failed."""
        with StepOutput() as output:
            self.collect_outputs = functools.partial(self._collected, self.collect_outputs, output)
            context = runtime_context.copy()
            context.default_stdout = context.default_stderr = output.file
            super().run_step(context, tmpdir_lock)

    def _collected(self: Any, collect: Callable[[str, int], Any], output: StepOutput, outdir: str, code: int) -> Any:
        """Collect the outputs; add the last line of a failed step to the reason, which is recorded once."""
        if code not in (0, *self.successCodes) and (last := output.last_line):
            why = f"step {self.name} failed with exit code {code}: {last}"
            self.clusters.failures.add(Failure("step", why, code in self.temporaryFailCodes, self.name, code))
        return collect(outdir, code)

    def _execute(self: Any, runtime: Sequence[str], *arguments: Any) -> None:
        """Run the command, or the container `runtime`, in a process that ends it together with the runner."""
        if self.mpi_procs or self.builder.job_script_provider:  # another program starts the command
            super()._execute(runtime, *arguments)  # type: ignore[misc] # of the job class behind this one
            return
        words: list[str] = [*runtime]
        removal: list[str] = []
        if words and words[0] in ("docker", "podman"):
            name = f"cwl-dask-{uuid.uuid4().hex}"
            words[2:2] = ["--name", name]
            removal = Engine(words[0]).removal(name)
        super()._execute(watched(words, removal), *arguments)  # type: ignore[misc] # as above

    def create_runtime(self: Any, *arguments: Any, **options: Any) -> tuple[list[str], str | None]:
        """Return the command that starts the container; only container jobs have this method."""
        runtime, cidfile = super().create_runtime(*arguments, **options)  # type: ignore[misc]
        if not os.geteuid():  # Podman has no user namespace to keep when root runs it
            runtime = [word for word in runtime if word != "--userns=keep-id"]
        return runtime, cidfile


class LocalDaskStep(DaskStep, LocalStep):
    """A step with a cluster."""

    image: str | None = None

    def run_step(self: Any, runtime_context: Any, tmpdir_lock: Any) -> None:
        """Get the step's image, claim a cluster of the same image, run the step, dismiss the cluster."""
        if isinstance(self, ContainerCommandLineJob) and self.gateway:
            docker = self.get_requirement("DockerRequirement")[0]
            where = runtime_context.tmp_outdir_prefix, runtime_context.image_base_path
            try:
                self.image = self.get_from_requirements(
                    docker, runtime_context.pull_image, runtime_context.force_docker_pull, *where
                )
            except (WorkflowException, OSError, subprocess.CalledProcessError):
                # The job class behind this one fails in the same way and says why, and needs no cluster for that.
                super(DaskStep, self).run_step(runtime_context, tmpdir_lock)
                return
        super().run_step(runtime_context, tmpdir_lock)

    def cluster_image(self: Any, runtime_context: Any) -> str | None:
        """Return the step's image, also where it was built or loaded here and no registry has it."""
        return self.image or super().cluster_image(runtime_context)

    def cluster_options(self: Any) -> dict[str, Any]:
        """Return the ticket for the cluster's containers, which see the step's folder and inputs as the step does."""
        if not (self.gateway and self.gateway.engine):
            return {}
        mounts = [Mount(os.path.realpath(self.outdir), self.builder.outdir, writable=True)] if self.image else []
        if self.image and self.pathmapper:
            mounts += [Mount(path.resolved, path.target) for _, path in self.pathmapper.items() if _is_input(path)]
        return {"ticket": self.gateway.ticket(self.image, mounts)}

    @contextmanager
    def connected(self: Any, claim: Any) -> Iterator[None]:
        """Write `gateway.yaml`, readable by its owner alone, into a folder that is removed with the step."""
        if self.gateway:
            section = gateway.step_section(self.gateway.section(), claim.options)
        else:
            import dask  # noqa: PLC0415 - only steps with another gateway need it

            section = _filled(gateway.step_section(dask.config.get("gateway"), claim.options))
        self.environment["PYTHONUNBUFFERED"] = "1"
        with tempfile.TemporaryDirectory(prefix="cwl-dask-step-") as self.configuration:
            path = Path(self.configuration, "gateway.yaml")
            with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
                json.dump({"gateway": section}, file, indent=2)  # JSON is YAML
            if not isinstance(self, ContainerCommandLineJob):
                self.environment["DASK_CONFIG"] = self.configuration
            yield

    def create_runtime(self: Any, *arguments: Any, **options: Any) -> tuple[list[str], str | None]:
        """Mount the configuration into the container, and let the container reach the gateway."""
        runtime, cidfile = super().create_runtime(*arguments, **options)
        self.append_volume(runtime, self.configuration, "/etc/dask")
        if self.gateway and runtime[0] in ("docker", "podman"):
            runtime = [word for word in runtime if not word.startswith("--net=")] + ["--net=host"]
        return runtime, cidfile


class RefusedStep(Step):
    """A step without a cluster, because the gateway's address cannot be used."""

    reason: str

    def run_step(self, runtime_context: Any, tmpdir_lock: Any) -> None:  # noqa: ARG002 - as in `Step`
        """Fail.

        Raises:
            StepError: always.
        """
        raise StepError(self.reason, kind="cluster")


class DaskTool(CheckedTool, CommandLineTool):  # type: ignore[misc] # cwltool has no types
    """A CommandLineTool whose steps end when the runner ends, and get a Dask cluster if they require one."""

    def __init__(self, toolpath_object: Any, loading_context: Any, clusters: Clusters) -> None:
        super().__init__(toolpath_object, loading_context)
        self.clusters, self.failures, self.gateway = clusters, clusters.failures, clusters.embedded
        if self.gateway and wanted_by(self):
            self.gateway.start()
        package = os.path.dirname(uri_file_path(self.tool["id"])) if self.tool["id"].startswith("file://") else ""  # noqa: PTH120
        self.package = [package] if package else []
        self.prefixes: set[str] = set()

    def collect_output_ports(self: Any, *arguments: Any, **options: Any) -> Any:
        """Return a job's outputs; they may link to the package's files, and to the temporary folders of other steps."""
        temporary = (path for prefix in self.prefixes for path in glob.iglob(f"{glob.escape(prefix)}*"))  # noqa: PTH207
        self.folders = (tempfile.gettempdir(), *self.package, *temporary)
        return super().collect_output_ports(*arguments, **options)

    def make_job_runner(self, runtimeContext: Any) -> type:  # noqa: N803 - cwltool's name
        """Return the job class: one of cwltool's with a watchdog, and with a cluster around it where one is wanted.

        Raises:
            UnsupportedRequirement: a cluster is required, and no gateway is configured.
        """
        self.prefixes |= {runtimeContext.tmpdir_prefix, runtimeContext.tmp_outdir_prefix}
        base: type = super().make_job_runner(runtimeContext)
        parts = {"clusters": self.clusters, "gateway": self.gateway, "outputs": self.tool["outputs"]}
        plain = type(f"Local{base.__name__}", (LocalStep, base), parts)
        if not wanted_by(self):
            return plain
        try:
            self.clusters.available()
        except AddressError as error:
            return type(f"Refused{base.__name__}", (RefusedStep, plain), {"reason": str(error)})
        if not has_gateway(self, self.clusters, "--dask-gateway"):
            return plain
        return type(f"Dask{base.__name__}", (LocalDaskStep, base), parts)


def _is_input(path: Any) -> bool:
    """Return True for a file or folder of this machine; False for a literal, which the step's own folder holds."""
    return path.type in ("File", "Directory") and not path.resolved.startswith("_:")


def _filled(value: Any) -> Any:
    """Fill the templates of Dask Gateway's configuration: a step does not have the variables that they name."""
    from dask_gateway.utils import format_template  # noqa: PLC0415 - see above

    if isinstance(value, dict):
        return {name: _filled(part) for name, part in value.items()}
    return format_template(value)
