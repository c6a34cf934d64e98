"""`DaskGatewayRequirement` for cwltool and the runners built on it: its schema and its checks.

Loading and validating a package imports nothing of Dask.
"""

import os
from collections.abc import Callable, Mapping, MutableMapping
from importlib.resources import files
from typing import Any

import cwltool.process
import yaml
from cwltool.errors import WorkflowException
from cwltool.process import shortname
from cwltool.update import INTERNAL_VERSION
from cwltool.utils import visit_class
from cwltool.workflow import default_make_tool
from schema_salad.exceptions import ValidationException
from schema_salad.ref_resolver import uri_file_path
from schema_salad.sourceline import SourceLine

from cwl_dask.core.failure import Failure, Failures
from cwl_dask.core.files import check_objects, confined
from cwl_dask.core.requirement import (
    NAMESPACE,
    URI,
    DaskGatewayRequirement,
    RequirementError,
    check_requirement,
    parse_requirement,
)

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


class InvalidDocument(ValidationException):  # type: ignore[misc]
    """A document with a fault that CWL's schema allows: one line that begins with `file:line:column:`."""

    def __str__(self) -> str:
        """Return the line as it is; cwltool would wrap it to a narrow column."""
        return str(self.args[0])


def check_tool(document: Mapping[str, Any], loading_context: Any) -> None:
    """Refuse a tool whose requirement could not be met; call it before the tool is made, with the same arguments.

    Under `hints` cwltool lets pass what it does not know: a misspelt class would silently be a step without a cluster.

    Raises:
        InvalidDocument: names file, line and field.
    """
    inherited = (*(loading_context.requirements or ()), *(loading_context.hints or ()))
    for there in (*inherited, *document.get("requirements", ()), *document.get("hints", ())):
        name = there["class"]
        if name == URI:
            try:
                check_requirement(there)
            except RequirementError as error:
                raise InvalidDocument(f"{_where(there, error.field)} DaskGatewayRequirement: {error}") from error
        elif name.startswith(NAMESPACE) or "daskgateway" in name.lower():
            raise InvalidDocument(
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
    """Return the place of a field, or of the requirement that lacks the field, as `file:line:column:`."""
    return str(SourceLine(fields, field if field in fields else "class").makeLead())


def maker(tool: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Return a `construct_tool_object` for cwltool that makes every CommandLineTool with `tool`.

    Args:
        tool: called with a document's part and the loading context; returns a cwltool process.
    """

    def make(spec: Any, loading_context: Any) -> Any:
        return (tool if spec.get("class") == "CommandLineTool" else default_make_tool)(spec, loading_context)

    return make


class CheckedTool:
    """A tool that is checked before it is made: in front of any cwltool tool class."""

    failures: Failures
    """Takes the reasons of failed jobs."""
    folders: tuple[str, ...] = ()
    """Folders beside a job's own that its outputs may link to."""

    def __init__(self, toolpath_object: Any, loading_context: Any) -> None:
        check_tool(toolpath_object, loading_context)
        super().__init__(toolpath_object, loading_context)  # type: ignore[call-arg] # of the tool class behind this one

    def collect_output_ports(self: Any, ports: Any, builder: Any, outdir: str, rcode: int, **options: Any) -> Any:
        """Return a job's outputs, and record why it has none.

        A failed job without outputs must not hide its exit code, which may be temporary.
        """
        step = options.get("jobname") or None
        succeeded = rcode in self.tool.get("successCodes", ()) or rcode == 0
        if not succeeded:
            temporary = rcode in self.tool.get("temporaryFailCodes", ())
            message = f"step {step} failed with exit code {rcode}"
            self.failures.add(Failure("step", message, temporary, step, rcode))
        folders = {os.path.realpath(path) for path in (outdir, *self.folders, *_local_paths(builder.files))}
        everywhere, builder.make_fs_access = builder.make_fs_access, confined(lambda: folders)
        try:
            outputs = super().collect_output_ports(ports, builder, outdir, rcode, **options)  # type: ignore[misc]
            check_objects(outputs, folders)
        except WorkflowException as error:
            if not succeeded:
                return no_outputs(ports)
            self.failures.add(Failure("output", " ".join(f"step {step}: {error}".split()), step=step))
            raise
        except (OSError, UnicodeError) as error:
            message = f"cannot collect the outputs of step {step}: {error}"
            self.failures.add(Failure("output", message, step=step))
            raise WorkflowException(message) from error
        else:
            return outputs
        finally:
            builder.make_fs_access = everywhere


def _local_paths(inputs: list[Any]) -> list[str]:
    """Return the paths of a job's input files and folders: an output may be a link to one of them."""
    locations = []

    def add(thing: Any) -> None:
        locations.append(str(thing.get("location", "")))

    visit_class(inputs, ("File", "Directory"), add)
    return [uri_file_path(location) for location in locations if location.startswith("file://")]


def no_outputs(ports: Any) -> dict[str, None]:
    """Return the outputs of a step that has none; cwltool takes a missing one for a permanent failure."""
    return {shortname(port["id"]): None for port in ports}
