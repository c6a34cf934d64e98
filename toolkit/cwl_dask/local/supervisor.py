"""What stays when a runner is killed, and cleans up after it: a parent process that does nothing else.

Linux gives orphans to their nearest "subreaper". The command's first process makes itself one and forks; the child is
the runner. However the child ends, every process that came from it is then a child of the parent, which ends them,
removes their temporary files and exits with the runner's code. If the parent is killed, the runner gets SIGTERM.
"""

import contextlib
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from cwl_dask.local import watchdog

PATIENCE_S = 20
"""Seconds processes that the runner left have from SIGTERM until SIGKILL: an embedded gateway ends its clusters."""
KEEP = "keep"
"""A file in the temporary directory that lets it stay (cwltool's --leave-tmpdir, --leave-outputs)."""


def fork() -> Path:
    """Go on in a child process; call it before anything else, while there is one thread.

    Returns:
        In the child: the folder of all its temporary files, `tempfile`'s from now on. SIGINT ends the child, as long as
        it sets no handler. The parent never returns.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, watchdog.SIGNALS)  # until parent and child have their handlers
    directory = Path(tempfile.mkdtemp(prefix="cwl-dask-"))
    watchdog.adopt_orphans()
    parent = os.getpid()
    child = os.fork()
    if child:
        with cleaned(directory):
            code = _wait_for(child)
            watchdog.end_children(PATIENCE_S)
        sys.exit(code)
    os.setsid()  # Ctrl-C in a terminal is for the parent, which hands it on; the steps' processes never see it
    watchdog.end_with(parent, signal.SIGTERM)
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Python's own handler would print a traceback
    signal.pthread_sigmask(signal.SIG_UNBLOCK, watchdog.SIGNALS)
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
    """Pass signals on to the child until it ends; return its exit code, or 128 + the signal that ended it."""
    for signum in watchdog.SIGNALS:
        signal.signal(signum, lambda signum, _: os.kill(child, signum))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, watchdog.SIGNALS)
    code = watchdog.wait_for(child)
    watchdog.ignore(watchdog.SIGNALS)
    return code if code >= 0 else 128 - code
