"""Run Dask's schedulers and workers as forks of this process, which has imported what all of them need.

A fork starts in a tenth of the time of a new Python, and shares the memory of the imported modules.
"""

import asyncio
import contextlib
import gc
import importlib
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import dask
from distributed.cli import dask_scheduler, dask_worker

from cwl_dask.local.watchdog import end_with

_COMMANDS = {"scheduler": dask_scheduler.main, "worker": dask_worker.main}
_DATA = ("numpy", "rasterio")
"""Modules that most tasks on rasters import; a machine without them forks workers without them."""


def warm_up() -> None:
    """Import what schedulers, workers and most of their tasks need."""
    for name in ("distributed", "dask_gateway.scheduler_preload", "cwl_dask.local.dashboard", *_DATA):
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    gc.freeze()  # a collection in a fork would write to all pages, and so end their sharing


def start(command: Sequence[str], environment: Mapping[str, str], directory: str, log: Path) -> int:
    """Fork a scheduler or a worker, which the kernel kills when this process ends; return its process id.

    Call it in the main thread of a process that has no other thread, in a running event loop.

    Args:
        command: `scheduler` or `worker`, and the options of `dask scheduler` or `dask worker`.
        environment: all variables of the new process.
        directory: its working directory.
        log: its standard output and standard error.
    """
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    parent, child = os.getpid(), os.fork()
    if not child:
        code = 1
        try:
            end_with(parent, signal.SIGKILL)
            _detach(file)
            os.chdir(directory)
            code = _run(command, environment)
        finally:
            os._exit(code)
    os.close(file)
    _reap(child)
    return child


def _detach(log: int) -> None:
    """Give up the parent's signals and files.

    Files stay open as /dev/null: Python's objects for the parent's sockets would close a new file of the same number.
    """
    os.setsid()
    signal.set_wakeup_fd(-1)
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, signal.SIG_DFL)
    os.dup2(log, 1)
    os.dup2(log, 2)
    null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - names are enough
        if int(name) not in (1, 2, null):
            with contextlib.suppress(OSError):  # the folder that is listed
                os.fstat(int(name))
                os.dup2(null, int(name), inheritable=name == "0")


def _run(command: Sequence[str], environment: Mapping[str, str]) -> int:
    os.environ.clear()
    os.environ.update(environment)
    dask.config.refresh()
    if numpy := sys.modules.get("numpy"):
        numpy.random.seed()  # forks must not draw equal numbers
    try:
        _COMMANDS[command[0]](args=list(command[1:]), prog_name=f"dask {command[0]}")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(bool(end.code))
    return 0


def _reap(child: int) -> None:
    """Wait for the end of a child process in the running event loop: a zombie looks like a running process."""
    ended, loop = os.pidfd_open(child), asyncio.get_running_loop()

    def reap() -> None:
        loop.remove_reader(ended)
        os.close(ended)
        os.waitpid(child, 0)

    loop.add_reader(ended, reap)
