"""Start the demo for the tests in this folder."""

import sys
from dataclasses import dataclass
from pathlib import Path

BAI_KIT = [sys.executable, "-m", "bai_kit"]
SIZE = 256


@dataclass(frozen=True)
class Demo:
    """The result of `bai-kit demo`."""

    directory: Path
    envelope: dict
    log: str

    @property
    def items(self) -> tuple[str, str]:
        """The item before the fire and the one after it."""
        scene = self.directory / "scene"
        return str(next(scene.glob("S2B*.json"))), str(next(scene.glob("S2A*.json")))
