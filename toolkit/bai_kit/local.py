"""Run a package without Kubernetes: `cwl-dask` as a child process, with its own Dask Gateway.

The application is the one that is installed beside the toolkit, or with a container engine the package's image.
"""

import contextlib
import fcntl
import importlib.util
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bai_kit.errors import JobFailed, SetupError, UsageError
from bai_kit.job.failure import parse_failure
from bai_kit.job.results import check_free, put, writing
from bai_kit.package.addresses import shown, split
from bai_kit.package.document import Package, read_package
from bai_kit.package.files import missing_files
from bai_kit.package.inputs import check_inputs
from bai_kit.package.outputs import RunResult, describe, relative, root, save
from bai_kit.progress import Progress

log = logging.getLogger(__name__)

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""What ends a run; each is passed on to the runner, which dismisses its clusters."""

_SCRATCH, _LOCK = "bai-kit-", "lock"
"""Beginning of the name of a run's temporary directory, and the file in it that the run keeps locked."""
ENGINES = {"none": ["--no-container"], "podman": ["--podman"], "docker": [], "apptainer": ["--singularity"]}
"""The runner's options for each container engine."""


def run_local(
    package: str | Path,
    given: Mapping[str, Any],
    directory: Path,
    progress: Progress,
    *,
    root: Path | None = None,
    engine: str = "none",
) -> RunResult:
    """Run a package on this machine and put its results in place.

    Args:
        package: Path or URL of the application package, with `#NAME` for one of its processes.
        given: CWL inputs by name; text from the command line is read by the input's type.
        directory: Where the results go; must not hold anything. It has all of them or does not exist.
        progress: Where lines and phases are shown.
        root: Folder that the package's references must stay in; its own folder when None.
        engine: The container engine for the package's images, one of `ENGINES`.

    Raises:
        PackageError: the package is not valid.
        UsageError: inputs do not fit the package (each is named), the directory holds something, or the engine is
            unknown.
        SetupError: the runner or the engine is not installed, the package needs an engine, or this machine cannot
            write there.
        JobFailed: the workflow failed, with its exit code, or a signal ended it (128 + signal).
    """
    check_free(directory)
    found = read_package(package, root=root, portable=False)
    inputs = check_inputs(found.inputs, given)
    if missing := missing_files(inputs):
        raise UsageError(f"inputs: {'; '.join(f'{path} does not exist' for path in missing)}")
    _check_engine(engine)
    _check_installed(found, engine)
    home = directory.resolve()  # `.` and `..` have no usable name
    begin = time.monotonic()
    with writing(directory):
        home.parent.mkdir(parents=True, exist_ok=True)
        with _scratch(home) as scratch:
            # The runner names a step without a name after its file.
            document = scratch / "package" / (Path(shown(split(package)[0])).name or "package.json")
            document.parent.mkdir()
            document.write_text(found.text, encoding="utf-8")
            (scratch / "params.json").write_text(json.dumps(inputs), encoding="utf-8")
            outputs = _run(_command(document, scratch, engine), scratch / "failure.json", progress)
            outputs = _move_home(outputs, scratch / "results", home)
    return describe(directory, time.monotonic() - begin, outputs)


def _check_engine(engine: str) -> None:
    if engine not in ENGINES:
        raise UsageError(f"unknown container engine {engine}: choose one of {', '.join(ENGINES)}")
    program = "singularity" if engine == "apptainer" else engine  # Apptainer installs this name too, cwltool uses it
    if engine != "none" and not shutil.which(program):
        raise SetupError(f"cannot use the container engine {engine}: {program} is not on PATH")


def _check_installed(package: Package, engine: str) -> None:
    if needs := [need for need in package.needs if engine == "none" or not need.startswith("a container engine")]:
        raise SetupError(f"cannot run the package on this machine: it needs {'; '.join(needs)}")
    missing = [name for name in ("cwltool", "dask_gateway_server") if not _installed(name)]
    if missing:
        raise SetupError(
            f"a local run needs {' and '.join(missing)}", hint="pip install -e '.[local]'  # in a checkout of bai-kit"
        )


