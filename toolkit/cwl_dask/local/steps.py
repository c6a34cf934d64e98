"""Steps of `cwl-dask`: processes or containers of this machine, with a Dask cluster where the tool asks for one."""

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cwltool.command_line_tool import CommandLineTool
from cwltool.errors import WorkflowException
from cwltool.job import ContainerCommandLineJob
from schema_salad.ref_resolver import uri_file_path

from cwl_dask.core import gateway
from cwl_dask.core.clusters import Clusters
from cwl_dask.core.extension import CheckedTool, wanted_by
from cwl_dask.core.step import DaskStep, has_gateway


class LocalDaskStep(DaskStep):
    """A step with a cluster, in front of one of cwltool's job classes."""

    @contextmanager
    def connected(self: Any, claim: Any) -> Iterator[None]:
        """Write `gateway.yaml`, readable by its owner alone, into a folder that is removed with the step."""
        import dask  # noqa: PLC0415 - only steps with a cluster need it

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
        """Mount the configuration into a container; only container jobs have this method."""
        runtime, cidfile = super().create_runtime(*arguments, **options)  # type: ignore[misc]
        self.append_volume(runtime, self.configuration, "/etc/dask")
        return runtime, cidfile


class DaskTool(CheckedTool, CommandLineTool):  # type: ignore[misc] # cwltool has no types
    """A CommandLineTool whose steps get a Dask cluster where they ask for one."""

    def __init__(self, toolpath_object: Any, loading_context: Any, clusters: Clusters) -> None:
        super().__init__(toolpath_object, loading_context)
        self.clusters, self.failures = clusters, clusters.failures
        # Files of the package, and files that cwltool itself stages.
        package = os.path.dirname(uri_file_path(self.tool["id"])) if self.tool["id"].startswith("file://") else ""  # noqa: PTH120
        self.folders = (tempfile.gettempdir(), *([package] if package else []))

    def make_job_runner(self, runtimeContext: Any) -> type:  # noqa: N803 - cwltool's name
        """Return the job class: cwltool's own, or with a cluster around it.

        Raises:
            UnsupportedRequirement: a cluster is required, and no gateway is configured.
            WorkflowException: the embedded gateway does not start, or the step's container cannot reach it.
        """
        base: type = super().make_job_runner(runtimeContext)
        if not wanted_by(self):
            return base
        clusters = self.clusters
        if issubclass(base, ContainerCommandLineJob) and not clusters.reach_containers:
            raise WorkflowException(
                "a container does not reach the gateway on this machine's loopback: add --no-container"
            )
        if not has_gateway(self, clusters, "--dask-gateway"):
            return base
        parts = {"clusters": clusters, "outputs": self.tool["outputs"]}
        return type(f"Dask{base.__name__}", (LocalDaskStep, base), parts)


def _filled(value: Any) -> Any:
    """Fill the templates of Dask Gateway's configuration: a step does not have the variables that they name."""
    from dask_gateway.utils import format_template  # noqa: PLC0415 - see above

    if isinstance(value, dict):
        return {name: _filled(part) for name, part in value.items()}
    return format_template(value)
