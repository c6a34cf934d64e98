"""Local files as inputs of a job: uploaded to the volume before the job starts, and removed when no job starts."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bai_kit.errors import BaiKitError, NotOnVolume, UsageError
from bai_kit.job.template import Template
from bai_kit.job.volume import Files, open_volume
from bai_kit.kube.api import Kube
from bai_kit.progress import Progress

log = logging.getLogger(__name__)

UPLOAD_BYTES = 10_000_000_000
"""The largest upload without a setting."""


def list_files(sources: Files, *, limit: int = UPLOAD_BYTES) -> Files:
    """Return the files to upload: each file, and the files of each directory; an empty directory as itself.

    Args:
        sources: Files and directories of this machine, each with its path on the volume.
        limit: The largest sum of sizes in bytes.

    Raises:
        UsageError: a path is neither file nor directory, or all together are too large.
    """
    found = [pair for source, target in sources for pair in _below(source, target)]
    size = _size(found)
    if size > limit:
        message = f"the inputs' files have {size / 1e6:.1f} MB; the limit is {limit / 1e6:.1f} MB"
        raise UsageError(message, hint="export BAI_KIT_UPLOAD_SIZE=SIZE")
    return found


@contextmanager
def uploaded(kube: Kube, template: Template, job: str, files: Files, progress: Progress) -> Iterator[None]:
    """Upload files into a job's folder; remove the folder when the job is not created in this context.

    Raises:
        RemoteError: the volume refused a file.
    """
    if not files:
        yield
        return
    try:
        with open_volume(kube, template, write=True) as volume:
            volume.receive(job, files, _counted(files, progress))
        yield
    except BaseException:
        _remove(kube, template, job)
        raise


def _below(source: Path, target: str) -> Iterator[tuple[Path, str]]:
    if source.is_file():
        yield source, target
    elif source.is_dir():
        for path in sorted(source.rglob("*")):
            if path.is_file():
                yield path, f"{target}/{path.relative_to(source).as_posix()}"
        if not any(source.rglob("*")):
            yield source, target
    else:
        raise UsageError(f"cannot upload {source}: not a file or directory")


def _counted(files: Files, progress: Progress) -> Callable[[int], None]:
    total = _size(files) / 1e6
    progress.phase("inputs", f"{len(files)} files, {total:.1f} MB to upload")
    return lambda sent: progress.phase("inputs", f"{sent / 1e6:.1f} of {total:.1f} MB", quiet=True)


def _remove(kube: Kube, template: Template, job: str) -> None:
    """Remove the folder of a job that was not created; a job that was created after all keeps its inputs."""
    try:
        if kube.get("jobs", job) is None:
            with open_volume(kube, template, write=True) as volume:
                volume.remove(job)
    except NotOnVolume:
        return
    except BaiKitError as exc:
        log.warning("cannot remove the uploaded inputs: %s; remove them with: bai-kit delete %s", exc.message, job)


def _size(files: Files) -> int:
    return sum(path.stat().st_size for path, _ in files if path.is_file())