def _installed(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


@contextlib.contextmanager
def _scratch(directory: Path) -> Iterator[Path]:
    """Create a directory beside the results' directory, so that the results can be moved there by a rename.

    Its name has no dot: expressions of packages cut paths at the first dot. A run that is killed cannot remove its
    directory, so the next run in the same place does: the lock on a file in the directory has ended with the process.
    """
    for lock in directory.parent.glob(f"{_SCRATCH}*/{_LOCK}"):
        with contextlib.suppress(OSError), lock.open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(lock.parent, ignore_errors=True)
    scratch = Path(tempfile.mkdtemp(dir=directory.parent, prefix=_SCRATCH))
    try:
        with (scratch / _LOCK).open("wb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _command(package: Path, scratch: Path, engine: str) -> list[str]:
    return [
        *(sys.executable, "-m", "cwl_dask.local.main"),
        *("--dask-gateway", "local"),
        *(*ENGINES[engine], "--disable-color", "--enable-ext"),
        "--relax-path-checks",  # names with spaces, umlauts, % and # are quoted by the runner
        *(["--quiet"] if logging.getLogger("bai_kit").level > logging.INFO else []),
        *("--outdir", str(scratch / "results")),
        *("--tmp-outdir-prefix", str(scratch / "out-"), "--tmpdir-prefix", str(scratch / "tmp-")),
        *(str(package), str(scratch / "params.json")),
    ]


def _environment(failure: Path) -> dict[str, str]:
    """Return the runner's environment: `python` and `dask` are this interpreter's, also when it is not activated."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    return {**os.environ, "PATH": path, "PYTHONUNBUFFERED": "1", "CWL_DASK_FAILURE": str(failure)}


def _run(command: list[str], failure: Path, progress: Progress) -> dict[str, Any]:
    """Run the runner to its end, with its lines shown as they come; return its outputs.

    The runner has a process group of its own, so Ctrl-C in a terminal reaches this process only, which passes the
    signal on; the runner then ends its steps in order.

    Args:
        command: The runner with its arguments.
        failure: Where the runner writes the reason of a failure (AGENTS.md, contract 4).
        progress: Where lines are shown.
    """
    log.debug("starting %s", command)
    received: list[int] = []
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8") as stdout,
        _passed_on(received) as runners,
        subprocess.Popen(
            command, env=_environment(failure), stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE,
            process_group=0, text=True, errors="replace",
        ) as runner,
    ):  # fmt: skip
        runners.append(runner)
        if received:
            runner.send_signal(received[0])
        for line in runner.stderr or ():
            progress.line(line.rstrip("\n"))
        code = runner.wait()
        stdout.seek(0)
        text = stdout.read()
    if received:
        name = signal.Signals(received[0]).name
        raise JobFailed(f"cancelled by {name}: the cluster is dismissed, nothing runs", exit_code=128 + received[0])
    if code:
        event = parse_failure(failure.read_text(encoding="utf-8") if failure.exists() else None)
        reason = f": {event.message}" if event else ""
        raise JobFailed(f"the workflow failed with exit code {code}{reason}", exit_code=code if code > 0 else 1)
    outputs: dict[str, Any] = json.loads(text)
    return outputs


@contextlib.contextmanager
def _passed_on(received: list[int]) -> Iterator[list["subprocess.Popen[str]"]]:
    """Pass signals on to the runners in the list, and note them in `received`."""
    runners: list[subprocess.Popen[str]] = []

    def pass_on(signum: int, _frame: object) -> None:
        received.append(signum)
        for runner in runners:
            runner.send_signal(signum)

    before = {signum: signal.signal(signum, pass_on) for signum in SIGNALS}
    try:
        yield runners
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)


def _move_home(outputs: Mapping[str, Any], written: Path, directory: Path) -> dict[str, Any]:
    """Write `outputs.json` and rename what the runner wrote to the results folder; return the outputs object.

    A package without outputs leaves an empty folder.
    """
    written.mkdir(exist_ok=True)  # the runner makes no folder when there is no File to put in it
    results, found = root(outputs, written), relative(outputs, written)
    results.chmod(0o755)
    save(found, results)
    put(results, directory)
    return found
