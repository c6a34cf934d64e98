"""`bai-kit demo`: something to look at, with nothing but this installation."""

from pathlib import Path
from typing import Annotated, Any

import typer


def demo(
    *,
    output_dir: Annotated[Path, typer.Option("-o", "--output-dir", help="For the scene and its results.")] = Path(
        "demo"
    ),
    size: Annotated[
        int, typer.Option(metavar="N", help="Pixels of 10 m along each side; a full tile has 10980.")
    ] = 2048,
) -> Any:
    """Make a scene with a burn scar of known severity, map it on this machine, and compare."""
    from bai_kit.demo import run_demo  # noqa: PLC0415 - `--help` need not load it
    from bai_kit.progress import open_progress  # noqa: PLC0415

    with open_progress(zone=None) as progress:
        return run_demo(output_dir, size, progress)
