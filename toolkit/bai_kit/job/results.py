"""The results of a job, fetched from the volume completely or not at all."""

import fcntl
import glob
import hashlib
import json
import logging
import shutil
import tarfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bai_kit.errors import ConnectionLost, NotOnVolume, OutputError, RemoteError, UsageError
from bai_kit.job.state import view
from bai_kit.job.template import Template
from bai_kit.job.volume import TRIES, Volume, open_volume
from bai_kit.kube.api import Kube
from bai_kit.package.outputs import relative, save

log = logging.getLogger(__name__)
_NO_PROGRESS: Callable[[int], None] = lambda _: None  # noqa: E731


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a fetch may bring to this machine."""

    files: int = 100_000
    bytes: int = 100_000_000_000


@dataclass(frozen=True, slots=True)
class Results:
    """A job's results on this machine."""

    job: str
    directory: Path
    files: int
    bytes: int
    """Size of the downloaded archive in bytes."""
    sha256: str
    """SHA-256 of that archive, computed on the volume and compared with the download."""
    seconds: float
    outputs: Mapping[str, Any]
    """The CWL outputs object, as in `outputs.json`; paths are relative to `directory`."""

    def __rich__(self) -> str:
        """Return the line that the command prints."""
        return f"{self.directory}: {self.files} files, {megabytes(self.bytes)}, verified, in {self.seconds:.1f} s"


def fetch(
    volume: Volume,
    job: str,
    directory: Path,
    *,
    limits: Limits | None = None,
    keep_log: bool = False,
    progress: Callable[[int], None] = _NO_PROGRESS,
) -> Results:
    """Fetch a job's results, run log and usage into a directory that does not exist yet or is empty.

    The archive is kept beside the directory as `.NAME.JOB.part` until it is complete, so the next call continues where
    an interrupted one stopped. The directory gets its name after everything is verified and unpacked.

    Args:
        volume: The jobs' volume.
        job: The job's name.
        directory: Directory of the results.
        limits: The largest results to fetch.
        keep_log: Fetch `step.log` too, the whole output of the steps.
        progress: Called with the number of bytes that have arrived.

    Raises:
        UsageError: the directory is not empty.
        RemoteError: the job has no results, or the connection broke again and again.
        OutputError: this machine cannot hold the results, or cannot write there.
    """
    begin = time.monotonic()
    directory = directory.resolve()  # `.` and `..` have no usable name
    check_free(directory)
    options = ("keep-log",) if keep_log else ()
    with writing(directory, retry=f"bai-kit results {job} -o {directory}"):
        directory.parent.mkdir(parents=True, exist_ok=True)
        _remove_stale(directory, job)
        part = directory.with_name(f".{directory.name}.{job}.part")
        with part.open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # two fetches of one job would mix their bytes
            try:
                _check_size(volume, job, directory, limits or Limits(), options, present=part.stat().st_size)
                size, sha256 = _download(volume, job, part, options, progress)
                files, outputs = _unpack(part, directory, directory.with_name(f".{directory.name}.{job}.new"), job)
                part.unlink()
            finally:
                if part.exists() and not part.stat().st_size:
                    part.unlink()
    return Results(job, directory, files, size, sha256, round(time.monotonic() - begin, 1), outputs)


def fetch_results(
    kube: Kube, template: Template, name: str, directory: Path, *, limits: Limits | None = None, keep_log: bool = False
) -> Results:
    """Fetch the results of a job by its name; arguments and errors as for `fetch`.

    Raises:
        UsageError: the job is not over, or the directory is not empty.
    """
    check_free(directory)
    job = kube.get("jobs", name)
    if job and not (phase := view(job, None).phase).is_over:
        raise UsageError(f"job {name} is {phase}", hint=f"bai-kit logs {name} -f")
    with open_volume(kube, template) as volume:
        return fetch(volume, name, directory, limits=limits, keep_log=keep_log)


def check_free(directory: Path) -> None:
    """Refuse a directory that is not empty: results of two jobs must not mix.

    Raises:
        UsageError: it is not empty, or is a file.
    """
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise UsageError(f"{directory} exists and is not empty", hint="-o ANOTHER_DIRECTORY")


@contextmanager
def writing(directory: Path, *, retry: str = "-o ANOTHER_DIRECTORY") -> Iterator[None]:
    """Translate errors of the file system.

    Args:
        directory: Directory of the results.
        retry: The hint.

    Raises:
        OutputError: a full disk, no permission, another disk mounted there.
    """
    try:
        yield
    except BlockingIOError as exc:
        raise OutputError(f"another command is fetching results to {directory}") from exc
    except OSError as exc:
        raise OutputError(f"cannot write results to {directory}: {exc.strerror or exc}", hint=retry) from exc


