"""`cwl-dask-calrissian`: released Calrissian with DaskGatewayRequirement, and steps that end with a reason.

Nothing of Calrissian is changed on disk: its modules' names are set to ours before its `main` runs. Imports are light
up to `main`: the first process of a container ignores SIGTERM until it has a handler, and the lock comes before all.
"""

import contextlib
import functools
import io
import logging
import os
import signal
import sys
from importlib import metadata
from pathlib import Path
from typing import Any, NoReturn

from cwl_dask import output
from cwl_dask.guard import Ledger
from cwl_dask.session import PENDING_S, Session

log = logging.getLogger(__name__)

PERMANENT, TEMPORARY = 1, 75
"""Exit codes of contract 3; 33 (unsupported requirement) is cwltool's own."""
_NOISE = (
    "Resolved '",
    "Found a queued exception",
    "Waiting for canceled futures",
    "ERROR the command below failed",
    "\t",  # that command
)
"""How lines of cwltool and Calrissian begin that say nothing, or what our own lines say better."""


def main() -> int:
    """Run Calrissian's command line.

    Returns:
        0; 1 permanent failure; 33 unsupported requirement; 75 when the failure may be temporary; 143 after SIGTERM.
    """
    session = Session(
        output.Output(),
        Ledger(os.environ.get("CWL_DASK_GUARD")),
        pending_s=float(os.environ.get("CWL_DASK_PENDING_SECONDS", PENDING_S)),
    )
    output.install(session.output)
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, functools.partial(_stop, session))
    try:
        return _run(session)
    except OSError as error:  # a folder or file of our own; what steps meet is told by cwltool
        log.error("%s: %s", error.filename, error.strerror)  # noqa: TRY400 - one line is enough
        return PERMANENT
    finally:
        session.ledger.close()


def entry() -> NoReturn:
    """Run `main` as a process of its own, and end it without the 0.3 s of joining Dask's threads."""
    try:
        code = main()
    except SystemExit as end:  # SIGTERM, --help
        code = end.code if isinstance(end.code, int) else int(bool(end.code))
    sys.stdout.flush()
    os._exit(code)


def _stop(session: Session, signum: int, _frame: Any) -> NoReturn:
    """Only say so: the steps' own threads remove pod and cluster, and the way out waits for them."""
    for again in (signal.SIGTERM, signal.SIGINT):
        signal.signal(again, signal.SIG_IGN)
    session.stop.set()
    log.warning("stopping on %s: removing the steps' pods and clusters", signal.Signals(signum).name)
    sys.exit(128 + signum)


def _run(session: Session) -> int:
    # Slow imports, after the handlers.
    import calrissian.context  # noqa: PLC0415
    import calrissian.job  # noqa: PLC0415
    import calrissian.k8s  # noqa: PLC0415
    import calrissian.main as runner  # noqa: PLC0415

    from cwl_dask import extension, schemas, steps, watching  # noqa: PLC0415

    result = _Result()
    statuses: list[str] = []

    class Executor(runner.ThreadPoolJobExecutor):  # type: ignore[misc] # Calrissian has no types
        """Calrissian's, which also tells how the workflow ended."""

        def output_callback(self, out: Any, process_status: str) -> None:
            statuses.append(process_status)
            super().output_callback(out, process_status)

    def open_files(stdout_path: str | None, stderr_path: str | None) -> None:
        result.path = stdout_path
        if stderr_path:
            session.output.open(stderr_path)

    def write_report(path: str, write: Any = runner.write_report) -> None:
        write(output.parent_made(path))

    def register() -> None:
        enable_ext = "--enable-ext" in sys.argv
        extension.register(enable_ext=enable_ext)
        if not enable_ext:
            schemas.recall()

    def delete_pods(delete: Any = runner.delete_pods) -> None:
        if calrissian.k8s.PodMonitor.pod_names:  # the steps' own threads have seen to theirs
            delete()

    def version() -> str:
        return ", ".join(f"{name} {metadata.version(name)}" for name in ("calrissian", "cwltool", "dask-gateway"))

    watching.bound_retries()
    watching.StepClient.session = session
    calrissian.context.calrissian_make_tool = steps.make_tool
    calrissian.job.KubernetesClient = watching.StepClient
    runner.ThreadPoolJobExecutor = Executor
    runner.activate_logging = functools.partial(_set_level, session)
    runner.version = version
    runner.install_tees = open_files
    runner.install_signal_handler = lambda: None  # ours are there already
    runner.delete_pods = delete_pods
    runner.write_report = write_report
    # cwltool's lines go where all go; its schemas must be ours after it has loaded its own.
    runner.cwlmain = functools.partial(
        runner.cwlmain, stdout=result, logger_handler=logging.NullHandler(), custom_schema_callback=register
    )
    try:
        code = int(runner.main())
    finally:
        result.publish()
    return TEMPORARY if code == PERMANENT and statuses[-1:] == ["temporaryFail"] else code


def _set_level(session: Session, level: int) -> None:
    """Take Calrissian's level for its own lines; what only a developer wants to read comes with `--debug`."""
    logging.getLogger("calrissian").setLevel(level)
    if level > logging.DEBUG:
        session.output.addFilter(lambda record: not record.getMessage().startswith(_NOISE))


class _Result(io.StringIO):
    """What cwltool prints on standard output: the workflow's outputs."""

    path: str | None = None
    """`--stdout`: the file that gets a copy."""

    def publish(self) -> None:
        """Print it, and write the file so that it is whole or absent."""
        text = self.getvalue()
        sys.stdout.write(text)
        sys.stdout.flush()
        if self.path and text:
            part = Path(f"{output.parent_made(self.path)}.part")
            try:
                part.write_text(text)
                part.replace(self.path)
            finally:
                with contextlib.suppress(OSError):
                    part.unlink(missing_ok=True)


if __name__ == "__main__":
    entry()
