"""Run Calrissian's `main` with parts of it replaced at run time by this package's functions and classes."""

import argparse
import contextlib
import functools
import io
import json
import logging
import os
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import calrissian.context
import calrissian.job
import calrissian.k8s
import calrissian.main as runner
from kubernetes.config import ConfigException
from schema_salad.exceptions import ValidationException

from cwl_dask import PERMANENT, TEMPORARY, UNSUPPORTED
from cwl_dask.calrissian import api, steps
from cwl_dask.calrissian import watch as watching
from cwl_dask.calrissian.session import Session
from cwl_dask.core import addresses, extension, files, javascript, options, output
from cwl_dask.core import schema_cache as schemas
from cwl_dask.core.failure import VARIABLE, Failure

log = logging.getLogger(__name__)

_NOISE = (
    "Resolved '",
    "Found a queued exception",
    "Waiting for canceled futures",
    "ERROR the command below failed",
    "\t",  # that command
)
"""Beginnings of lines of cwltool and Calrissian that are hidden, because this runner's own lines say the same."""


def run(session: Session) -> int:
    """Run Calrissian's command line.

    Returns:
        0, 1, 33 or 75.

    Raises:
        OSError: a file or folder of an option cannot be written.
    """
    result, statuses = _Result(), list[str]()
    try:
        if api.has_relay():
            namespace = api.connect()
            calrissian.k8s.load_config_get_namespace = lambda: namespace
    except ConfigException as error:
        log.error("%s", error)  # noqa: TRY400 - one line is enough
        session.clusters.failures.add(Failure("kubernetes", str(error), temporary=True))
        return TEMPORARY
    watching.bound_retries()
    watching.StepClient.session = session
    calrissian.context.calrissian_make_tool = steps.make_tool
    calrissian.job.KubernetesClient = watching.StepClient
    session.clusters.failures.no_reasons = _NOISE
    javascript.install()
    runner.CalrissianRuntimeContext = functools.partial(_runtime_context, session, runner.CalrissianRuntimeContext)
    runner.CalrissianLoadingContext = functools.partial(_loading_context, session, runner.CalrissianLoadingContext)
    runner.ThreadPoolJobExecutor = _executor(session, statuses)
    runner.parse_arguments = functools.partial(_parse_arguments, session, runner.parse_arguments)
    runner.activate_logging = functools.partial(_set_level, session)
    runner.install_tees = functools.partial(_open_files, session, result)
    runner.install_signal_handler = lambda: None  # this runner has installed its own handlers
    runner.delete_pods = functools.partial(_delete_pods, runner.delete_pods)
    runner.write_report = functools.partial(_write_report, runner.write_report)
    runner.version = _version
    # The null handler keeps cwltool from adding its own, so its lines go to the runner's output like all others. The
    # callback replaces cwltool's schemas after cwltool has loaded them.
    runner.cwlmain = functools.partial(
        runner.cwlmain, stdout=result, logger_handler=logging.NullHandler(), custom_schema_callback=_register
    )
    try:
        code = int(runner.main())
    except ValidationException as error:  # cwltool logs its error only for a package that exists
        log.error("%s", error)  # noqa: TRY400 - one line is enough
        session.clusters.failures.add(Failure("package", str(error)))
        code = PERMANENT
    finally:
        session.clusters.close()
        result.publish()
    if code == PERMANENT and session.clusters.unsupported:
        return UNSUPPORTED
    return TEMPORARY if code == PERMANENT and statuses[-1:] == ["temporaryFail"] else code


class _Result(io.StringIO):
    """What cwltool prints on standard output: the workflow's outputs."""

    path: str | None = None
    """`--stdout`: the file that gets a copy."""

    def publish(self) -> None:
        """Print the outputs, and write the file completely or not at all.

        With both the file and a log on the volume (bai-chart's job) nothing is printed: people follow that log.
        """
        text = self.getvalue()
        if not (self.path and "CWL_DASK_LOG" in os.environ):
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


