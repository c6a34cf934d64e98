"""`bai-kit demo`: map a synthetic scene on this machine, without Kubernetes and without a network."""

import logging
import webbrowser
from pathlib import Path
from typing import Annotated, Any

import typer

log = logging.getLogger(__name__)


def demo(
    *,
    output_dir: Annotated[
        Path, typer.Option("-o", "--output-dir", help="Directory for the scene and its results.")
    ] = Path("demo"),
    size: Annotated[
        int, typer.Option(metavar="N", help="Pixels of 10 m along each side; a full tile has 10980.")
    ] = 2048,
    show: Annotated[bool, typer.Option("--open", help="Open the map's page, bai.html, in the browser.")] = False,
) -> Any:
    """Make a scene with a burn scar of known severity, map it on this machine, and compare both burned areas."""
    from bai_kit.demo import run_demo  # noqa: PLC0415 - `--help` need not load it
    from bai_kit.progress import open_progress  # noqa: PLC0415

    with open_progress(zone=None) as progress:
        done = run_demo(output_dir, size, progress)
    page = output_dir.resolve() / "results" / "bai.html"
    if show and not webbrowser.open(page.as_uri()):
        log.warning("cannot open a browser: open %s in one", page)
    return done
