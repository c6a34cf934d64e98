"""`bai-kit logs`, `status`, `list`, `cancel`, `delete`, `clean` and `results`: jobs on Kubernetes, by name."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bai_kit.cli.completion import complete_job
from bai_kit.cli.options import Common, with_options

if TYPE_CHECKING:
    from rich.table import Table

    from bai_kit.job.state import Job
    from bai_kit.job.template import Template
    from bai_kit.kube.api import Kube

Name = Annotated[
    str,
    typer.Argument(metavar="JOB", help="The job's name, as `bai-kit list` shows it.", autocompletion=complete_job),
]


@dataclass(frozen=True, slots=True)
class JobList:
    """The jobs of a namespace."""

    jobs: Sequence["Job"]

    def __rich__(self) -> "Table | str":
        from rich.table import Table  # noqa: PLC0415 - only when it is shown

        if not self.jobs:
            return "no jobs"
        table = Table("job", "phase", "created", "seconds", "exit code", box=None, pad_edge=False)
        for each in self.jobs:
            code = "" if each.exit_code is None else str(each.exit_code)
            created = f"{each.created.astimezone():%Y-%m-%d %H:%M:%S}"
            table.add_row(each.name, each.phase, created, f"{each.seconds:.0f}", code)
        return table


@dataclass(frozen=True, slots=True)
class Lines:
    """A job's log."""

    job: str
    lines: Sequence[str]


@with_options
def logs(
    ctx: typer.Context,
    common: Common,
    job: Name,
    *,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Wait for lines until the job is over.")] = False,
) -> Any:
    """Show a job's log: the runner's and the application's lines, also after its pod is gone."""
    from bai_kit.job.joblog import known_lines  # noqa: PLC0415 - `--help` need not load kubernetes

    kube, template = _clients(common)
    lines = known_lines(kube, template, job, wait=follow)
    if str(ctx.find_root().params.get("_output")) == "json":
        return Lines(job, tuple(lines))
    for line in lines:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
    return None


@with_options
def status(common: Common, job: Name) -> Any:
    """Show the state of a job."""
    from bai_kit.job.state import get_job  # noqa: PLC0415 - see logs

    return get_job(common.kube(), job)


@with_options
def list_(common: Common) -> Any:
    """List the jobs that Kubernetes knows, oldest first."""
    from bai_kit.job.state import list_jobs  # noqa: PLC0415 - see logs

    return JobList(list_jobs(common.kube(), common.named_release()))


@with_options
def cancel(common: Common, job: Name) -> Any:
    """End a job: its cluster is dismissed; the job, its log and its folder stay."""
    from bai_kit.job import state as jobs  # noqa: PLC0415 - see logs
    from bai_kit.job.waiting import wait_over  # noqa: PLC0415

    kube = common.kube()
    jobs.cancel(kube, job)
    return wait_over(kube, job)


@with_options
def delete(common: Common, job: Name) -> None:
    """Delete a job, running or not, and its folder on the volume."""
    from bai_kit.job.clean import delete_job  # noqa: PLC0415 - see logs

    delete_job(*_clients(common), job)


@with_options
def clean(
    common: Common,
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Remove without asking.")] = False,
) -> Any:
    """Show what dead jobs left (pods, clusters, temporary folders), and remove it after confirmation."""
    from bai_kit.job.clean import find_leftovers, remove_leftovers  # noqa: PLC0415 - see logs

    kube, template = _clients(common)
    found = find_leftovers(kube, template)
    if found.is_empty or not (yes or _agrees(found.__rich__())):
        return found
    return remove_leftovers(kube, template, found)


@with_options
def results(
    common: Common,
    job: Name,
    *,
    output_dir: Annotated[
        Path | None, typer.Option("-o", "--output-dir", help="Directory of the results.", show_default="./JOB")
    ] = None,
) -> Any:
    """Fetch a job's results, whole and verified, or not at all; continue an interrupted fetch."""
    from bai_kit.errors import UsageError  # noqa: PLC0415 - see logs
    from bai_kit.job.results import check_free, fetch  # noqa: PLC0415
    from bai_kit.job.state import view  # noqa: PLC0415
    from bai_kit.job.volume import open_volume  # noqa: PLC0415

    directory = output_dir or Path(job)
    check_free(directory)
    kube, template = _clients(common)
    found = kube.get("jobs", job)
    if found and not (phase := view(found, None).phase).is_over:
        raise UsageError(f"job {job} is {phase}", hint=f"bai-kit logs {job} -f")
    with open_volume(kube, template, job=found) as volume:
        return fetch(volume, job, directory)


def _clients(common: Common) -> "tuple[Kube, Template]":
    from bai_kit.job.template import load_template  # noqa: PLC0415 - see logs

    kube = common.kube()
    return kube, load_template(kube, common.named_release())


def _agrees(shown: str) -> bool:
    """Show what would be removed and ask; without a terminal the answer is no."""
    if not sys.stdin.isatty():
        return False
    sys.stderr.write(shown + "\n")
    return typer.confirm("remove it?", err=True)
