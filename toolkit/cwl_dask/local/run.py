"""`cwl-dask` in its supervised process: cwltool's command line with Dask clusters.

Same options as cwltool and a few more, same output, same exit codes and one more: 75
when the workflow ended as `temporaryFail`. Lines go to standard error, only the outputs' JSON to standard output.
"""

import argparse
import contextlib
import functools
import logging
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, NoReturn

from cwl_dask import PERMANENT, TEMPORARY, UNSUPPORTED, __version__
from cwl_dask.core import addresses, failure, output
from cwl_dask.core.clusters import Clusters
from cwl_dask.core.failure import Failures
from cwl_dask.local import supervisor, watchdog
from cwl_dask.local.engine import Engine
from cwl_dask.local.gateway import EmbeddedGateway

log = logging.getLogger(__name__)

SIGNALLED = 128
"""Added to a signal's number, the exit code after that signal."""
PATIENCE_S = 10
"""Seconds a step's processes have from SIGTERM until SIGKILL."""
_WORTH_SAYING = re.compile(r"\[(step|job) [^]]*\] (start|completed|Max memory)")
"""Lines of cwltool at level INFO that are shown; --debug shows all."""


def run(argv: Sequence[str], directory: Path) -> int:
    """Run the command line, and write the event of a failure.

    Args:
        argv: cwltool's options, those of `cwl-dask`, a package and its inputs.
        directory: the folder of all temporary files.

    Returns:
        The exit code.
    """
    handler, failures = output.Output(), Failures()
    output.install(handler)
    handler.addFilter(failures)
    clusters = Clusters(failures=failures)
    _stop_on_signals(clusters)
    try:
        with contextlib.ExitStack() as stack:
            code = _cwltool(argv, directory, handler, clusters, stack)
    except SystemExit as end:  # a signal, --help, a wrong option
        code = end.code if isinstance(end.code, int) else int(bool(end.code))
    failure.report(code, failures, stopped=code > SIGNALLED)
    return code


def _cwltool(
    argv: Sequence[str], directory: Path, handler: logging.Handler, clusters: Clusters, stack: contextlib.ExitStack
) -> int:
    from cwltool.context import LoadingContext, RuntimeContext  # noqa: PLC0415 - slow, so after the signal handlers
    from cwltool.executors import MultithreadedJobExecutor, SingleJobExecutor  # noqa: PLC0415
    from cwltool.main import main as cwltool  # noqa: PLC0415

    from cwl_dask.core import files, javascript  # noqa: PLC0415
    from cwl_dask.core.extension import maker  # noqa: PLC0415
    from cwl_dask.core.schema_cache import register  # noqa: PLC0415
    from cwl_dask.local.steps import DaskTool  # noqa: PLC0415

    argv = [*os.environ.get("CWLTOOL_OPTIONS", "").split(), *argv]
    options = _parser().parse_args(argv)
    if options.log_format == "json":
        stack.enter_context(output.json_lines())
    _set_up_logging(options, handler)
    if not options.rm_tmpdir or options.move_outputs == "leave":
        (directory / supervisor.KEEP).touch()
    _configure(options, clusters, stack)

    loading, runtime = LoadingContext(vars(options)), RuntimeContext(vars(options))
    javascript.install()
    loading.fetcher_constructor = files.QuickFetcher
    runtime.make_fs_access = files.confined(lambda: None)  # the user chose the inputs
    loading.singularity, loading.podman = runtime.singularity, runtime.podman
    loading.construct_tool_object = maker(functools.partial(DaskTool, clusters=clusters))
    executor = SingleJobExecutor()
    if options.parallel:
        executor = MultithreadedJobExecutor()
        runtime.select_resources = executor.select_resources
    code = cwltool(
        argsl=argv,
        args=options,
        executor=executor,
        loadingContext=loading,
        runtimeContext=runtime,
        versionfunc=lambda: f"cwl-dask {__version__} (cwltool {version('cwltool')})",
        logger_handler=logging.NullHandler(),  # its lines go where all lines go
        custom_schema_callback=lambda: register(enable_ext=options.enable_ext),
    )
    if code == PERMANENT and clusters.unsupported:
        return UNSUPPORTED
    if code == PERMANENT and executor.final_status[-1:] == ["temporaryFail"]:
        return TEMPORARY
    return int(code)


