"""What a job left on the volume, brought home whole or not at all."""

import hashlib
import json
import shutil
import tarfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bai_kit.errors import RemoteError, SetupError, UsageError
from bai_kit.job.volume import Volume

TRIES = 5
_NO_PROGRESS: Callable[[int], None] = lambda _: None  # noqa: E731


@dataclass(frozen=True, slots=True)
class Results:
    """A job's results on this machine."""

    job: str
    directory: Path
    files: int
    bytes: int
    """Bytes of the archive that brought them."""
    sha256: str
    """Of that archive, the same on both sides."""
    seconds: float


def fetch(volume: Volume, job: str, directory: Path, *, progress: Callable[[int], None] = _NO_PROGRESS) -> Results:
    """Fetch a job's results, run log and usage into a directory that does not exist yet or is empty.

    The archive is kept beside the directory as `.NAME.JOB.part` until it is whole, so that the next call goes on where
    an interrupted one stopped. The directory gets its name when all of it is verified and unpacked.

    Args:
        volume: The jobs' volume.
        job: The job's name.
        directory: Where to.
        progress: Told the number of bytes that are here, now and then.

    Raises:
        UsageError: the directory holds something already.
        RemoteError: the job left nothing, or the connection kept breaking.
        SetupError: this machine cannot write there.
    """
    begin = time.monotonic()
    directory = directory.resolve()  # `.` has no name, and `..` not its own
    check_free(directory)
    part = directory.with_name(f".{directory.name}.{job}.part")
    with writing(directory):
        directory.parent.mkdir(parents=True, exist_ok=True)
        size, sha256 = _download(volume, job, part, progress)
        files = _unpack(part, directory, directory.with_name(f".{directory.name}.{job}.new"))
        part.unlink()
    return Results(job, directory, files, size, sha256, round(time.monotonic() - begin, 1))


def check_free(directory: Path) -> None:
    """Refuse a directory that holds something: results of two jobs must not mix.

    Raises:
        UsageError: it does, or is a file.
    """
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise UsageError(f"{directory} exists and is not empty", hint="-o ANOTHER_DIRECTORY")


@contextmanager
def writing(directory: Path) -> Iterator[None]:
    """Say why results cannot be written to a directory.

    Raises:
        SetupError: the system refused something: a full disk, no right, another disk mounted there.
    """
    try:
        yield
    except OSError as exc:
        raise SetupError(
            f"results cannot be written to {directory}: {exc.strerror or exc}", hint="-o ANOTHER_DIRECTORY"
        ) from exc


def put(fresh: Path, directory: Path) -> None:
    """Give a whole directory its name; an empty one that has it stays itself, for it may be somebody's working one."""
    if not directory.exists():
        fresh.replace(directory)
        return
    for each in sorted(fresh.iterdir()):
        each.replace(directory / each.name)
    fresh.rmdir()


def _download(volume: Volume, job: str, part: Path, progress: Callable[[int], None]) -> tuple[int, str]:
    """Fill `part` until it is the archive that the other side hashed; return its size and SHA-256."""
    problem = "no try was made"
    for attempt in range(TRIES):
        if attempt:
            time.sleep(min(2**attempt / 4, 5))
        said = b""
        try:
            with part.open("ab") as file:
                for channel, data in volume.send(job, file.tell()):
                    if channel == 1:
                        file.write(data)
                        progress(file.tell())
                    else:
                        said += data
        except RemoteError as exc:
            if said.startswith(b"not on the volume"):
                part.unlink()
                raise RemoteError(f"job {job} left nothing on the volume") from exc
            problem = exc.message
            continue
        whole = json.loads(said)
        size, sha256 = part.stat().st_size, _sha256(part)
        if (size, sha256) == (whole["bytes"], whole["sha256"]):
            return size, sha256
        problem = f"{size} of {whole['bytes']} bytes came"
        if size >= whole["bytes"]:  # the rest of another archive, or damage: only a new start helps
            problem = f"SHA-256 {sha256} is not {whole['sha256']}"
            part.unlink()
    raise RemoteError(
        f"results of {job}: {problem} (try {TRIES} of {TRIES})",
        hint=f"bai-kit results {job}  # goes on where it stopped",
    )


def _unpack(part: Path, directory: Path, fresh: Path) -> int:
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    try:
        with tarfile.open(part) as archive:
            archive.extractall(fresh, filter="data")  # no links or names that lead out, no devices, no foreign owners
            files = sum(member.isfile() for member in archive.getmembers())
    except tarfile.FilterError as exc:
        shutil.rmtree(fresh)
        raise RemoteError(f"the results hold a file that must not be unpacked: {exc}") from exc
    put(fresh, directory)
    return files


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
