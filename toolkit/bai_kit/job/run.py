"""`bai-kit run` on Kubernetes: check, upload, create, follow, fetch. The only module that knows this order."""

import contextlib
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bai_kit.errors import BaiKitError, JobFailed, NotOnVolume, RemoteError, SetupError, Stopped, WaitTimeout
from bai_kit.job.failure import parse_failure
from bai_kit.job.inputs import UPLOAD_BYTES, list_files, uploaded
from bai_kit.job.logs import runner_lines
from bai_kit.job.results import Limits, check_free, fetch, megabytes
from bai_kit.job.state import TEMPORARY, Job, Phase, cancel, get_job, workflow_code
from bai_kit.job.template import RUNNER, Template, check_name, claim_of, fill, load_template, new_name
from bai_kit.job.volume import Files, Volume, open_volume
from bai_kit.job.waiting import wait_over, wait_started
from bai_kit.job.watch import watched_workers
from bai_kit.kube.api import Json, Kube
from bai_kit.kube.pods import StartLimits, terminated
from bai_kit.kube.rights import check_rights_and_volume
from bai_kit.package.files import collect_uploads
from bai_kit.package.inputs import check_inputs, package_inputs
from bai_kit.package.outputs import RunResult, describe
from bai_kit.progress import Progress, read_line
from cwl_dask.core.failure import Failure

log = logging.getLogger(__name__)

INTERRUPTED = 130
"""Exit code after Ctrl-C, as a shell reports SIGINT."""
WantsCancel = Callable[[str], bool | None]
"""Asks a person, by the job's name, whether to cancel it: True, False, or None without an answer."""


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What to run, and how."""

    inputs: Mapping[str, Any]
    """CWL inputs by name; text is read by the input's type."""
    output_dir: Path
    """Directory of the results; must be empty or not exist."""
    release: str | None = None
    """Release of bai-chart; None is the only one in the namespace."""
    package: Json | None = None
    """Another application package than the release's."""
    name: str | None = None
    """The job's name; None makes one."""
    detach: bool = False
    """Return as soon as the job is created."""
    keep: bool = False
    """Keep the Job and its folder on the volume after the results are fetched."""
    keep_log: bool = False
    """Also fetch step.log, the complete output of the steps."""
    timeout_s: int | None = None
    """Time limit of the job in seconds, enforced by Kubernetes; None: the release's limit."""
    retries: int = 0
    """Number of new jobs to start after temporary failures (exit code 75)."""
    start_s: float = 120.0
    """Seconds that the runner may take to start, once there is room for it."""
    limits: Limits = field(default_factory=Limits)
    """The largest results to fetch."""
    upload_bytes: int = UPLOAD_BYTES
    """The largest inputs to upload."""


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """How `bai-kit run` ended."""

    job: str
    phase: Phase
    exit_code: int | None
    seconds: float
    """From the Job's creation to its end, as Kubernetes has it."""
    results: RunResult | None = None
    """The downloaded results; None while the job is still running."""
    hint: str = ""
    """Commands to use next, one per line, for a job that is still running."""
    command_exit_code: int = 0
    """Exit code of the command: 128 + signal when a signal ended the command but not the job."""

    def __rich__(self) -> str:
        """Return the results and where they are, or the next commands."""
        if self.results is None:
            return f"job {self.job} {'is submitted' if self.phase is Phase.WAITING else 'goes on'}"
        return f"{self.results.__rich__()}\njob {self.job}: {self.phase} after {self.seconds:.0f} s"


def run_job(
    kube: Kube, request: RunRequest, progress: Progress, *, wants_cancel: WantsCancel = lambda _: None
) -> RunOutcome:
    """Run a package and fetch its results.

    Args:
        kube: The release's namespace.
        request: What to run.
        progress: Where lines and phases are shown.
        wants_cancel: Asked after Ctrl-C; without a yes the job goes on.

    Raises:
        UsageError: inputs that do not fit; all of them are named, and nothing is created.
        SetupError: the release, a permission or the volume is missing.
        JobFailed: the workflow failed, with its exit code, or was cancelled (130).
        WaitTimeout: the job took longer than `timeout_s`.
    """
    if not request.detach:
        check_free(request.output_dir)
    template = load_template(kube, request.release)
    package = request.package or template.package
    inputs = check_inputs(package_inputs(package), request.inputs) if package else dict(request.inputs)
    (changed, inputs), uploads = collect_uploads([request.package, inputs])
    files = list_files([(upload.source, upload.target) for upload in uploads], limit=request.upload_bytes)
    check_rights_and_volume(kube, claim_of(template.pod)[0])
    progress.phase("checks", "inputs, permissions and volume", quiet=True)
    last = f"-try{request.retries + 1}" if request.retries else ""
    first = check_name(request.name or new_name(template, room=len(last)))
    check_name(first + last)
    for attempt in range(request.retries + 1):
        name = f"{first}-try{attempt + 1}" if attempt else first
        body = fill(template, name, inputs, package=changed, timeout_s=request.timeout_s)
        try:
            return _Run(kube, request, template, name, progress).to_its_end(body, files)
        except JobFailed as failed:
            if failed.exit_code != TEMPORARY or attempt == request.retries:
                raise
            log.warning("%s; try %d of %d", failed.message, attempt + 2, request.retries + 1)
        except (KeyboardInterrupt, Stopped) as interrupt:
            if kube.get("jobs", name) is None:
                raise
            return _after_interrupt(kube, request, name, interrupt, progress, wants_cancel)
    raise AssertionError("a try either returns or raises")


