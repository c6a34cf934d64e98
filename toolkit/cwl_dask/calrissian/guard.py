"""The list of objects that a runner must remove, and the guard that removes them if the runner was killed.

Runner and guard are two containers of one pod that share a folder. The runner holds a lock on the file `ledger` while
it lives, and the kernel releases the lock when the runner ends. The last line `done` says that nothing is left to
remove. The guard lives as long as its job, so this module must import only small modules; in the guard's process the
relay serves the runner's requests to the Kubernetes API meanwhile.
"""

import fcntl
import os
import time
from pathlib import Path
from typing import NoReturn

START_S = 60
"""How long the guard waits for a runner to appear: both containers start within a second or two of each other."""
DONE = "done"
ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where Kubernetes mounts a service account: the files `token`, `ca.crt` and `namespace`. In bai-chart's jobs only the
guard's container has them."""


class Ledger:
    """What the runner has made and not yet removed; its clusters' names are on disk before anything else happens.

    Use it from any thread. Without a folder nothing is written and nobody guards.
    """

    def __init__(self, folder: str | None) -> None:
        """Take the lock.

        Args:
            folder: the folder that the guard watches too; None where there is no guard.
        """
        self._left: set[str] = set()
        self._file = -1
        if folder:
            fresh = Path(folder, f"ledger.{os.getpid()}")
            self._file = os.open(fresh, os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._file, fcntl.LOCK_EX)
            fresh.rename(Path(folder, "ledger"))  # the guard never sees it unlocked while this process lives

    def add(self, kind: str, name: str) -> None:
        """Note an object that has to be removed: kind `cluster` or `pod`."""
        self._left.add(f"{kind} {name}")
        self._write(f"{kind} {name}")

    def remove(self, kind: str, name: str) -> None:
        """Note that an object no longer exists."""
        self._left.discard(f"{kind} {name}")

    def close(self) -> None:
        """Tell the guard that it can go, unless something is still there."""
        if not self._left:
            self._write(DONE)

    def _write(self, line: str) -> None:
        if self._file >= 0:
            os.write(self._file, f"{line}\n".encode())


def wait_for_runner(folder: Path, start_s: float = START_S) -> list[str]:
    """Sleep until the runner has ended.

    Args:
        folder: the folder that the runner uses.
        start_s: seconds to wait for a runner to appear.

    Returns:
        The names of the clusters that may be left, and `done` alone when nothing is (also when no runner came).
    """
    deadline = time.monotonic() + start_s
    while not (ledger := folder / "ledger").exists():
        if time.monotonic() > deadline:
            return [DONE]
        time.sleep(0.1)
    with ledger.open() as file:
        fcntl.flock(file, fcntl.LOCK_SH)  # blocks until the runner ends, because the runner holds an exclusive lock
        lines = file.read().split("\n")[:-1]  # an incomplete last line is dropped
    if DONE in lines:
        return [DONE]
    return [name for kind, _, name in (line.partition(" ") for line in lines) if kind == "cluster"]


def main() -> None:
    """Guard the runner in the same pod: the console script `cwl-dask-guard`.

    It always ends well: whether the job did is the runner's to say.
    """
    folder = Path(os.environ["CWL_DASK_GUARD"])
    if (ACCOUNT / "token").exists():
        from cwl_dask.calrissian import relay  # noqa: PLC0415 - not needed by the runner, which imports this module

        relay.Relay(relay.in_cluster()).start(folder)
    clusters = wait_for_runner(folder)
    if clusters != [DONE]:
        from cwl_dask.calrissian.cleanup import clean_up  # noqa: PLC0415 - a second and 60 MiB that few guards ever need

        clean_up(clusters)


def entry() -> NoReturn:
    """Run `main` as a process of its own."""
    main()
    os._exit(0)


if __name__ == "__main__":
    entry()
