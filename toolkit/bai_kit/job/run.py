"""`bai-kit run` on Kubernetes: check, create, follow, fetch. The only file that knows the order."""

import json
import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bai_kit.errors import BaiKitError, JobFailed, RemoteError, WaitTimeout
from bai_kit.job.logs import job_lines, terminated
from bai_kit.job.results import check_free, fetch
from bai_kit.job.state import TEMPORARY, Job, Phase, cancel, get_job
from bai_kit.job.template import Template, check_name, claim_of, fill, load_template, new_name
from bai_kit.job.volume import open_volume
from bai_kit.job.waiting import wait_over, wait_started
from bai_kit.kube.api import Json, Kube
from bai_kit.kube.rights import check_rights_and_volume
from bai_kit.package.inputs import check_inputs, package_inputs
from bai_kit.package.outputs import RunResult, describe, relative, save
from bai_kit.progress import Progress, read_line

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What to run, and what to do around it."""

    inputs: Mapping[str, Any]
    """CWL inputs by name; text is read by the input's type."""
    output_dir: Path
    """Where the results go; must not hold anything."""
    release: str | None = None
    """Release of bai-chart; None is the only one in the namespace."""
    package: Json | None = None
    """Another application package than the release's."""
    name: str | None = None
    """The job's name; None makes one."""
    detach: bool = False
    """Return as soon as the job is created."""
    keep: bool = False
    """Leave the Job and its folder on the volume when the results are here."""
    timeout_s: int | None = None
    """Seconds after which Kubernetes ends the job; None is the release's own limit."""
    retries: int = 0
    """How often a temporary failure (75) is tried again, as a new job."""
    start_s: float = 120.0
    """Seconds that the runner may take to start."""


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """How `bai-kit run` ended."""

    job: str
    phase: Phase
    exit_code: int | None
    seconds: float
    """From the Job's creation to its end, as Kubernetes has it."""
    results: RunResult | None = None
    """What is on this machine now; None when the job still runs."""
    hint: str = ""
    """The next command, for a job that still runs."""

    def __rich__(self) -> str:
        """Say what was found and where to look, or what to do next."""
        if self.results is None:
            return f"job {self.job} is {self.phase}\n  {self.hint}"
        return f"{self.results.__rich__()}\njob {self.job}: {self.phase} after {self.seconds:.0f} s"


@dataclass(slots=True)
class _Heard:
    """What the log lines said so far."""

    first_error: str = ""
    clusters: list[str] = field(default_factory=list)


def run_job(
    kube: Kube, request: RunRequest, progress: Progress, *, wants_cancel: Callable[[str], bool] = lambda _: False
) -> RunOutcome:
    """Run a package and bring its results home.

    Args:
        kube: The release's namespace.
        request: What to run.
        progress: Where lines and phases are shown.
        wants_cancel: Asked with the job's name after Ctrl-C; else the job runs on without us.

    Raises:
        UsageError: inputs that do not fit; all of them are named, and nothing is created.
        SetupError: no release, no right, no volume.
        JobFailed: the workflow failed, with its exit code, or Ctrl-C was pressed (130).
        WaitTimeout: the job took longer than `timeout_s`.
    """
    check_free(request.output_dir)
    template = load_template(kube, request.release)
    package = request.package or template.package
    inputs = check_inputs(package_inputs(package), request.inputs) if package else dict(request.inputs)
    check_rights_and_volume(kube, claim_of(template.pod)[0])
    progress.phase("checks", "inputs, rights and volume", quiet=True)
    last = f"-try{request.retries + 1}" if request.retries else ""
    first = check_name(request.name or new_name(template, room=len(last)))
    check_name(first + last)
    for attempt in range(request.retries + 1):
        name = f"{first}-try{attempt + 1}" if attempt else first
        body = fill(template, name, inputs, package=request.package, timeout_s=request.timeout_s)
        try:
            created = kube.create("jobs", body)
            progress.phase("runner", f"job {name} created")
            if request.detach:
                return RunOutcome(name, Phase.WAITING, None, 0.0, hint=f"bai-kit logs {name} -f")
            return _see_through(kube, request, template, created, progress)
        except JobFailed as failed:
            if failed.exit_code != TEMPORARY or attempt == request.retries:
                raise
            log.warning("%s; try %d of %d", failed.message, attempt + 2, request.retries + 1)
        except KeyboardInterrupt:
            raise _after_interrupt(kube, name, progress, wants_cancel) from None
    raise AssertionError("a try either returns or raises")


