"""cwltool's CommandLineTool with our checks and our jobs."""

from collections.abc import Callable
from typing import Any

from cwltool.command_line_tool import CommandLineTool
from cwltool.workflow import default_make_tool

from cwl_dask.clusters import Clusters
from cwl_dask.extension import CheckedTool, step_class


class DaskTool(CheckedTool, CommandLineTool):  # type: ignore[misc] # cwltool has no types
    """A CommandLineTool whose steps get a Dask cluster where they ask for one."""

    def __init__(self, toolpath_object: Any, loading_context: Any, clusters: Clusters) -> None:
        super().__init__(toolpath_object, loading_context)
        self.clusters = clusters

    def make_job_runner(self, runtimeContext: Any) -> type:  # noqa: N803 - cwltool's name
        """Choose the job class."""
        return step_class(self, super().make_job_runner(runtimeContext), self.clusters)


def maker(clusters: Clusters) -> Callable[[Any, Any], Any]:
    """Make cwltool's `construct_tool_object` for one run."""

    def make(spec: Any, loading_context: Any) -> Any:
        if spec.get("class") == "CommandLineTool":
            return DaskTool(spec, loading_context, clusters)
        return default_make_tool(spec, loading_context)

    return make
