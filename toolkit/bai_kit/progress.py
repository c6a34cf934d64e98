"""Show the progress of a job: one line for each phase, updated from the runner's log lines.

On a terminal the phases stay below the log, which scrolls above them. Without a terminal the runner's log lines show
the progress, and this module logs only events of which the runner writes no line (job created, results fetched).
"""

import logging
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import TYPE_CHECKING

from bai_kit.output import has_json_lines, line_of, visible

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

log = logging.getLogger(__name__)

PHASES = ("checks", "inputs", "runner", "cluster", "workers", "step", "tasks", "results")
"""The phases of a job, in order."""
_WORDS = (
    (r"claimed cluster (?P<cluster>\S+)", "cluster", "claimed {cluster}"),
    (r"cluster (?P<cluster>\S+) is running", "cluster", "{cluster} is running"),
    (r"scaled cluster \S+ to (?P<n>\d+) workers of (?P<size>.+)", "workers", "0/{n} of {size}"),
    (r"adapts between \d+ and (?P<n>\d+) workers of (?P<size>.+)", "workers", "up to {n} of {size}"),
    (r"cluster (?P<cluster>\S+) waits: (?P<why>.+)", "cluster", "{cluster} waits: {why}"),
    (r"pod (?P<pod>\S+) waits: (?P<why>.+)", "step", "{pod} waits: {why}"),
    (r"created pod (?P<pod>\S+)", "step", "{pod}"),
    (r"(?P<done>\d+)(?:/| of )(?P<all>\d+) tasks", "tasks", "{done}/{all}"),
    (r"dismissed cluster \S+ after (?P<s>\S+) s", "cluster", "dismissed after {s} s"),
)
"""Patterns of log lines of runner and application (AGENTS.md, contract 5), the phase of each, and the text to show."""
_IS_DETAIL = re.compile(r"^[^|]*\| (INFO|DEBUG) +\|")
_PATTERNS = tuple((re.compile(pattern), phase, shown) for pattern, phase, shown in _WORDS)


@dataclass(frozen=True, slots=True)
class Step:
    """A phase, as a log line reports it."""

    phase: str
    detail: str
    cluster: str = ""
    """The cluster's name where the line has one."""


def read_line(text: str) -> Step | None:
    """Return the phase that a log line reports, or None. Pure."""
    message = text.partition(" - ")[2]
    for pattern, phase, shown in _PATTERNS:
        if found := pattern.search(message):
            groups = found.groupdict()
            return Step(phase, shown.format(**groups), groups.get("cluster", ""))
    return None


class Progress:
    """Shows log lines as they are, and phases as log lines."""

    def __init__(self, zone: tzinfo | None = UTC) -> None:
        self._zone = zone

    def line(self, text: str) -> None:
        """Show a runner's line; with --quiet only a warning or an error."""
        if log.isEnabledFor(logging.INFO) or not _IS_DETAIL.search(text):
            sys.stderr.write(line_of(text, self._zone) + "\n")
            sys.stderr.flush()

    def phase(self, phase: str, detail: str, *, quiet: bool = False) -> None:
        """Report the state of a phase; with `quiet` show it only on a terminal, and do not log it."""
        if not quiet:
            log.info("%s: %s", phase, detail)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Clear the terminal for a question."""
        yield


class LiveProgress(Progress):
    """Shows one line for each phase at the bottom of a terminal."""

    def __init__(self, console: "Console", zone: tzinfo | None = UTC) -> None:
        from rich.live import Live  # noqa: PLC0415 - 40 ms that other commands need not pay

        super().__init__(zone)
        self._since: dict[str, float] = {}
        self._details: dict[str, str] = {}
        self._console = console
        self.live = Live(get_renderable=self._table, console=console, refresh_per_second=4)

    def line(self, text: str) -> None:
        """Show a log line above the phases."""
        if log.isEnabledFor(logging.INFO) or not _IS_DETAIL.search(text):
            self._console.print(visible(text), markup=False)
        if step := read_line(text):
            self.phase(step.phase, step.detail)

    def phase(self, phase: str, detail: str, *, quiet: bool = False) -> None:  # noqa: ARG002 - all is shown here
        """Change a phase's line."""
        self._since.setdefault(phase, time.monotonic())
        self._details[phase] = detail

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Hide the phases while a question is asked."""
        self.live.stop()
        yield
        self.live.start()

    def _table(self) -> "Table":
        from rich.table import Table  # noqa: PLC0415 - see __init__

        table = Table.grid(padding=(0, 1))
        last = max(self._since, key=PHASES.index, default="")
        for phase in PHASES:
            if phase in self._details:
                age = f"{time.monotonic() - self._since[phase]:.0f} s" if phase == last else ""
                table.add_row("▸" if phase == last else "✓", phase, self._details[phase], age)
        return table


@contextmanager
def open_progress(zone: tzinfo | None = UTC) -> Iterator[Progress]:
    """Show progress: live on a terminal, else as log lines.

    Args:
        zone: Time zone of the runner's lines; None is this machine's.
    """
    if not sys.stderr.isatty() or has_json_lines():
        yield Progress(zone)
        return
    from rich.console import Console  # noqa: PLC0415 - see LiveProgress

    progress = LiveProgress(Console(stderr=True, highlight=False, soft_wrap=True), zone)
    with progress.live:
        yield progress
