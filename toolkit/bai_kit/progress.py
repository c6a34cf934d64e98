"""How far a job is: one line a phase, kept up to date from the runner's own log lines.

On a terminal the phases stay at the foot of the log, which scrolls on above them and is whole afterwards. Elsewhere the
log lines say it all, and only what no line says (job made, results fetched) is logged.
"""

import logging
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

log = logging.getLogger(__name__)

PHASES = ("checks", "runner", "cluster", "workers", "step", "tasks", "results")
"""In the order in which a job goes through them."""
_WORDS = (
    (r"claimed cluster (?P<cluster>\S+)", "cluster", "claimed {cluster}"),
    (r"cluster (?P<cluster>\S+) is running", "cluster", "{cluster} is running"),
    (r"scaled cluster \S+ to (?P<n>\d+) workers of (?P<size>.+)", "workers", "0/{n} of {size}"),
    (r"adapts between \d+ and (?P<n>\d+) workers of (?P<size>.+)", "workers", "up to {n} of {size}"),
    (r"created pod (?P<pod>\S+)", "step", "{pod}"),
    (r"(?P<done>\d+)(?:/| of )(?P<all>\d+) tasks", "tasks", "{done}/{all}"),
    (r"dismissed cluster \S+ after (?P<s>\S+) s", "cluster", "dismissed after {s} s"),
)
"""What the runner and the application say (AGENTS.md, contract 4), the phase it belongs to, and what to show."""
_IS_DETAIL = re.compile(r"^[^|]*\| (INFO|DEBUG) +\|")
_PATTERNS = tuple((re.compile(pattern), phase, shown) for pattern, phase, shown in _WORDS)


@dataclass(frozen=True, slots=True)
class Step:
    """A phase as a log line tells it."""

    phase: str
    detail: str
    cluster: str = ""
    """The cluster's name where the line has one."""


def read_line(text: str) -> Step | None:
    """Read what a log line says about a phase; None when it says nothing. Pure."""
    message = text.partition(" - ")[2]
    for pattern, phase, shown in _PATTERNS:
        if found := pattern.search(message):
            groups = found.groupdict()
            return Step(phase, shown.format(**groups), groups.get("cluster", ""))
    return None


class Progress:
    """Shows log lines as they are, and what we do ourselves as log lines of our own."""

    is_live = False
    """Whether phases are shown that no log line tells."""

    def line(self, text: str) -> None:
        """Show a log line; only warnings and errors when nothing else is wanted."""
        if log.isEnabledFor(logging.INFO) or not _IS_DETAIL.search(text):
            sys.stderr.write(text + "\n")
            sys.stderr.flush()

    def phase(self, phase: str, detail: str, *, quiet: bool = False) -> None:
        """Say how far a phase is; `quiet` for what is worth a place on a terminal, but no line in a log."""
        if not quiet:
            log.info("%s: %s", phase, detail, stacklevel=2)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Leave the terminal to a question."""
        yield


class LiveProgress(Progress):
    """Keeps one line a phase at the foot of a terminal."""

    is_live = True

    def __init__(self, console: "Console") -> None:
        from rich.live import Live  # noqa: PLC0415 - 40 ms that other commands need not pay

        self._since: dict[str, float] = {}
        self._details: dict[str, str] = {}
        self._console = console
        self.live = Live(get_renderable=self._table, console=console, refresh_per_second=4)

    def line(self, text: str) -> None:
        """Show a log line above the phases."""
        self._console.print(text, markup=False)
        if step := read_line(text):
            self.phase(step.phase, step.detail)

    def phase(self, phase: str, detail: str, *, quiet: bool = False) -> None:  # noqa: ARG002 - all is shown here
        """Change a phase's line."""
        self._since.setdefault(phase, time.monotonic())
        self._details[phase] = detail

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Take the phases away while a question is asked."""
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
def open_progress() -> Iterator[Progress]:
    """Show progress the way that stderr can."""
    if not sys.stderr.isatty():
        yield Progress()
        return
    from rich.console import Console  # noqa: PLC0415 - see LiveProgress

    progress = LiveProgress(Console(stderr=True, highlight=False, soft_wrap=True))
    with progress.live:
        yield progress
