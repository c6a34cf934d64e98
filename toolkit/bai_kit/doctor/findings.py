"""The findings of `bai-kit doctor`: the severity of each, and the command that fixes it."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from bai_kit.errors import SetupError
from bai_kit.output import columns


class Level(StrEnum):
    """The severity of a finding."""

    OK = "ok"
    UNKNOWN = "unknown"
    WARNING = "warning"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was checked."""

    check: str
    level: Level
    detail: str
    fix: str = ""
    """The command that fixes it."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """All findings."""

    findings: Sequence[Finding]

    @property
    def command_exit_code(self) -> int:
        """Exit code of the command: 0 when nothing is broken, else that of a setup error."""
        return SetupError.exit_code if any(finding.level is Level.BROKEN for finding in self.findings) else 0

    def __rich__(self) -> str:
        """Return a line for each finding, and one with the command that fixes it, unwrapped."""
        lines = columns([(found.level, found.check, found.detail) for found in self.findings]).splitlines()
        return "\n".join(
            line + (f"\n  fix: {found.fix}" if found.fix else "")
            for line, found in zip(lines, self.findings, strict=True)
        )