@dataclass(frozen=True, slots=True)
class _Run:
    """One job from its creation to its results."""

    kube: Kube
    request: RunRequest
    template: Template
    name: str
    progress: Progress
    clusters: list[str] = field(default_factory=list)
    """Names of the job's Dask clusters, read from its log."""
    begin: float = field(default_factory=time.monotonic)

    def to_its_end(self, body: Json, files: Files) -> RunOutcome:
        """Create the job, follow it and fetch its results."""
        with uploaded(self.kube, self.template, self.name, files, self.progress):
            self.kube.create("jobs", body)
        self.progress.phase("runner", f"job {self.name} created")
        if self.request.detach:
            return RunOutcome(self.name, Phase.WAITING, None, 0.0, hint=_next_commands(self.name))
        try:
            job = self._finished()
        except SetupError as exc:  # the API is away for longer than a request is repeated
            exc.message = f"cannot follow job {self.name}, which goes on: {exc.message}"
            exc.hint, exc.args = f"bai-kit logs {self.name} -f", (exc.message,)
            raise
        with self._results_stay():
            return self._fetch(job)

    def _finished(self) -> Job | None:
        """Follow the job to its end; return what `_succeeded` returns."""
        limits = StartLimits(self.request.start_s, self.template.room_s)
        pod = wait_started(self.kube, self.name, limits, tell=lambda reason: self.progress.phase("runner", reason))
        self.progress.phase("runner", f"pod {pod} runs", quiet=True)
        self._follow(pod)
        return self._succeeded(pod)

    def _follow(self, pod: str) -> None:
        with watched_workers(self.kube, self.clusters, self.progress):
            try:
                for line in runner_lines(self.kube, self.template, self.name, pod, wait=True):
                    if (step := read_line(line)) and step.cluster and step.cluster not in self.clusters:
                        self.clusters.append(step.cluster)
                    self.progress.line(line)
            except (RemoteError, WaitTimeout) as exc:  # the job's end matters more than its last lines
                log.warning("cannot read the rest of the log of job %s: %s", self.name, exc.message)

    def _succeeded(self, pod: str) -> Job | None:
        """Return the job after a success, or None while Kubernetes has not marked it as complete; else raise."""
        ended = terminated(self.kube.get("pods", pod), RUNNER) or {}
        if ended.get("exitCode") == 0:
            return None  # the results are on the volume; the Job's own end follows two seconds later
        job: Job | None = None
        try:
            job = wait_over(self.kube, self.name)
        except JobFailed as deleted:  # with `ttlSecondsAfterFinished: 0` at once
            error: BaiKitError = deleted
        else:
            if job.phase is Phase.COMPLETE:
                return job
            error = _failure(job)
            if job.phase is not Phase.FAILED or job.exit_code == TEMPORARY or (job.pod and job.reason):
                raise error
        event, has_outputs = self._what_the_runner_left(ended)
        if event:
            code = workflow_code(ended) if ended else TEMPORARY if event.temporary else 1
            raise _job_failed(self.name, code, event.message)
        if job is None and has_outputs:
            return None
        raise error

    def _what_the_runner_left(self, ended: Json) -> tuple[Failure | None, bool]:
        """Return the runner's failure event, and whether it wrote its outputs: from its container, else the volume."""
        if event := parse_failure(ended.get("message")):
            return event, False
        with contextlib.suppress(BaiKitError), open_volume(self.kube, self.template) as volume:
            left = volume.outcome(self.name)
            return parse_failure(left.failure), left.has_outputs
        return None, False

    def _fetch(self, job: Job | None) -> RunOutcome:
        request, progress = self.request, self.progress
        with open_volume(self.kube, self.template, write=not request.keep) as volume:
            fetched = fetch(
                volume, self.name, request.output_dir, limits=request.limits, keep_log=request.keep_log,
                progress=lambda count: progress.phase("results", megabytes(count), quiet=True),
            )  # fmt: skip
            progress.phase("results", f"{fetched.files} files, {megabytes(fetched.bytes)}, in {fetched.directory}")
            seconds = self._seconds(job)
            if not request.keep:
                self._clean_up(volume)
        return RunOutcome(self.name, Phase.COMPLETE, 0, seconds, describe(request.output_dir, seconds, fetched.outputs))

    def _seconds(self, job: Job | None) -> float:
        """Wait for the end of the Job and return its seconds; only log errors, because the results are here."""
        try:
            return (job or wait_over(self.kube, self.name)).seconds
        except BaiKitError as exc:
            log.warning("the results are here; %s", exc.message)
            return round(time.monotonic() - self.begin, 1)

    def _clean_up(self, volume: Volume) -> None:
        try:
            volume.remove(self.name)
        except NotOnVolume:
            pass
        except BaiKitError as exc:
            hint = f"bai-kit delete {self.name} -n {self.kube.namespace}"
            log.warning("cannot remove the folder of job %s: %s; remove it with: %s", self.name, exc.message, hint)
            return
        try:
            self.kube.delete("jobs", self.name)
        except BaiKitError as exc:
            log.warning("cannot delete job %s: %s", self.name, exc.message)

    @contextlib.contextmanager
    def _results_stay(self) -> Iterator[None]:
        """Let every error of a fetch say that the job is complete and how to fetch its results."""
        again = f"bai-kit results {self.name} -o {self.request.output_dir}"
        try:
            yield
        except BaiKitError as exc:
            exc.message = f"job {self.name} is complete, but its results are not fetched: {exc.message}"
            exc.hint = exc.hint if exc.hint and exc.hint.startswith("bai-kit results") else again
            exc.args = (exc.message,)
            raise
        except (KeyboardInterrupt, Stopped) as interrupt:
            code = _code_of(interrupt)
            raise JobFailed(f"interrupted; job {self.name} is complete", exit_code=code, hint=again) from None


