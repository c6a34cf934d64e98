"""`DaskGatewayRequirement` for cwltool and whatever is built on it: its schema, its checks, a step with a cluster.

A cluster is claimed only in `DaskStep.run`; to load and validate a package nothing of Dask is imported.
"""

import logging
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from importlib.resources import files
from typing import Any

import cwltool.process
import yaml
from cwltool.errors import UnsupportedRequirement, WorkflowException
from cwltool.job import ContainerCommandLineJob
from cwltool.process import shortname
from cwltool.update import INTERNAL_VERSION
from schema_salad.exceptions import ValidationException
from schema_salad.sourceline import SourceLine

from cwl_dask.core.requirement import (
    NAMESPACE,
    URI,
    DaskGatewayRequirement,
    RequirementError,
    check_requirement,
    parse_requirement,
)
from cwl_dask.local.clusters import Clusters

log = logging.getLogger(__name__)

_EXTENSIONS = {"v1.0": "", "v1.1": "-v1.1", "v1.2": "-v1.2", "v1.3.0-dev1": "-v1.3"}
"""cwltool's own extensions, as `--enable-ext` loads them: version and part of the file's name."""


def register(*, enable_ext: bool = False) -> None:
    """Make cwltool know the requirement; `custom_schema_callback` of its `main`, which forgets it otherwise.

    Args:
        enable_ext: with cwltool's own extensions, which its `--enable-ext` would load.
    """
    ours = yaml.safe_load(files("cwl_dask.core").joinpath("schema.yaml").read_text())
    # cwltool 3.3 rewrites every document to a version of its own, with the schema of that version.
    for version in sorted({"v1.0", "v1.1", "v1.2", INTERNAL_VERSION}):
        name, schema = NAMESPACE, ours
        extension = files("cwltool").joinpath(f"extensions{_EXTENSIONS[version]}.yml")
        if enable_ext and extension.is_file():
            name, schema = "http://commonwl.org/cwltool", yaml.safe_load(extension.read_text())
            schema["$graph"].append(ours["$graph"][-1])
        cwltool.process.use_custom_schema(version, name, yaml.safe_dump(schema))
    if URI not in cwltool.process.supportedProcessRequirements:
        cwltool.process.supportedProcessRequirements.append(URI)


class InvalidRequirement(ValidationException):  # type: ignore[misc]
    """A requirement that could never be met: one line that begins with `file:line:column:`."""

    def __str__(self) -> str:
        """Return the line as it is; cwltool would wrap it to a narrow column."""
        return str(self.args[0])


def check_tool(document: Mapping[str, Any], loading_context: Any) -> None:
    """Refuse a tool whose requirement could not be met; call it before the tool is made, with the same arguments.

    Under `hints` cwltool lets pass what it does not know: a misspelt class would silently be a step without a cluster.

    Raises:
        InvalidRequirement: names file, line and field.
    """
    inherited = (*(loading_context.requirements or ()), *(loading_context.hints or ()))
    for there in (*inherited, *document.get("requirements", ()), *document.get("hints", ())):
        name = there["class"]
        if name == URI:
            try:
                check_requirement(there)
            except RequirementError as error:
                raise InvalidRequirement(f"{_where(there, error.field)} DaskGatewayRequirement: {error}") from error
        elif name.startswith(NAMESPACE) or "daskgateway" in name.lower():
            raise InvalidRequirement(
                f"{_where(there, 'class')} {name}: not known; write calrissian:DaskGatewayRequirement, "
                f'with $namespaces: {{calrissian: "{NAMESPACE}#"}}'
            )


def wanted_by(tool: Any) -> MutableMapping[str, Any] | None:
    """Return the requirement of a tool or job as written, from `requirements` or else `hints`; None without one."""
    fields: MutableMapping[str, Any] | None = tool.get_requirement(URI)[0]
    return fields


def evaluate(job: Any) -> DaskGatewayRequirement:
    """Evaluate the CWL expressions of a job's requirement, and parse it.

    Raises:
        WorkflowException: the values cannot be used; names file, line and field.
    """
    fields = wanted_by(job) or {}
    try:
        return parse_requirement({name: job.builder.do_eval(value) for name, value in fields.items()})
    except RequirementError as error:
        raise WorkflowException(f"{_where(fields, error.field)} DaskGatewayRequirement: {error}") from error


