"""What `deploy` and `render` show: workloads as lines, objects as YAML."""

import json
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import yaml

from bai_kit.job.template import Template, check_name, fill
from bai_kit.output import Document
from bai_kit.package.inputs import check_inputs, package_inputs, parse_params
from bai_kit.release.helm import Helm
from bai_kit.release.plan import Release
from bai_kit.release.workloads import Workload

if TYPE_CHECKING:
    from rich.table import Table

log = logging.getLogger(__name__)


def as_yaml(documents: Sequence[Any]) -> Document:
    """Return YAML documents, in the order of their keys."""
    return Document(yaml.safe_dump_all(documents, sort_keys=False, allow_unicode=True, width=120))


def manifests(helm: Helm, releases: Sequence[Release]) -> Document:
    """Return the objects of the releases as Helm would apply them, hooks included."""
    return as_yaml([each for one in releases for each in helm.render(one.name, one.chart, one.values)])


def job(helm: Helm, release: Release, name: str, params: Sequence[str]) -> Document:
    """Return the Job that a run would create from this release.

    Args:
        helm: Renders the chart.
        release: Of bai-chart.
        name: The job's name.
        params: `name=value` pairs; checked against the package only when there are any.

    Raises:
        UsageError: a param is none of the package's.
    """
    data: dict[str, str] = {}
    for each in helm.render(release.name, release.chart, release.values):
        data |= each.get("data", {}) if each["kind"] == "ConfigMap" else {}
    package = json.loads(data["app-package.json"])
    template = Template(release=release.name, job=json.loads(data["job.json"]), package=package)
    inputs = check_inputs(package_inputs(package), parse_params(params)) if params else {}
    return as_yaml([fill(template, check_name(name), inputs)])


class LogLines:
    """Logs a workload when it changes."""

    def __init__(self) -> None:
        self._shown: dict[str, str] = {}

    def __call__(self, workloads: Sequence[Workload]) -> None:
        """Look at the workloads once."""
        for each in workloads:
            line = f"{each.kind} {each.name}: {state(each)}"
            if self._shown.get(each.name) != line:
                self._shown[each.name] = line
                log.info("%s", line)


def table(workloads: Sequence[Workload]) -> "Table":
    """Return one line for each workload."""
    from rich.table import Table  # noqa: PLC0415 - only on a terminal

    grid = Table.grid(padding=(0, 2))
    for each in workloads:
        mark = "[green]✓[/]" if each.done else "[red]✗[/]" if each.trouble else "[yellow]…[/]"
        grid.add_row(mark, each.kind, each.name, state(each))
    return grid


def state(workload: Workload) -> str:
    """Say how far a workload is."""
    count = "ready" if workload.done else f"{workload.ready}/{workload.wanted} ready"
    return f"{count}, {workload.note}" if workload.note else count