def put(fresh: Path, directory: Path) -> None:
    """Give a complete directory its name; an existing empty one is filled, because it may be a working directory."""
    if not directory.exists():
        fresh.replace(directory)
        return
    for path in sorted(fresh.iterdir()):
        path.replace(directory / path.name)
    fresh.rmdir()


def megabytes(count: int) -> str:
    """Return a number of bytes for people."""
    return f"{count / 1e6:.1f} MB"


def _remove_stale(directory: Path, job: str) -> None:
    """Remove what killed fetches into this directory left, except for this job's archive and those in use."""
    name = glob.escape(directory.name)
    for path in directory.parent.glob(f".{name}.*.new"):
        if not _is_locked(path.with_suffix(".part")):
            shutil.rmtree(path, ignore_errors=True)
    for path in directory.parent.glob(f".{name}.*.part"):
        if path.name != f".{directory.name}.{job}.part" and not _is_locked(path):
            path.unlink(missing_ok=True)


def _is_locked(part: Path) -> bool:
    try:
        with part.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def _check_size(
    volume: Volume, job: str, directory: Path, limits: Limits, options: tuple[str, ...], *, present: int
) -> None:
    """Refuse results that are larger than the limits or the disk, before anything is written.

    Raises:
        OutputError: names the numbers.
        RemoteError: the job has no results.
    """
    try:
        files, size = volume.measure(job, *options)
    except NotOnVolume as exc:
        raise RemoteError(f"no folder of job {job} is on the volume", hint="bai-kit list") from exc
    if files > limits.files or size > limits.bytes:
        found = f"job {job} has {files} files with {megabytes(size)}"
        allowed = f"the limits are {limits.files} files and {megabytes(limits.bytes)}"
        raise OutputError(f"{found}; {allowed}", hint="export BAI_KIT_RESULTS_FILES=N BAI_KIT_RESULTS_SIZE=SIZE")
    needed, free = 2 * size - present, shutil.disk_usage(directory.parent).free  # the archive, and its contents
    if needed > free:
        raise OutputError(
            f"cannot write results to {directory}: {megabytes(needed)} are needed, {megabytes(free)} are free",
            hint=f"bai-kit results {job} -o DIRECTORY_ON_ANOTHER_DISK",
        )


def _download(
    volume: Volume, job: str, part: Path, options: tuple[str, ...], progress: Callable[[int], None]
) -> tuple[int, str]:
    """Fill `part` until it is the archive whose SHA-256 the volume's side reports; return its size and SHA-256."""
    problem = ""
    for attempt in range(TRIES):
        if attempt:
            time.sleep(min(2**attempt / 4, 5))
        said = b""
        try:
            with part.open("ab") as file:
                for channel, data in volume.send(job, file.tell(), *options):
                    if channel == 1:
                        file.write(data)
                        progress(file.tell())
                    else:
                        said += data
        except (ConnectionLost, RemoteError) as exc:
            problem = exc.message
            continue
        whole = json.loads(said)
        size, sha256 = part.stat().st_size, _sha256(part)
        if (size, sha256) == (whole["bytes"], whole["sha256"]):
            return size, sha256
        problem = f"{size} of {whole['bytes']} bytes arrived"
        if size >= whole["bytes"]:  # the file is damaged, or is part of another archive: download all of it again
            problem = f"SHA-256 {sha256} is not {whole['sha256']}"
            part.write_bytes(b"")
    hint = f"bai-kit results {job} -o {part.parent / part.name[1:].removesuffix(f'.{job}.part')}  # continues"
    raise RemoteError(f"cannot fetch the results of job {job}: {problem} (try {TRIES} of {TRIES})", hint=hint)


def _unpack(part: Path, directory: Path, fresh: Path, job: str) -> tuple[int, dict[str, Any]]:
    """Unpack the archive, write `outputs.json`, and return the number of files and the outputs object."""
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    try:
        with tarfile.open(part) as archive:
            archive.extractall(fresh, filter="data")  # refuses links and names that lead out, and devices
        outputs = _outputs(fresh, job)
        files = sum(path.is_file() for path in fresh.rglob("*"))
        put(fresh, directory)
    except tarfile.FilterError as exc:
        raise RemoteError(f"the results hold a file that must not be unpacked: {exc}") from exc
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return files, outputs


def _outputs(directory: Path, job: str) -> dict[str, Any]:
    """Return the outputs object that the runner printed, and write it as `outputs.json`."""
    try:
        printed = json.loads((directory / "output.json").read_text(encoding="utf-8"))
        outputs = relative(printed, Path("/calrissian/results"))
    except (FileNotFoundError, ValueError, AttributeError):
        log.warning("job %s: cannot read the runner's output.json, so the outputs are not shown", job)
        return {}
    save(outputs, directory)
    return outputs


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