def _executor(session: Session, statuses: list[str]) -> type:
    class Executor(runner.ThreadPoolJobExecutor):  # type: ignore[misc] # Calrissian has no types
        """Calrissian's executor; records how the workflow ended, and checks its outputs before they are copied."""

        def output_callback(self, out: Any, process_status: str) -> None:
            try:
                files.check_objects(out, session.folders)
            except files.FileAccessError as error:
                log.error("%s", error)  # noqa: TRY400 - one line is enough
                session.clusters.failures.add(Failure("output", str(error)))
                out, process_status = {}, "permanentFail"
            statuses.append(process_status)
            super().output_callback(out, process_status)

    return Executor


def _parse_arguments(
    session: Session, parse: Callable[..., argparse.Namespace], parser: argparse.ArgumentParser
) -> argparse.Namespace:
    options.add_options(parser)
    parser.add_argument("--dask-gateway-url", metavar="URL", help="the Dask Gateway. Default: gateway.address of Dask.")
    parser.add_argument("--dask-script-configmap", metavar="NAME", help="accepted for compatibility, without effect")
    arguments = parse(parser)
    session.clusters.configure = functools.partial(addresses.configuration, arguments.dask_gateway_url)
    if path := os.environ.get("CWL_DASK_STEP_POD"):
        with contextlib.suppress(FileNotFoundError):
            session.step_pod = json.loads(Path(path).read_text())
    session.clusters.limit = arguments.max_clusters
    session.keep_entries = bool(arguments.tool_logs_basepath)
    documents = [arguments.workflow, *(arguments.job_order or ())]
    session.folders |= {_folder(path) for path in documents if path and "://" not in path}
    session.folders |= {_real(arguments.outdir), _folder(arguments.tmp_outdir_prefix)}
    session.folders.add(os.path.join(_folder(arguments.outdir), "inputs"))  # noqa: PTH118 - files that the user uploaded
    written = (arguments.outdir, arguments.stdout, arguments.stderr, arguments.usage_report, os.environ.get(VARIABLE))
    session.reserved |= {_real(path) for path in written if path}
    session.clusters.reuse = arguments.reuse_clusters
    return arguments


def _real(path: str) -> str:
    return os.path.realpath(path)


def _folder(path: str) -> str:
    """Return the folder of a file, or of a prefix of files."""
    return os.path.dirname(os.path.realpath(path + "x"))  # noqa: PTH120 - a prefix may end with a slash


def _runtime_context(session: Session, make: Callable[[Any], Any], arguments: Any) -> Any:
    context = make(arguments)
    context.make_fs_access = files.confined(lambda: session.folders)
    return context


def _loading_context(session: Session, make: Callable[[], Any]) -> Any:
    context = make()
    context.fetcher_constructor = files.confined_fetcher(lambda: session.folders)
    context.relax_path_checks = True  # file names with spaces work, as in local runs; Calrissian ignores the option
    return context


def _set_level(session: Session, level: int) -> None:
    """Set the level of Calrissian's lines; hide lines for developers unless `--debug` is given."""
    logging.getLogger("calrissian").setLevel(level)
    if level > logging.DEBUG:
        logging.getLogger("salad").setLevel(logging.ERROR)  # its warnings are tracebacks of what cwltool reports
        session.output.addFilter(lambda record: not record.getMessage().startswith(_NOISE))


def _open_files(session: Session, result: _Result, stdout_path: str | None, stderr_path: str | None) -> None:
    result.path = stdout_path
    if stderr_path:
        session.output.open(stderr_path)


def _delete_pods(delete: Callable[[], None]) -> None:
    if calrissian.k8s.PodMonitor.pod_names:  # pods that the steps' own threads have not deleted
        delete()


def _write_report(write: Callable[[str], None], path: str) -> None:
    write(output.parent_made(path))


def _register() -> None:
    enable_ext = "--enable-ext" in sys.argv
    extension.register(enable_ext=enable_ext)
    if not enable_ext:
        schemas.recall()


def _version() -> str:
    return ", ".join(f"{name} {metadata.version(name)}" for name in ("calrissian", "cwltool", "dask-gateway"))
