"""The demo: a scene with a burn scar of known severity, made and mapped on this machine."""

import json
import logging
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from bai_kit.errors import SetupError, UsageError
from bai_kit.job.results import check_free
from bai_kit.local import run_local
from bai_kit.package.document import own_package
from bai_kit.package.outputs import RunResult
from bai_kit.progress import Progress

log = logging.getLogger(__name__)

SIZE = 2048
"""Pixels of 10 m along each side: 20 km, 4 million pixels."""


@dataclass(frozen=True, slots=True)
class DemoRun:
    """The result of the demo."""

    scene: Path
    """Directory of the two items and their files."""
    run: RunResult
    scar_ha: float
    """Hectares of the scene that burned with at least moderate-low severity, known because the scene is synthetic."""
    found_ha: float
    """Hectares of the same severities on the map."""

    def __rich__(self) -> str:
        """Return the results of the run, and how much of the scar the map shows."""
        share = f" ({self.found_ha / self.scar_ha:.1%})" if self.scar_ha else ""
        return (
            f"{self.run.__rich__()}\n"
            f"known scar: {self.scar_ha:,.1f} ha of moderate-low severity and up; found {self.found_ha:,.1f} ha{share}"
        )


def run_demo(directory: Path, size: int, progress: Progress) -> DemoRun:
    """Make the scene in `directory`/scene and map it into `directory`/results.

    Args:
        directory: May exist; its `results` must not hold anything.
        size: Pixels of 10 m along each side, even, at least 64.
        progress: Where lines and phases are shown.

    Raises:
        UsageError: the size cannot be made, or there are results.
        SetupError: the application is not installed.
        JobFailed: the run failed.
    """
    results = directory / "results"
    check_free(results)
    log.info("making a scene of %d x %d pixels in %s", size, size, directory / "scene")
    pre, post = _make_scene(directory / "scene", size)
    run = run_local(own_package(), {"pre_fire_url": pre, "post_fire_url": post}, results, progress)
    truth = json.loads((directory / "scene" / "scar.json").read_text(encoding="utf-8"))
    found = sum(area.hectares for area in run.severity if area.lower >= truth["burnt_from_dnbr"])
    return DemoRun(directory / "scene", run, truth["burnt_ha"], round(found, 2))


def _make_scene(directory: Path, size: int) -> tuple[str, str]:
    """Return the paths of the two items."""
    command = [sys.executable, "-m", "bai.demo", str(directory.resolve()), "--size", str(size)]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    if made.returncode:
        reason = made.stderr.strip().rpartition("\n")[2]
        if "No module named" in reason:
            raise SetupError(
                f"the application is not installed: {reason}",
                hint="pip install -e '.[local]'  # in a checkout of bai-kit",
            )
        raise UsageError(f"the scene cannot be made: {reason.partition('error: ')[2] or reason}")
    pre, post = made.stdout.split("\n")[:2]
    return pre, post
