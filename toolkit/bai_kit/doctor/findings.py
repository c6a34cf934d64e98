"""What the doctor says: how bad a thing is, and the command that mends it."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from bai_kit.errors import SetupError

if TYPE_CHECKING:
    from rich.table import Table


class Level(StrEnum):
    """How bad a finding is."""

    OK = "ok"
    UNKNOWN = "unknown"
    WARNING = "warning"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    check: str
    level: Level
    detail: str
    fix: str = ""
    """The command that mends it."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """All that was found."""

    findings: Sequence[Finding]

    @property
    def command_exit_code(self) -> int:
        """0 when nothing is broken, else that of a setup error."""
        return SetupError.exit_code if any(each.level is Level.BROKEN for each in self.findings) else 0

    def __rich__(self) -> "Table":
        from rich.table import Table  # noqa: PLC0415 - only when it is shown
        from rich.text import Text  # noqa: PLC0415

        colours = {Level.OK: "green", Level.UNKNOWN: "yellow", Level.WARNING: "yellow", Level.BROKEN: "red"}
        table = Table.grid(padding=(0, 2))
        for each in self.findings:
            table.add_row(Text(each.level, style=colours[each.level]), each.check, Text(each.detail))
            if each.fix:
                table.add_row("", "", Text(f"→ {each.fix}", style="bold"))
        return table
