"""Run a command that ends with its parent: `watchdog.py PARENT PATIENCE [REMOVE ...] -- COMMAND ...`.

A program of its own between the runner and a step. It passes signals on to the command and ends with the command's
code. When its parent (process PARENT) is gone, however that happened, it ends the command, which has PATIENCE seconds
until SIGKILL. Before it ends, it ends every process that came from the command. A container is no descendant of the
command that started it, so REMOVE is the command that removes the container. Imports little and needs no installed
package, so it starts in 20 ms.
"""

import contextlib
import ctypes
import os
import signal
import sys
import time
from collections.abc import Iterable

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
"""Linux, prctl(2)."""
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
ORPHANS_PATIENCE_S = 2
"""Seconds that processes which the command left behind have from SIGTERM until SIGKILL."""
NOT_FOUND = 127
"""Exit code of a command that cannot be started, as in shells."""


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent ends."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)


def end_with(parent: int, signum: int) -> None:
    """Let the kernel send `signum` to this process when its parent, the process `parent`, has ended."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signum)
    if os.getppid() != parent:  # the parent ended before the line above
        os.kill(os.getpid(), signum)


def ignore(signals: Iterable[int]) -> None:
    """Ignore signals from now on. Python prints an error for a signal that arrived just before SIG_IGN was set."""
    for signum in signals:
        signal.signal(signum, lambda *_: None)


def wait_for(child: int) -> int:
    """Wait until a child has ended, and for orphans that end meanwhile.

    Returns:
        The child's exit code, or minus the number of the signal that ended the child.
    """
    while True:
        ended, status = os.wait()
        if ended == child:
            return os.waitstatus_to_exitcode(status)


def end_children(patience_s: float) -> None:
    """End all children of this process: SIGTERM first, SIGKILL after `patience_s` seconds.

    With `adopt_orphans` the children of every ended process become children of this one, so no descendant is left.
    """
    start = time.monotonic()
    asked: set[int] = set()
    while children := _children():
        late = time.monotonic() > start + patience_s
        for child in children if late else children - asked:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL if late else signal.SIGTERM)
        asked |= children
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        time.sleep(0.02)


def _children() -> set[int]:
    children = set()
    for entry in filter(str.isdigit, os.listdir("/proc")):  # noqa: PTH208 - pathlib takes 10 ms to import
        with contextlib.suppress(OSError), open(f"/proc/{entry}/stat", encoding="utf-8", errors="replace") as stat:  # noqa: PTH123
            if int(stat.read().rpartition(")")[2].split()[1]) == os.getpid():
                children.add(int(entry))
    return children


def _environment() -> dict[bytes, bytes]:
    """Return the environment that this process was started with; Python adds LC_CTYPE where no language is set."""
    with open("/proc/self/environ", "rb") as file:  # noqa: PTH123 - see above
        return dict(entry.split(b"=", 1) for entry in file.read().split(b"\0") if b"=" in entry)


def _start(command: list[str]) -> int:
    """Start a command that is killed with this process; returns its process id."""
    parent = os.getpid()
    child = os.fork()
    if not child:
        try:
            end_with(parent, signal.SIGKILL)
            for signum in (
                *SIGNALS,
                signal.SIGPIPE,
                signal.SIGXFSZ,
            ):  # Python ignores the last two
                signal.signal(signum, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
            os.execvpe(command[0], command, _environment())  # noqa: S606 - no shell
        except OSError as error:
            os.write(2, f"cannot start {command[0]}: {error.strerror}\n".encode(errors="replace"))
        os._exit(NOT_FOUND)
    return child


def run(parent: int, patience_s: int, remove: list[str], command: list[str]) -> int:
    """Run `command` until it ends, `parent` ends, or a signal comes; returns what `wait_for` returns."""
    asked = False

    def ask(signum: int, _frame: object) -> None:
        nonlocal asked
        if not asked:
            signal.alarm(patience_s)
        asked = True
        pass_on(signum if patience_s else signal.SIGALRM, None)

    def pass_on(signum: int, _frame: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL if signum == signal.SIGALRM else signum)

    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)  # until there is a child to pass signals on to
    adopt_orphans()
    end_with(parent, signal.SIGTERM)
    child = _start(command)
    signal.signal(signal.SIGALRM, pass_on)
    for signum in SIGNALS:
        signal.signal(signum, ask)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    code = wait_for(child)
    ignore((*SIGNALS, signal.SIGALRM))
    if remove and (asked or code < 0):
        wait_for(_start(remove))
    end_children(ORPHANS_PATIENCE_S)
    return code


def main() -> None:
    """Run the command line and end as the command ended, by the same signal if one ended it."""
    words = sys.argv[1:]
    end = words.index("--")
    code = run(int(words[0]), int(words[1]), words[2:end], words[end + 1 :])
    if code < 0:
        import resource  # noqa: PLC0415 - seldom needed

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # the command has written its own core file
        signal.signal(-code, signal.SIG_DFL) if -code not in (signal.SIGKILL, signal.SIGSTOP) else None
        os.kill(os.getpid(), -code)
    sys.exit(code)


if __name__ == "__main__":
    main()
