"""Keep a step's whole output on the volume: Kubernetes rotates a pod's log, so a burst of lines is lost there.

The shell that Calrissian starts in the step's pod copies standard output and standard error into a file. When the step
has ended the runner appends that file to `step.log`.
"""

import contextlib
import os
import tempfile
import threading
from pathlib import Path
from typing import Any

MOUNT = "/run/cwl-dask/step.log"
"""The file in the step's pod."""
SCRIPT = """\
pipe=${TMPDIR:-/tmp}/.step-log
command -v tee >/dev/null && mkfifo "$pipe" 2>/dev/null || exec /bin/sh -c "$1"
tee -a "$2" <"$pipe" &
tee=$!
exec 3>"$pipe"
rm "$pipe"
{ /bin/sh -c "$1" >&3 2>&3 3>&-; } 2>/dev/null
code=$?
exec 3>&-
(sleep 5; kill $tee) >/dev/null 2>&1 &
wait $tee
exit $code
"""
"""What the pod's shell runs; $1 is Calrissian's command line, $2 the file. An image without tee or mkfifo runs the
command alone. A process that the step leaves behind may hold the pipe, so the end is not waited for longer than 5 s."""
_BUFFER = 1 << 20
_lock = threading.Lock()


def create(step_log: Path) -> Path:
    """Create a file for the output of one step; any user may write to it, because only that step mounts it.

    Args:
        step_log: the file that `collect` appends to later.

    Raises:
        OSError: the volume does not take the file.
    """
    handle, path = tempfile.mkstemp(prefix=f"{step_log.name}.", dir=step_log.parent)
    os.fchmod(handle, 0o666)
    os.close(handle)
    return Path(path)


def wrap(container: dict[str, Any]) -> None:
    """Make a container of Calrissian copy its output into the file mounted at `MOUNT`.

    Args:
        container: changed in place; its command is `/bin/sh -c` and its one argument a command line.
    """
    container["args"] = [SCRIPT, "step", *container["args"], MOUNT]


def collect(path: Path, step_log: Path) -> int:
    """Append a step's file to `step.log` and remove the file.

    Returns:
        The number of lines in the file.
    """
    count, last = 0, b"\n"
    with contextlib.suppress(OSError), _lock, path.open("rb") as source, step_log.open("ab") as target:
        while chunk := source.read(_BUFFER):
            count += chunk.count(b"\n")
            last = chunk[-1:]
            target.write(chunk)
    with contextlib.suppress(OSError):
        path.unlink()
    return count + (last != b"\n")
