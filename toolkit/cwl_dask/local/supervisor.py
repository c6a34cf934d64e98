"""What stays when a runner is killed, and cleans up after it: a parent process that does nothing else.

Linux gives orphans to their nearest "subreaper". The command's first process makes itself one and forks; the child is
the runner. However the child ends, every process that came from it is then a child of the parent, which ends them,
removes their temporary files and exits with the runner's code. If the parent is killed, the runner gets SIGTERM.
"""

import contextlib
import ctypes
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
"""Linux, prctl(2)."""
PATIENCE_S = 20
"""For processes left behind, from SIGTERM to SIGKILL: an embedded gateway ends its clusters first."""
KEEP = "keep"
"""A file in the temporary directory that lets it stay (cwltool's --leave-tmpdir, --leave-outputs)."""


def fork() -> Path:
    """Go on in a child process; call it before anything else, while there is one thread.

    Returns:
        In the child: the directory of all its temporary files, `tempfile`'s from now on. The parent never returns.
    """
    directory = Path(tempfile.mkdtemp(prefix="cwl-dask-"))
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    parent = os.getpid()
    child = os.fork()
    if child:
        with cleaned(directory):
            code = _wait_for(child)
            _end_orphans()
        sys.exit(code)
    os.setsid()  # Ctrl-C in a terminal is for the parent, which hands it on; the steps' processes never see it
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it was killed before the line above
        os.kill(os.getpid(), signal.SIGTERM)
    os.environ["TMPDIR"] = tempfile.tempdir = str(directory)
    return directory


@contextlib.contextmanager
def cleaned(directory: Path) -> Iterator[None]:
    """Remove the directory at the end, unless it is to be kept. Child and parent both do: either may be killed."""
    try:
        yield
    finally:
        if not (directory / KEEP).exists():
            shutil.rmtree(directory, ignore_errors=True)


def _wait_for(child: int) -> int:
    """Hand signals on to the child until it ends; returns its exit code, 128 + signal if a signal ended it."""
    for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(signum, lambda signum, _: os.kill(child, signum))
    while True:
        ended, status = os.wait()  # orphans end here too
        if ended == child:
            for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                signal.signal(signum, signal.SIG_IGN)
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


def _end_orphans() -> None:
    """End every process that is left, politely first; orphans of orphans come to this process one by one."""
    start = time.monotonic()
    told: set[int] = set()
    while orphans := _children():
        late = time.monotonic() > start + PATIENCE_S
        for orphan in orphans if late else orphans - told:
            with contextlib.suppress(ProcessLookupError):
                os.kill(orphan, signal.SIGKILL if late else signal.SIGTERM)
        told |= orphans
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        time.sleep(0.02)


def _children() -> set[int]:
    children = set()
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):  # gone meanwhile, or no process
            parent = (entry / "stat").read_text().rpartition(")")[2].split()[1]
            if entry.name.isdigit() and int(parent) == os.getpid():
                children.add(int(entry.name))
    return children
