"""cwltool's CommandLineTool with our checks and our jobs, and the options that both runners have."""

import argparse
from collections.abc import Callable
from typing import Any

from cwltool.command_line_tool import CommandLineTool
from cwltool.workflow import default_make_tool

from cwl_dask.core.extension import CheckedTool, step_class
from cwl_dask.local.clusters import Clusters


class DaskTool(CheckedTool, CommandLineTool):  # type: ignore[misc] # cwltool has no types
    """A CommandLineTool whose steps get a Dask cluster where they ask for one."""

    def __init__(self, toolpath_object: Any, loading_context: Any, clusters: Clusters) -> None:
        super().__init__(toolpath_object, loading_context)
        self.clusters = clusters

    def make_job_runner(self, runtimeContext: Any) -> type:  # noqa: N803 - cwltool's name
        """Choose the job class."""
        return step_class(self, super().make_job_runner(runtimeContext), self.clusters)


def maker(tool: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Make cwltool's `construct_tool_object` of what makes a CommandLineTool; the rest is cwltool's own."""

    def make(spec: Any, loading_context: Any) -> Any:
        return (tool if spec.get("class") == "CommandLineTool" else default_make_tool)(spec, loading_context)

    return make


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add `--max-clusters` and `--load-schemas`, and make cwltool's `--skip-schemas` the default."""
    group = parser.add_argument_group("Dask", "clusters for steps with DaskGatewayRequirement")
    group.add_argument(
        "--max-clusters",
        metavar="N",
        type=positive,
        help="at most N clusters at a time; further steps wait (with --parallel). Default: one for each step.",
    )
    parser.add_argument(
        "--load-schemas",
        action="store_false",
        dest="skip_schemas",
        help="fetch the package's $schemas, over the network if they are there; only file formats that are subclasses "
        "of others need them. Default: --skip-schemas.",
    )
    parser.set_defaults(skip_schemas=True)


def positive(text: str) -> int:
    """Parse an option's whole number that is at least 1."""
    if (number := int(text)) < 1:
        raise ValueError
    return number