def _see_through(kube: Kube, request: RunRequest, template: Template, created: Json, progress: Progress) -> RunOutcome:
    name = created["metadata"]["name"]
    heard = _Heard()
    pod = wait_started(kube, name, request.start_s)
    progress.phase("runner", f"pod {pod} runs", quiet=True)
    with _counted_workers(kube, heard, progress):
        try:
            for line in job_lines(kube, template, name, pod, wait=True, owner=created):
                _hear(heard, line)
                progress.line(line)
        except (RemoteError, WaitTimeout) as exc:  # how the job ended matters more than its last lines
            log.warning("the rest of the log of job %s is not to be had: %s", name, exc.message)
    ended = terminated(kube.get("pods", pod) or {"status": {}})
    # A pod that is gone tells nothing; the Job knows.
    if (not ended or ended["exitCode"] != 0) and (job := wait_over(kube, name)).phase is not Phase.COMPLETE:
        raise _failure(job, heard)
    # The Job's own end comes two seconds later; the results are on the volume now.
    with open_volume(kube, template, job=created, write=not request.keep) as volume:
        fetched = fetch(
            volume, name, request.output_dir, progress=lambda n: progress.phase("results", _megabytes(n), quiet=True)
        )
        progress.phase("results", f"{fetched.files} files, {_megabytes(fetched.bytes)}, in {fetched.directory}")
        job = wait_over(kube, name)
        if not request.keep:
            volume.remove(name)
    if not request.keep:
        kube.delete("jobs", name)
    outputs = _outputs(request.output_dir, name)
    return RunOutcome(name, job.phase, job.exit_code, job.seconds, describe(request.output_dir, job.seconds, outputs))


def _outputs(directory: Path, job: str) -> Json:
    """Read the outputs object that the runner printed, write `outputs.json` and return the object."""
    try:
        printed = json.loads((directory / "output.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        log.warning("job %s: the runner's output.json cannot be read, so the outputs are not shown", job)
        return {}
    outputs = relative(printed, Path("/calrissian", job, "results"))
    save(outputs, directory)
    return outputs


def _hear(heard: _Heard, line: str) -> None:
    if "| ERROR " in line and not heard.first_error:
        heard.first_error = line.partition(" - ")[2] or line
    if (step := read_line(line)) and step.cluster and step.cluster not in heard.clusters:
        heard.clusters.append(step.cluster)


def _failure(job: Job, heard: _Heard) -> BaiKitError:
    reason = heard.first_error or job.reason
    hint = f"bai-kit logs {job.name}"
    if job.phase is Phase.TIMED_OUT:
        return WaitTimeout(f"job {job.name} was ended after {job.seconds:.0f} s, its limit", hint=hint)
    if job.phase is Phase.CANCELLED:
        return JobFailed(f"job {job.name} was cancelled after {job.seconds:.0f} s", exit_code=130, hint=hint)
    code = job.exit_code or 1
    return JobFailed(f"job {job.name} failed with exit code {code}: {reason}", exit_code=code, hint=hint)


def _after_interrupt(kube: Kube, name: str, progress: Progress, wants_cancel: Callable[[str], bool]) -> BaiKitError:
    """Cancel the job or leave it, as the user wants."""
    job = get_job(kube, name)
    if job.phase.is_over:
        return JobFailed(f"interrupted; job {name} is {job.phase}", exit_code=130, hint=f"bai-kit results {name}")
    with progress.paused():
        chosen = wants_cancel(name)
    if not chosen:
        return JobFailed(f"detached: job {name} runs on", exit_code=130, hint=f"bai-kit logs {name} -f")
    progress.phase("runner", f"cancelling job {name}")
    cancel(kube, name)
    return _failure(wait_over(kube, name), _Heard())


@contextmanager
def _counted_workers(kube: Kube, heard: _Heard, progress: Progress) -> Iterator[None]:
    """Show on a terminal how many workers are there; nobody else waits for that or fails by it."""
    done = threading.Event()

    def count() -> None:
        while not done.wait(1.0):
            for cluster in heard.clusters[-1:]:
                labels = (
                    f"gateway.dask.org/cluster={cluster.rpartition('.')[2]},app.kubernetes.io/component=dask-worker"
                )
                try:
                    pods = kube.list("pods", labels=labels)
                except BaiKitError:
                    return
                ready = sum(each["status"].get("phase") == "Running" for each in pods)
                if pods:
                    progress.phase("workers", f"{ready}/{len(pods)}", quiet=True)

    thread = threading.Thread(target=count, daemon=True)
    if progress.is_live:
        thread.start()
    try:
        yield
    finally:
        done.set()


def _megabytes(count: int) -> str:
    return f"{count / 1e6:.1f} MB"