def _failure(job: Job) -> BaiKitError:
    hint = f"bai-kit logs {job.name}"
    if job.phase is Phase.TIMED_OUT:
        return WaitTimeout(f"job {job.name} was ended after {job.seconds:.0f} s, its time limit", hint=hint)
    if job.phase is Phase.CANCELLED:
        return JobFailed(f"job {job.name} was cancelled after {job.seconds:.0f} s", exit_code=INTERRUPTED, hint=hint)
    return _job_failed(job.name, job.exit_code or 1, job.reason)


def _job_failed(name: str, code: int, reason: str) -> JobFailed:
    message = f"job {name} failed with exit code {code}: {reason or 'the runner gave no reason'}"
    return JobFailed(message, exit_code=code, hint=f"bai-kit logs {name}")


def _code_of(interrupt: BaseException) -> int:
    return interrupt.exit_code if isinstance(interrupt, Stopped) else INTERRUPTED


def _next_commands(name: str) -> str:
    return "\n".join((f"bai-kit logs {name} -f", f"bai-kit results {name}", f"bai-kit cancel {name}"))


def _after_interrupt(
    kube: Kube,
    request: RunRequest,
    name: str,
    interrupt: KeyboardInterrupt | Stopped,
    progress: Progress,
    wants_cancel: WantsCancel,
) -> RunOutcome:
    """Cancel the job or let it go on, as the user wants; SIGTERM and SIGHUP let it go on."""
    code = _code_of(interrupt)
    job = get_job(kube, name)
    if job.phase.is_over:
        hint = f"bai-kit results {name} -o {request.output_dir}"
        raise JobFailed(f"interrupted; job {name} is {job.phase}", exit_code=code, hint=hint)
    answer = None
    if not isinstance(interrupt, Stopped):
        with progress.paused():
            answer = wants_cancel(name)
    if answer:
        progress.phase("runner", f"cancelling job {name}")
        cancel(kube, name)
        raise _failure(wait_over(kube, name))
    return RunOutcome(
        name, job.phase if job.phase is not Phase.WAITING else Phase.RUNNING, None, job.seconds,
        hint=_next_commands(name), command_exit_code=0 if answer is False else code,
    )  # fmt: skip
