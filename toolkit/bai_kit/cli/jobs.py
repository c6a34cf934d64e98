"""`bai-kit logs`, `status`, `list`, `cancel`, `delete`, `clean` and `results`: jobs on Kubernetes, by name."""

import logging
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bai_kit.cli.completion import complete_job
from bai_kit.cli.options import Common, KeepLog, limits_of, with_options
from bai_kit.output import columns, has_json_lines, line_of, local_time

if TYPE_CHECKING:
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

    def __rich__(self) -> str:
        """Return a line for each job."""
        if not self.jobs:
            return "no jobs"
        rows = [
            (job.name, job.phase, local_time(job.created), f"{job.seconds:.0f}", _or_empty(job.exit_code))
            for job in self.jobs
        ]
        return columns([("job", "phase", "created", "seconds", "exit code"), *rows])


def _or_empty(value: int | None) -> str:
    return "" if value is None else str(value)


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
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Wait for further lines until the job is over.")
    ] = False,
    steps: Annotated[bool, typer.Option("--steps", help="The steps' whole output, after the job.")] = False,
) -> Any:
    """Show a job's log: the runner's and the application's lines, also after its pod is deleted."""
    from bai_kit.job.logs import job_lines, step_lines  # noqa: PLC0415 - `--help` need not load kubernetes

    kube, template = _clients(common)
    tell = logging.getLogger(__name__).info
    lines = step_lines(kube, template, job) if steps else job_lines(kube, template, job, wait=follow, tell=tell)
    if str(ctx.find_root().params.get("_output")) == "json":
        return Lines(job, tuple(lines))
    shown = line_of if has_json_lines() or sys.stdout.isatty() else str
    for line in lines:
        sys.stdout.write(shown(line) + "\n")
        sys.stdout.flush()
    return None


@with_options
def status(common: Common, job: Name) -> Any:
    """Show the state of a job."""
    from bai_kit.job.state import get_job  # noqa: PLC0415 - see logs

    return get_job(common.kube(), job, explain=True)


@with_options
def list_(common: Common) -> Any:
    """List the jobs that Kubernetes knows, oldest first."""
    from bai_kit.job.state import list_jobs  # noqa: PLC0415 - see logs

    return JobList(list_jobs(common.kube(), common.named_release()))


@with_options
def cancel(common: Common, job: Name) -> Any:
    """Cancel a job and dismiss its Dask cluster; the job, its log and its folder stay."""
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
    keep_log: KeepLog = False,
) -> Any:
    """Fetch a job's results, whole and verified, or not at all; continue an interrupted fetch."""
    from bai_kit.job.results import fetch_results  # noqa: PLC0415 - see logs

    kube, template = _clients(common)
    return fetch_results(
        kube, template, job, output_dir or Path(job), limits=limits_of(common.settings()), keep_log=keep_log
    )


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
