"""A run with no Kubernetes: `cwl-dask` as a child process, with a Dask Gateway of its own; results in one piece.

The application is the one that is installed beside the toolkit: no container is started.
"""

import contextlib
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
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bai_kit.errors import JobFailed, SetupError
from bai_kit.job.results import check_free, put, writing
from bai_kit.package.document import load
from bai_kit.package.inputs import check_inputs, package_inputs
from bai_kit.progress import Progress

log = logging.getLogger(__name__)

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""What ends a run; each is passed on to the runner, which dismisses its clusters."""


@dataclass(frozen=True, slots=True)
class SeverityArea:
    """The area of one severity class."""

    name: str
    lower: float
    """dNBR at which the class begins."""
    hectares: float
    share: float
    """Of the valid area, 0 to 1."""


@dataclass(frozen=True, slots=True)
class LocalRun:
    """A run that is done."""

    directory: Path
    files: tuple[str, ...]
    """Paths in `directory`, sorted."""
    bytes: int
    """Of all files."""
    seconds: float
    """Wall time, from the start of the runner to the results in place."""
    severity: tuple[SeverityArea, ...] = ()
    """From the report of the application; empty when the package is another one."""

    def __rich__(self) -> str:
        """Say what was found and where to look."""
        areas = [f"  {area.hectares:12,.1f} ha {area.share:7.1%}  {area.name}" for area in self.severity]
        names = [name for name in self.files if name in {"bai.png", "bai.tif", "catalog.json"}]
        look = [f"  {self.directory / name}" for name in names]
        done = f"{len(self.files)} files, {self.bytes / 1e6:.1f} MB in {self.seconds:.1f} s"
        return "\n".join(
            [*(["area by severity:", *areas] if areas else []), f"results: {self.directory} ({done})", *look]
        )


def run_local(package: Path, given: Mapping[str, Any], directory: Path, progress: Progress) -> LocalRun:
    """Run a package on this machine and put its results in place.

    Args:
        package: The application package's file.
        given: CWL inputs by name; text is read by the input's type.
        directory: Where the results go; must not hold anything. It has all of them or does not exist.
        progress: Where lines and phases are shown.

    Raises:
        UsageError: inputs do not fit the package (each is named), or the directory holds something.
        SetupError: the runner is not installed, or this machine cannot write there.
        JobFailed: the workflow failed, with its exit code, or a signal ended it (128 + signal).
    """
    check_free(directory)
    inputs = check_inputs(package_inputs(load(package)), given)
    _check_installed()
    home = directory.resolve()  # `.` has no name, and `..` not its own
    begin = time.monotonic()
    with writing(directory):
        home.parent.mkdir(parents=True, exist_ok=True)
        with _scratch(home) as scratch:
            (scratch / "params.json").write_text(json.dumps(inputs), encoding="utf-8")
            outputs = _run(_command(package, scratch), progress)
            _move_home(outputs, scratch / "results", home)
    return describe(directory, time.monotonic() - begin)


def _check_installed() -> None:
    missing = [name for name in ("cwltool", "dask_gateway_server") if not _installed(name)]
    if missing:
        raise SetupError(f"a local run needs {' and '.join(missing)}", hint="pip install 'bai-kit[local]'")


def _installed(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


@contextlib.contextmanager
def _scratch(directory: Path) -> Iterator[Path]:
    """Make a hidden directory beside the results' one, so that moving them home is a rename."""
    scratch = Path(tempfile.mkdtemp(dir=directory.parent, prefix=f".{directory.name}-"))
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _command(package: Path, scratch: Path) -> list[str]:
    return [
        *(sys.executable, "-m", "cwl_dask.local.main"),
        *("--dask-gateway", "local"),
        *("--no-container", "--skip-schemas", "--disable-color"),
        *(["--quiet"] if logging.getLogger("bai_kit").level > logging.INFO else []),
        *("--outdir", str(scratch / "results")),
        *("--tmp-outdir-prefix", str(scratch / "out-"), "--tmpdir-prefix", str(scratch / "tmp-")),
        *(str(package.resolve()), str(scratch / "params.json")),
    ]


def _environment() -> dict[str, str]:
    """Let `python` and `dask` be those of this interpreter's environment, also when it is not activated."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    return {**os.environ, "PATH": path, "PYTHONUNBUFFERED": "1"}


def _run(command: list[str], progress: Progress) -> dict[str, Any]:
    """Run the runner to its end, with its lines shown as they come; return its outputs.

    A process group of its own: Ctrl-C reaches the runner alone, through us, and it ends its steps in order.
    """
    log.debug("starting %s", command)
    received: list[int] = []
    first_error = ""
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8") as stdout,
        _passed_on(received) as runners,
        subprocess.Popen(
            command, env=_environment(), stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE,
            process_group=0, text=True, errors="replace",
        ) as runner,
    ):  # fmt: skip
        runners.append(runner)
        if received:
            runner.send_signal(received[0])
        for line in runner.stderr or ():
            progress.line(line.rstrip("\n"))
            if not first_error and "| ERROR" in line:
                first_error = line.partition(" - ")[2].strip()
        code = runner.wait()
        stdout.seek(0)
        text = stdout.read()
    if received:
        name = signal.Signals(received[0]).name
        raise JobFailed(f"cancelled by {name}: the cluster is dismissed, nothing runs", exit_code=128 + received[0])
    if code:
        reason = f": {first_error}" if first_error else ""
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


def _move_home(outputs: Mapping[str, Any], written: Path, directory: Path) -> None:
    """Rename what the runner wrote; the contents of a package's only output directory, else all outputs."""
    only = next(iter(outputs.values())) if len(outputs) == 1 else None
    if isinstance(only, dict) and only.get("class") == "Directory":
        written /= str(only["basename"])
    written.chmod(0o755)
    put(written, directory)


def describe(directory: Path, seconds: float) -> LocalRun:
    """Say what results are in a directory."""
    files = sorted(path for path in directory.rglob("*") if path.is_file())
    return LocalRun(
        directory=directory,
        files=tuple(str(path.relative_to(directory)) for path in files),
        bytes=sum(path.stat().st_size for path in files),
        seconds=round(seconds, 1),
        severity=_severity(directory / "report.json"),
    )


def _severity(report: Path) -> tuple[SeverityArea, ...]:
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):  # another package's report, or none
        classes = json.loads(report.read_text(encoding="utf-8"))["area"]["classes"]
        return tuple(SeverityArea(c["label"], float(c["lower"]), float(c["hectares"]), c["share"]) for c in classes)
    return ()
