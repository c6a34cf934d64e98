"""Show the progress of a deploy's workloads: as a table on a terminal, else as log lines."""

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from bai_kit.release.workloads import Workload

if TYPE_CHECKING:
    from rich.table import Table

log = logging.getLogger(__name__)


class LogLines:
    """Log a workload's state whenever the state changes."""

    def __init__(self) -> None:
        self._shown: dict[str, str] = {}

    def __call__(self, workloads: Sequence[Workload]) -> None:
        """Compare the workloads with what was logged before."""
        for workload in workloads:
            line = f"{workload.kind} {workload.name}: {state(workload)}"
            if self._shown.get(workload.name) != line:
                self._shown[workload.name] = line
                log.info("%s", line)


def table(workloads: Sequence[Workload]) -> "Table":
    """Return a table with one row for each workload."""
    from rich.table import Table  # noqa: PLC0415 - only on a terminal

    grid = Table.grid(padding=(0, 2))
    for workload in workloads:
        mark = "[green]✓[/]" if workload.done else "[red]✗[/]" if workload.trouble else "[yellow]…[/]"
        grid.add_row(mark, workload.kind, workload.name, state(workload))
    return grid


def state(workload: Workload) -> str:
    """Return how many pods of a workload are ready, and what the others wait for."""
    count = "ready" if workload.done else f"{workload.ready}/{workload.wanted} ready"
    return f"{count}, {workload.note}" if workload.note else count