def _parser() -> argparse.ArgumentParser:
    from cwltool.argparser import arg_parser  # noqa: PLC0415

    from cwl_dask.core.options import add_options  # noqa: PLC0415

    parser: argparse.ArgumentParser = arg_parser()
    parser.prog = "cwl-dask"
    parser.add_argument(
        "--dask-gateway",
        metavar="URL|local",
        help="the Dask Gateway; `local` starts one for this run, on this machine. Default: gateway.address of Dask's "
        "configuration, which also says how to sign in.",
    )
    parser.add_argument(
        "--log-format",
        choices=("plain", "json"),
        default="plain",
        help="lines for people, or one JSON object for each line, also for those of steps.",
    )
    add_options(parser)
    return parser


def _set_up_logging(options: argparse.Namespace, handler: logging.Handler) -> None:
    logging.captureWarnings(capture=True)
    handler.setLevel(logging.ERROR if options.no_warnings else logging.WARNING if options.quiet else logging.NOTSET)
    if not options.debug:
        logging.getLogger("cwltool").addFilter(
            lambda record: record.levelno != logging.INFO or bool(_WORTH_SAYING.match(record.getMessage()))
        )
        for chatty in ("salad", "rdflib.term", "distributed", "asyncio"):
            logging.getLogger(chatty).setLevel(logging.ERROR)


def _configure(options: argparse.Namespace, clusters: Clusters, stack: contextlib.ExitStack) -> None:
    """Prepare the run's clusters; start an embedded gateway, which is ready when cwltool has loaded the package."""
    clusters.limit = options.max_clusters
    clusters.reuse = options.reuse_clusters
    stack.callback(clusters.close)
    if options.dask_gateway != addresses.LOCAL:
        clusters.configure = functools.partial(addresses.configuration, options.dask_gateway)
    elif not options.validate:
        clusters.embedded = gateway = stack.enter_context(EmbeddedGateway(_engine(options)))
        # A cluster in containers sees the files of the step that it was claimed for.
        clusters.reuse = clusters.reuse and not gateway.engine
        with contextlib.suppress(OSError, TypeError):  # a URL, or no package
            if b"DaskGatewayRequirement" in Path(options.workflow.partition("#")[0]).read_bytes():
                gateway.start()


def _engine(options: argparse.Namespace) -> Engine | None:
    """Return the container engine that cwltool's options name; None without containers."""
    if not options.use_container or options.user_space_docker_cmd:
        return None
    return Engine("podman" if options.podman else "singularity" if options.singularity else "docker")


def _stop_on_signals(clusters: Clusters) -> None:
    """On SIGTERM, SIGINT or SIGHUP, once: end the steps, dismiss the clusters, exit with 128 + signal.

    A thread ends the steps, and Python wakes it through a pipe. The main thread may wait for a step at this time, and
    a signal that the kernel gives to another thread does not interrupt this wait: the handler alone would be too late.
    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)

    def stop(signum: int, _frame: object) -> NoReturn:
        watchdog.ignore(watchdog.SIGNALS)
        log.warning("stopping on %s: ending steps and dismissing clusters", signal.Signals(signum).name)
        clusters.stop()
        sys.exit(SIGNALLED + signum)

    for signum in watchdog.SIGNALS:
        signal.signal(signum, stop)
    threading.Thread(target=_end_steps, args=(reader,), daemon=True).start()


def _end_steps(signalled: int) -> None:
    """End the steps' processes, also one that another thread is just starting, until this process ends.

    Args:
        signalled: a file descriptor that can be read when a signal has come.
    """
    os.read(signalled, 1)
    from cwltool.utils import processes_to_kill  # noqa: PLC0415

    deadline = time.monotonic() + PATIENCE_S
    asked: list[Any] = []
    while True:
        for process in [process for process in list(processes_to_kill) if process.returncode is None]:
            if time.monotonic() > deadline:
                process.kill()
            elif process not in asked:
                asked.append(process)
                process.terminate()
        time.sleep(0.1)
