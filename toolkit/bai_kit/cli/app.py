"""Parse the command line, call one function, and show its result or its error.

Each noun has a file of plain functions; a function takes its options and returns a frozen dataclass, which `main` shows
(see `bai_kit.output`), or None. Heavy imports are inside the functions, so that `--help` is fast. Only `bai_kit.cli`
imports typer.
"""

import itertools
import logging
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated

import typer

from bai_kit import __version__
from bai_kit.cli import cluster, demo, deploy, doctor, jobs, package, render, run
from bai_kit.errors import BaiKitError, Stopped, UsageError
from bai_kit.output import Format, LogFormat, configure_logging, emit, emit_error, warn

log = logging.getLogger(__name__)

app = typer.Typer(
    name="bai-kit",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Every command also takes --output json, -v, -q and --log-format, anywhere on the line.",
)
app.command()(run.run)
app.command()(demo.demo)
app.command()(deploy.deploy)
app.command()(deploy.undeploy)
app.add_typer(render.app, name="render")
for command in (jobs.logs, jobs.status, jobs.list_, jobs.cancel, jobs.delete, jobs.results, jobs.clean, doctor.doctor):
    app.command(command.__name__.rstrip("_"))(command)
app.add_typer(cluster.app, name="cluster")
app.add_typer(package.app, name="package")

INTERRUPTED = 130
"""Exit code after Ctrl-C, as a shell reports SIGINT."""
_AFTER_STOP = {
    "logs": "the job goes on; the same command shows its lines again",
    "results": "the same command continues the download",
    "cancel": "the job is being cancelled; bai-kit status shows its end",
    "delete": "the same command removes what is left",
    "clean": "the same command removes what is left",
    "undeploy": "the same command removes what is left",
    "cluster dismiss": "the cluster is being stopped; bai-kit cluster list shows its end",
}
"""For commands that a signal may end under way: what goes on, and how to come back."""
_ANYWHERE = {"--output": 1, "--log-format": 1, "-v": 0, "--verbose": 0, "-q": 0, "--quiet": 0}
"""Options that may also follow the command, and the number of values that each one takes."""


def _show_version(value: bool) -> None:
    if value:
        sys.stdout.write(f"bai-kit {__version__}\n")
        raise typer.Exit


@app.callback()
def _common(
    _output: Annotated[
        Format, typer.Option("--output", help="Show the result as text, or as one JSON envelope.")
    ] = Format.TEXT,
    verbose: Annotated[int, typer.Option("--verbose", "-v", count=True, help="Log debug lines; tracebacks.")] = 0,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Log warnings only.")] = False,
    log_format: Annotated[LogFormat, typer.Option(help="Log lines for people or for programs.")] = LogFormat.PLAIN,
    _version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_show_version, help="Show the version and exit.")
    ] = False,
) -> None:
    """Run CWL application packages with a Dask cluster of their own, on Kubernetes and on a laptop."""
    configure_logging(-1 if quiet else verbose, log_format)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line and end the process with its exit code.

    Args:
        argv: Arguments without the program's name; those of the process when None.
    """
    args = _common_first(list(sys.argv[1:] if argv is None else argv))
    form = Format.JSON if ("--output", "json") in itertools.pairwise(args) else Format.TEXT
    command = _command_words(args)
    try:
        with _stopping_signals():
            code = _call(args, command, form)
        sys.exit(code)
    except BrokenPipeError:
        sys.stdout = None  # the reader closed the pipe, so flushing at exit would fail
        sys.exit(1)


@contextmanager
def _stopping_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the command like Ctrl-C, so that helper pods are deleted; ignore a repeated signal."""

    def stop(signum: int, _frame: object) -> None:
        signal.signal(signum, signal.SIG_IGN)
        raise Stopped(signum)

    before = {signum: signal.getsignal(signum) for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    if before[signal.SIGINT] is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    for signum in (signal.SIGTERM, signal.SIGHUP):
        if before[signum] is signal.SIG_DFL:  # `nohup` ignores SIGHUP
            signal.signal(signum, stop)
    try:
        yield
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)


def _call(args: list[str], command: str, form: Format) -> int:
    try:
        result = app(args, prog_name="bai-kit", standalone_mode=False)
    except typer.TyperException as error:
        if not error.format_message():  # the help was shown
            return error.exit_code
        usage = UsageError(error.format_message().strip(), hint=f"{f'bai-kit {command}'.strip()} --help")
        emit_error(usage, command=command, form=form)
        return usage.exit_code
    except BaiKitError as error:
        log.debug("the error was raised here", exc_info=True)
        emit_error(error, command=command, form=form)
        return error.exit_code
    except (Stopped, KeyboardInterrupt, typer.Abort) as stopped:
        return _stopped(getattr(stopped, "exit_code", INTERRUPTED), command)
    if isinstance(result, int):  # the code of `typer.Exit`, or of a Ctrl-C that typer has caught
        return _stopped(result, command) if result == INTERRUPTED else result
    code = getattr(result, "command_exit_code", 0)
    emit(result, command=command, form=form, exit_code=code)
    return int(code)


def _stopped(code: int, command: str) -> int:
    """Say how to come back after a signal, and return the exit code; Ctrl-C is silent if nothing is left to do."""
    after = f": {_AFTER_STOP[command]}" if command in _AFTER_STOP else ""
    if after or code != INTERRUPTED:
        warn(f"stopped by {signal.Signals(code - 128).name}{after}")
    return code


def _common_first(args: list[str]) -> list[str]:
    """Move the options that every command takes to the front, where the group expects them."""
    front, rest = [], []
    while args and args[0] != "--":
        word = args.pop(0)
        name, equals, value = word.partition("=")
        values = _ANYWHERE.get(name)
        if values is None:
            rest.append(word)
        elif equals:
            front += [name, value]
        else:
            front += [word, *args[:values]]
            del args[:values]
    return front + rest + args


def _command_words(args: list[str]) -> str:
    """Return the command's words from the arguments, such as `package convert`, also for an invalid command line."""
    words: list[str] = []
    group: object = typer.main.get_command(app)
    for arg in args:
        group_commands = getattr(group, "commands", {})
        if arg in group_commands:
            words.append(arg)
            group = group_commands[arg]
    return " ".join(words)
