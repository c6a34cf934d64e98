"""The program of a helper pod that has the jobs' volume. Sent to the pod as text: standard library alone, Python 3.11.

    log JOB NAME             the file NAME (run.log, step.log) to standard output
    list                     one JSON line for each job's folder
    outcome JOB              JSON: the failure event's text or null, and whether the runner wrote its outputs
    measure JOB [keep-log]   JSON: files and bytes of the results
    send JOB OFFSET [keep-log]   a tar archive from byte OFFSET on to standard output; its size and SHA-256 to stderr
    receive JOB              files from standard input, with paths below `inputs`: a line of JSON before each
                             file's bytes (null for a directory), and `null` at the end
    remove JOB [tmp]         remove the job's folder, or only its temporary files

The archive of a folder that does not change is the same byte for byte each time, so a broken transfer can be resumed.
Exit codes: 0, 1 with the reason on standard error, 3 when folder or file does not exist.
"""

import errno
import hashlib
import json
import os
import shutil
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from stat import S_ISDIR
from typing import BinaryIO, cast

FILES = ("run.log", "usage.json", "output.json")
NOT_FOUND = 3
"""Exit code for a folder or file that does not exist."""
CHUNK = 1 << 20


class _Tail:
    """A file-like object that hashes all bytes and passes on those after an offset."""

    def __init__(self, target: BinaryIO, offset: int) -> None:
        self.target, self.skip, self.size, self.digest = target, offset, 0, hashlib.sha256()

    def write(self, data: bytes) -> int:
        """Take the next bytes."""
        self.digest.update(data)
        self.size += len(data)
        passed = data[min(self.skip, len(data)) :]
        self.skip -= len(data) - len(passed)
        self.target.write(passed)
        return len(data)


def _members(folder: Path, options: list[str]) -> Iterator[tuple[Path, str]]:
    """Yield path and archive name of each result, the contents of a package's only output folder at the top."""
    results = folder / "results"
    written = list(results.iterdir()) if results.is_dir() else []
    if len(written) == 1 and written[0].is_dir() and not written[0].is_symlink():
        results = written[0]
    names = (*FILES, "step.log") if "keep-log" in options else FILES
    yield from ((folder / name, name) for name in names if (folder / name).is_file())
    yield from ((path, str(path.relative_to(results))) for path in sorted(results.rglob("*")))


def _measure(folder: Path, options: list[str]) -> None:
    stats = [path.lstat() for path, _ in _members(folder, options)]
    files = [stat.st_size for stat in stats if not S_ISDIR(stat.st_mode)]
    sys.stdout.write(json.dumps({"files": len(files), "bytes": sum(files)}))


def _send(folder: Path, offset: int, options: list[str]) -> None:
    out = _Tail(sys.stdout.buffer, offset)
    with tarfile.open(fileobj=cast("BinaryIO", out), mode="w|", format=tarfile.PAX_FORMAT, bufsize=CHUNK) as archive:
        for path, name in _members(folder, options):
            archive.add(path, name, recursive=False, filter=_plain)
    sys.stdout.flush()
    sys.stderr.write(json.dumps({"bytes": out.size, "sha256": out.digest.hexdigest()}))


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mtime = int(member.mtime)
    return member


def _receive(folder: Path) -> None:
    """Write the files of the stream; print how many bytes came and their SHA-256."""
    digest, size = hashlib.sha256(), 0
    while (entry := json.loads(sys.stdin.buffer.readline())) is not None:
        path = folder / "inputs" / entry["path"]
        if ".." in path.parts or folder / "inputs" not in path.parents:
            sys.exit(f"{entry['path']!r} is not a path in the folder of inputs")
        if entry["bytes"] is None:
            path.mkdir(parents=True, exist_ok=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            left = entry["bytes"]
            while left:
                data = sys.stdin.buffer.read(min(left, CHUNK))
                if not data:
                    sys.exit(f"{entry['path']}: {left} bytes are missing")
                file.write(data)
                digest.update(data)
                left -= len(data)
        size += entry["bytes"]
    sys.stdout.write(json.dumps({"bytes": size, "sha256": digest.hexdigest()}))


def _list(root: Path) -> None:
    folders = (path for path in root.iterdir() if path.is_dir() and not path.is_symlink())
    for folder in sorted(path for path in folders if any(path.iterdir())):  # `_remove` leaves an empty folder behind
        stats = {path: path.lstat() for path in folder.rglob("*")}
        sizes = {path: stat.st_size for path, stat in stats.items() if not S_ISDIR(stat.st_mode)}
        changed = max(stat.st_mtime for stat in (folder.lstat(), *stats.values()))
        temporary = sum(size for path, size in sizes.items() if folder / "tmp" in path.parents)
        entry = {"job": folder.name, "bytes": sum(sizes.values()), "temporary_bytes": temporary}
        entry |= {"has_tmp": (folder / "tmp").exists(), "mtime": changed}
        sys.stdout.write(json.dumps(entry) + "\n")


def _outcome(folder: Path) -> None:
    event, outputs = folder / "failure.json", folder / "output.json"
    failure = event.read_text("utf-8", "replace")[: 1 << 16] if event.is_file() else None
    has_outputs = outputs.is_file() and outputs.stat().st_size > 0
    sys.stdout.write(json.dumps({"failure": failure, "has_outputs": has_outputs}))


def _copy_log(folder: Path, name: str) -> None:
    if name not in {"run.log", "step.log"}:
        sys.exit(f"{name!r} is not a log of a job")
    with (folder / name).open("rb") as file:
        shutil.copyfileobj(file, sys.stdout.buffer)


def _remove(folder: Path) -> None:
    """Remove a folder.

    Kubernetes makes a job's folder as root when it mounts the folder into the job's pods. Where the volume's own
    directory has the sticky bit, only root may remove the folder, so it stays, empty.
    """
    try:
        shutil.rmtree(folder, ignore_errors=folder.name == "tmp")
    except PermissionError:
        if any(folder.iterdir()):
            raise


def _main(words: list[str]) -> None:
    root = Path(os.environ["BAI_KIT_VOLUME"])
    verb = words[0]
    if verb == "list":
        _list(root)
        return
    folder, options = root / words[1], words[2:]
    if folder.parent != root or words[1] in {"", ".", ".."}:
        sys.exit(f"{words[1]!r} is not a job's folder")
    if verb == "receive":
        _receive(folder)
        return
    if not folder.is_dir() or folder.is_symlink() or not any(folder.iterdir()):
        raise FileNotFoundError(errno.ENOENT, "", str(folder))
    if verb == "remove":
        _remove(folder / "tmp" if options == ["tmp"] else folder)
    elif verb == "send":
        _send(folder, int(options[0]), options[1:])
    elif verb == "measure":
        _measure(folder, options)
    elif verb == "outcome":
        _outcome(folder)
    elif verb == "log":
        _copy_log(folder, options[0])


if __name__ == "__main__":
    try:
        _main(sys.argv[1:])
    except FileNotFoundError as error:
        sys.stderr.write(f"{error.filename} does not exist")
        sys.exit(NOT_FOUND)
    except OSError as error:
        sys.exit(f"{error.filename or 'volume'}: {error.strerror}")
