"""`cwl-dask`: cwltool's command line with Dask clusters, on any machine, also with a gateway of its own.

Same options as cwltool and three more, same output, same exit codes and one more: 75
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
from cwl_dask.core import failure, gateway, output
from cwl_dask.core.clusters import Clusters
from cwl_dask.core.failure import Failures
from cwl_dask.local import supervisor
from cwl_dask.local.gateway import EmbeddedGateway

log = logging.getLogger(__name__)

SIGNALLED = 128
"""Added to a signal's number, the exit code after that signal."""
PATIENCE_S = 10
"""For a step's processes, from SIGTERM to SIGKILL."""
EMBEDDED_DISMISS_S = 10
"""An embedded gateway ends its clusters in any case, and one that was killed never answers."""
_WORTH_SAYING = re.compile(r"\[(step|job) [^]]*\] (start|completed|Max memory)")
"""What cwltool tells at INFO and a user wants to know; --debug shows the rest."""


def main() -> int:
    """Run the command line in a supervised process; returns its exit code."""
    directory = supervisor.fork()
    handler = output.Output()
    output.install(handler)
    _stop_on_signals()
    failures = Failures()
    handler.addFilter(failures)
    stopped = False
    try:
        with supervisor.cleaned(directory), contextlib.ExitStack() as stack:
            code = _run(sys.argv[1:], directory, handler, failures, stack)
    except SystemExit as end:  # a signal, --help, a wrong option
        code = end.code if isinstance(end.code, int) else int(bool(end.code))
        stopped = code > SIGNALLED
    failure.report(code, failures, stopped=stopped)
    return code


def _run(
    argv: Sequence[str], directory: Path, handler: logging.Handler, failures: Failures, stack: contextlib.ExitStack
) -> int:
    from cwltool.context import LoadingContext, RuntimeContext  # noqa: PLC0415 - slow, and after the fork
    from cwltool.executors import MultithreadedJobExecutor, SingleJobExecutor  # noqa: PLC0415
    from cwltool.main import main as cwltool  # noqa: PLC0415

    from cwl_dask.core import files, javascript  # noqa: PLC0415
    from cwl_dask.core.extension import maker, register  # noqa: PLC0415
    from cwl_dask.local.steps import DaskTool  # noqa: PLC0415

    argv = [*os.environ.get("CWLTOOL_OPTIONS", "").split(), *argv]
    options = _parser().parse_args(argv)
    _set_up_logging(options, handler)
    if not options.rm_tmpdir or options.move_outputs == "leave":
        (directory / supervisor.KEEP).touch()
    clusters = _clusters(options, failures, stack)
    clusters.reuse = options.reuse_clusters
    stack.callback(clusters.close)
    _RUNNING.append(clusters)

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


def _clusters(options: argparse.Namespace, failures: Failures, stack: contextlib.ExitStack) -> Clusters:
    """Prepare the run's clusters; an embedded gateway starts now, while cwltool loads the package; `stack` ends it."""
    if options.dask_gateway != "local":
        return Clusters(
            functools.partial(gateway.configuration, options.dask_gateway), options.max_clusters, failures=failures
        )
    if options.validate:
        return Clusters(limit=options.max_clusters, failures=failures)
    embedded = stack.enter_context(EmbeddedGateway())
    clusters = Clusters(embedded.configuration, options.max_clusters, failures=failures, dismiss_s=EMBEDDED_DISMISS_S)
    clusters.reach_containers = False
    return clusters


_RUNNING: list[Clusters] = []


def _stop_on_signals() -> None:
    """On SIGTERM, SIGINT or SIGHUP, once: end the steps, dismiss the clusters, exit with 128 + signal."""

    def stop(signum: int, _frame: object) -> NoReturn:
        for again in signals:
            signal.signal(again, signal.SIG_IGN)
        log.warning("stopping on %s: ending steps and dismissing clusters", signal.Signals(signum).name)
        threading.Thread(target=_end_steps, daemon=True).start()
        for clusters in _RUNNING:
            clusters.stop()
        sys.exit(128 + signum)

    signals = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    for signum in signals:
        signal.signal(signum, stop)


def _end_steps() -> None:
    """End the steps' processes, also one that another thread is just starting, until this process ends."""
    from cwltool.utils import processes_to_kill  # noqa: PLC0415

    deadline = time.monotonic() + PATIENCE_S
    told: list[Any] = []
    while True:
        for process in [process for process in list(processes_to_kill) if process.returncode is None]:
            if time.monotonic() > deadline:
                process.kill()
            elif process not in told:
                told.append(process)
                process.terminate()
        time.sleep(0.1)


if __name__ == "__main__":
    sys.exit(main())
