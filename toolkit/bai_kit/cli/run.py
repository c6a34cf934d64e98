"""`bai-kit run`: one run of an application package, on Kubernetes or on this machine."""

import json
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from bai_kit.cli.options import Common, KeepLog, limits_of, with_options
from bai_kit.cli.package import PackageRoot
from bai_kit.output import warn
from bai_kit.package import document as packages

RESULTS = Path("results")
OutputDir = Annotated[Path, typer.Option("-o", "--output-dir", help="Directory of the results; empty or new.")]


@with_options
def run(
    common: Common,
    *,
    pre_fire_url: Annotated[str | None, typer.Option(help="STAC item before the fire: URL or path.")] = None,
    post_fire_url: Annotated[str | None, typer.Option(help="STAC item after the fire: URL or path.")] = None,
    param: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help="Any input; repeatable.")] = None,
    params: Annotated[Path | None, typer.Option(metavar="FILE", help="Inputs as YAML or JSON.")] = None,
    package: Annotated[str | None, typer.Option(metavar="FILE|URL[#NAME]", help="Another application package.")] = None,
    package_root: PackageRoot = None,
    output_dir: OutputDir = RESULTS,
    local: Annotated[bool, typer.Option("--local", help="Run on this machine, without Kubernetes.")] = False,
    engine: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="With --local: podman, docker or apptainer.", show_default="no containers"),
    ] = None,
    name: Annotated[str | None, typer.Option(help="The job's name.", show_default="RELEASE-TIME-LETTERS")] = None,
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Do not wait for the job.")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the job and its folder on the volume.")] = False,
    keep_log: KeepLog = False,
    timeout: Annotated[int | None, typer.Option(metavar="SECONDS", min=1, help="Time limit for the job.")] = None,
    retries: Annotated[int, typer.Option(min=0, help="New jobs after temporary failures (75).")] = 0,
    start_timeout: Annotated[float, typer.Option(metavar="SECONDS", help="Time limit for the start.")] = 120,
) -> Any:
    """Run an application package and fetch its results."""
    from bai_kit.progress import open_progress  # noqa: PLC0415 - `--help` need not load it

    given = _inputs(params, param, {"pre_fire_url": pre_fire_url, "post_fire_url": post_fire_url}, local=local)
    if local:
        from bai_kit.local import run_local  # noqa: PLC0415 - see above

        with open_progress(zone=None) as progress:
            chosen = common.settings(engine=engine).engine
            found = package or packages.own_package()
            return run_local(found, given, output_dir, progress, root=package_root, engine=chosen)
    from bai_kit.job.run import RunRequest, run_job  # noqa: PLC0415 - see above
    from bai_kit.kube.quantities import quantity  # noqa: PLC0415 - see above

    settings = common.settings()
    request = RunRequest(
        inputs=given,
        output_dir=output_dir,
        release=common.named_release(),
        package=json.loads(packages.read_package(package, root=package_root, portable=False).text) if package else None,
        name=name,
        detach=detach,
        keep=keep,
        keep_log=keep_log,
        limits=limits_of(settings),
        upload_bytes=int(quantity(settings.upload_size)),
        timeout_s=timeout,
        retries=retries,
        start_s=start_timeout,
    )
    with open_progress() as progress:
        return run_job(common.kube(), request, progress, wants_cancel=_wants_cancel)


def _wants_cancel(job: str) -> bool | None:
    """Ask whether to cancel the job after Ctrl-C; a second Ctrl-C is a yes. Without a terminal there is no answer."""
    try:
        if not sys.stdin.isatty():
            warn(f"job {job} goes on; Ctrl-C again cancels it")
            time.sleep(1.0)
            return None
        sys.stderr.write(f"\njob {job} runs on Kubernetes. [d]etach from it, or [c]ancel it? ")
        sys.stderr.flush()
        return input().strip().lower().startswith("c")
    except EOFError:
        return None
    except KeyboardInterrupt:
        return True


def _inputs(
    file: Path | None, pairs: list[str] | None, options: dict[str, str | None], *, local: bool
) -> dict[str, Any]:
    """Merge the inputs that the user gave: options override `--param`, and `--param` overrides the file of inputs."""
    from bai_kit.package.inputs import parse_params, read_params  # noqa: PLC0415 - `--help` need not load it

    given = read_params(file) if file else {}
    here = {name: _absolute(value) if local else value for name, value in options.items() if value}
    return {**given, **parse_params(pairs or ()), **here}


def _absolute(url: str) -> str:
    """Return a path as an absolute path, because a step has a working directory of its own."""
    return str(Path(url).resolve()) if Path(url).exists() else url
