"""What a helper pod does with the jobs' volume. Sent to the pod as text: standard library alone, Python 3.11.

    log JOB            run.log to stdout
    list               one JSON line a folder
    send JOB OFFSET    a tar archive from byte OFFSET on to stdout; its size and SHA-256 as JSON to stderr
    remove JOB [tmp]   the job's folder, or only its temporary files

The archive of a folder that nobody writes to is the same byte for byte each time, so that a broken transfer can go on.
"""

import errno
import hashlib
import json
import os
import shutil
import sys
import tarfile
from pathlib import Path
from stat import S_ISDIR
from typing import BinaryIO, cast

FILES = ("run.log", "usage.json", "output.json")


class _Tail:
    """A file-like object that hashes everything and passes on what comes after an offset."""

    def __init__(self, target: BinaryIO, offset: int) -> None:
        self.target, self.skip, self.size, self.digest = target, offset, 0, hashlib.sha256()

    def write(self, data: bytes) -> int:
        """Take the next bytes of the whole."""
        self.digest.update(data)
        self.size += len(data)
        passed = data[min(self.skip, len(data)) :]
        self.skip -= len(data) - len(passed)
        self.target.write(passed)
        return len(data)


def _send(folder: Path, offset: int) -> None:
    out = _Tail(sys.stdout.buffer, offset)
    results = folder / "results"
    written = list(results.iterdir()) if results.is_dir() else []
    if len(written) == 1 and written[0].is_dir() and not written[0].is_symlink():
        results = written[0]  # a package's only output directory: its contents are the results
    members = [(folder / name, name) for name in FILES if (folder / name).is_file()]
    members += [(path, str(path.relative_to(results))) for path in sorted(results.rglob("*"))]
    with tarfile.open(fileobj=cast("BinaryIO", out), mode="w|", format=tarfile.PAX_FORMAT, bufsize=1 << 20) as archive:
        for path, name in members:
            archive.add(path, name, recursive=False, filter=_plain)
    sys.stdout.flush()
    sys.stderr.write(json.dumps({"bytes": out.size, "sha256": out.digest.hexdigest()}))


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mtime = int(member.mtime)
    return member


def _show(root: Path) -> None:
    for folder in sorted(each for each in root.iterdir() if each.is_dir() and not each.is_symlink()):
        stats = {path: path.lstat() for path in folder.rglob("*")}
        sizes = {path: stat.st_size for path, stat in stats.items() if not S_ISDIR(stat.st_mode)}
        changed = max(each.st_mtime for each in (folder.lstat(), *stats.values()))
        temporary = sum(size for path, size in sizes.items() if folder / "tmp" in path.parents)
        entry = {"job": folder.name, "bytes": sum(sizes.values()), "temporary_bytes": temporary}
        entry |= {"has_tmp": (folder / "tmp").exists(), "mtime": changed}
        sys.stdout.write(json.dumps(entry) + "\n")


def _main(words: list[str]) -> None:
    root = Path(os.environ["BAI_KIT_VOLUME"])
    if words[0] == "list":
        _show(root)
        return
    folder = root / words[1]
    if folder.parent != root or words[1] in {"", ".", ".."}:
        sys.exit(f"{words[1]!r} is not a job's folder")
    if not folder.is_dir():
        raise FileNotFoundError(errno.ENOENT, "", str(folder))
    if words[0] == "remove":
        shutil.rmtree(folder / "tmp" if words[2:] == ["tmp"] else folder, ignore_errors=words[2:] == ["tmp"])
    elif words[0] == "send":
        _send(folder, int(words[2]))
    elif words[0] == "log":
        with (folder / "run.log").open("rb") as file:
            shutil.copyfileobj(file, sys.stdout.buffer)


if __name__ == "__main__":
    try:
        _main(sys.argv[1:])
    except FileNotFoundError as error:
        sys.exit(f"not on the volume: {error.filename}")