def _where(fields: MutableMapping[str, Any], field: str) -> str:
    """Tell where a field, or the requirement that lacks it, stands: `file:line:column:`."""
    return str(SourceLine(fields, field if field in fields else "class").makeLead())


class CheckedTool:
    """A tool that is checked before it is made: in front of any cwltool tool class."""

    def __init__(self, toolpath_object: Any, loading_context: Any) -> None:
        check_tool(toolpath_object, loading_context)
        super().__init__(toolpath_object, loading_context)  # type: ignore[call-arg] # of the tool class behind this one

    def collect_output_ports(self: Any, ports: Any, builder: Any, outdir: str, rcode: int, **options: Any) -> Any:
        """Collect a job's outputs; that a failed one has none must not hide its exit code, which may be temporary."""
        try:
            return super().collect_output_ports(ports, builder, outdir, rcode, **options)  # type: ignore[misc]
        except WorkflowException:
            if rcode in (0, *self.tool.get("successCodes", ())):
                raise
            return no_outputs(ports)


def no_outputs(ports: Any) -> dict[str, None]:
    """Return the outputs of a step that has none; cwltool takes a missing one for a permanent failure."""
    return {shortname(port["id"]): None for port in ports}


class DaskStep:
    """A job with a cluster of its own: in front of any cwltool job class, `type(name, (DaskStep, base), {...})`."""

    clusters: Clusters
    outputs: Any

    def run(self: Any, runtimeContext: Any, tmpdir_lock: Any = None) -> None:  # noqa: N803 - cwltool's name
        """Claim a cluster, run the step, dismiss the cluster.

        A step that gets no cluster ends as `temporaryFail` where the same may work later, else as `permanentFail`.
        """
        from cwl_dask.core.claim import ClaimError  # noqa: PLC0415 - see the module's docstring

        docker = self.get_requirement("DockerRequirement")[0] or {}
        try:
            with self.clusters.claim(evaluate(self), docker.get("dockerPull")) as claim, self.connected(claim):
                super().run(runtimeContext, tmpdir_lock)  # type: ignore[misc] # of the job class behind this one
        except ClaimError as error:
            log.error("step %s: %s", self.name, error)  # noqa: TRY400 - one line, no traceback
            with runtimeContext.workflow_eval_lock:
                self.output_callback(no_outputs(self.outputs), "temporaryFail" if error.temporary else "permanentFail")

    @contextmanager
    def connected(self: Any, claim: Any) -> Iterator[None]:
        """Let the step see its cluster: two variables, and a `gateway.yaml` that Dask's configuration finds."""
        self.environment |= {"DASK_GATEWAY_CLUSTER": claim.name, "DASK_CLUSTER": claim.name, "PYTHONUNBUFFERED": "1"}
        with self.clusters.configuration(claim) as directory:
            self.configuration = str(directory)
            if not isinstance(self, ContainerCommandLineJob):
                self.environment["DASK_CONFIG"] = self.configuration
            yield

    def create_runtime(self: Any, *arguments: Any, **options: Any) -> tuple[list[str], str | None]:
        """Mount the configuration into a container (only container jobs have this method)."""
        runtime, cidfile = super().create_runtime(*arguments, **options)  # type: ignore[misc]
        self.append_volume(runtime, self.configuration, "/etc/dask")
        return runtime, cidfile


def step_class(tool: Any, base: type, clusters: Clusters) -> type:
    """Choose the job class of a tool: `base`, or `base` with a cluster around it.

    Raises:
        UnsupportedRequirement: a cluster is required, and there is no gateway.
        WorkflowException: the embedded gateway does not start, or the step is in a container that cannot reach it.
    """
    if not wanted_by(tool):
        return base
    if issubclass(base, ContainerCommandLineJob) and not clusters.reach_containers:
        raise WorkflowException("a container does not reach the gateway on this machine's loopback: add --no-container")
    try:
        available = clusters.available()
    except RuntimeError as error:
        raise WorkflowException(str(error)) from error
    if available:
        return type(f"Dask{base.__name__}", (DaskStep, base), {"clusters": clusters, "outputs": tool.tool["outputs"]})
    if tool.get_requirement(URI)[1]:
        clusters.unsupported = True
        raise UnsupportedRequirement(
            "DaskGatewayRequirement needs a gateway: --dask-gateway, or gateway.address of Dask"
        )
    log.warning("no Dask Gateway is configured: %s runs without a cluster", tool.tool["id"].rpartition("#")[2])
    return base
