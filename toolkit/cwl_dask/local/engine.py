"""Container engines of this machine: the command that runs a Dask scheduler, a worker or a step in an image.

Containers share the network of the host, where the embedded gateway, schedulers and workers listen on loopback only,
and run as the user who runs `cwl-dask`.
"""

import csv
import io
import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cwl_dask.local import watchdog

PATIENCE_S = 5
"""Seconds a step has to end after a signal; less than the runner waits for its steps."""


@dataclass(frozen=True, slots=True)
class Mount:
    """A folder or file of this machine that a container sees."""

    source: str
    target: str
    writable: bool = False


@dataclass(frozen=True, slots=True)
class Engine:
    """A container engine."""

    program: str
    """`podman`, `docker` or `singularity`, which Apptainer provides too."""

    def command(
        self, image: str, command: Sequence[str], *, name: str, environment: Iterable[str], mounts: Iterable[Mount]
    ) -> list[str]:
        """Return the command that runs `command` in a container of `image`.

        Args:
            image: name of the image, or the file of a Singularity image.
            command: runs in the container, in the container's own working directory.
            name: the container's name; Singularity's containers have none.
            environment: names of variables that the container takes from the environment of the engine's client, so
                that no value is seen in the list of processes.
            mounts: what the container sees of this machine.
        """
        if self.program == "singularity":
            binds = [f"--bind={m.source}:{m.target}:{'rw' if m.writable else 'ro'}" for m in mounts]
            return [self.program, "exec", "--no-home", *binds, image, *command]
        return [
            *(self.program, "run", "--rm", "--name", name, "--network=host"),
            *(["--userns=keep-id"] if self.program == "podman" and os.geteuid() else []),  # root has no user namespace
            f"--user={os.geteuid()}:{os.getegid()}",
            *(f"--env={variable}" for variable in environment),
            *map(_mount_option, mounts),
            *(image, *command),
        ]

    def removal(self, name: str) -> list[str]:
        """Return the command that removes the container `name` and ends what runs in it; [] where there is none."""
        if self.program == "singularity":  # its processes are children of the command
            return []
        at_once = ["--time", "0"] if self.program == "podman" else []  # Docker does not wait with --force
        return [self.program, "rm", "--force", *at_once, name]


def watched(command: Sequence[str], removal: Sequence[str] = (), patience_s: int = PATIENCE_S) -> list[str]:
    """Return the command that runs `command` so that it ends with this process; see `watchdog`.

    Args:
        command: the command to run.
        removal: removes the container that the command starts; empty without one.
        patience_s: seconds the command has to end after a signal; 0 kills the command at once.
    """
    program = [sys.executable, "-I", "-S", str(Path(watchdog.__file__))]
    return [*program, str(os.getpid()), str(patience_s), *removal, "--", *command]


def _mount_option(mount: Mount) -> str:
    fields = ["type=bind", f"source={mount.source}", f"target={mount.target}"]
    text = io.StringIO()
    csv.writer(text).writerow([*fields, *([] if mount.writable else ["readonly"])])
    return f"--mount={text.getvalue().strip()}"
