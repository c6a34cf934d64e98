"""`bai-kit run` and `bai-kit demo`: one run of an application package, on Kubernetes or on this machine."""

from pathlib import Path
from typing import Annotated, Any

import typer

from bai_kit import package as packages
from bai_kit.errors import UsageError

RESULTS = Path("results")
OutputDir = Annotated[Path, typer.Option("-o", "--output-dir", help="Where the results go; empty or not there.")]


def run(
    *,
    pre_fire_url: Annotated[str | None, typer.Option(help="STAC item before the fire: URL or path.")] = None,
    post_fire_url: Annotated[str | None, typer.Option(help="STAC item after the fire: URL or path.")] = None,
    param: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help="Any input; repeatable.")] = None,
    params: Annotated[Path | None, typer.Option(metavar="FILE", help="Inputs as YAML or JSON.")] = None,
    package: Annotated[Path | None, typer.Option(metavar="FILE", help="Another application package.")] = None,
    output_dir: OutputDir = RESULTS,
    local: Annotated[bool, typer.Option("--local", help="Run on this machine, without Kubernetes.")] = False,
) -> Any:
    """Run an application package and bring its results home."""
    given = _inputs(params, param, {"pre_fire_url": pre_fire_url, "post_fire_url": post_fire_url})
    if local:
        from bai_kit.local import run_local  # noqa: PLC0415 - `--help` need not load it
        from bai_kit.progress import open_progress  # noqa: PLC0415

        with open_progress() as progress:
            return run_local(package or packages.own_package(), given, output_dir, progress)
    raise UsageError("not there yet", hint="bai-kit run --local")


def _inputs(file: Path | None, pairs: list[str] | None, options: dict[str, str | None]) -> dict[str, Any]:
    """Put together what the user gave; the more specific wins: options, then pairs, then the file."""
    from bai_kit.inputs import parse_params  # noqa: PLC0415

    given = packages.load_document(file) if file else {}
    if not isinstance(given, dict):
        raise UsageError(f"{file}: not inputs by name")
    here = {name: _absolute(value) for name, value in options.items() if value}
    return {**given, **parse_params(pairs or ()), **here}


def _absolute(url: str) -> str:
    """Let a path mean the same in the step's own working directory."""
    return str(Path(url).resolve()) if Path(url).exists() else url
