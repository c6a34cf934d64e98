"""`cwl-dask-calrissian`: released Calrissian with DaskGatewayRequirement, and steps that end with a reason.

Imports are light up to `main`: the first process of a container ignores SIGTERM until it has a handler, and the lock on
the ledger comes before all else.
"""

import functools
import logging
import os
import signal
import sys
import types
from typing import Any, NoReturn

from cwl_dask import PERMANENT, TEMPORARY
from cwl_dask.calrissian.guard import Ledger
from cwl_dask.calrissian.session import PENDING_S, Session, new_session
from cwl_dask.core import failure, output
from cwl_dask.core.failure import Failure

log = logging.getLogger(__name__)

NO_CALRISSIAN = (
    "Calrissian is not installed: use the image ghcr.io/bai-kit/runner, "
    "or run `pip install calrissian==0.18.1 dask-gateway mini-racer` in an environment of its own"
)


def main() -> int:
    """Run Calrissian's command line, and `--max-clusters`.

    Returns:
        0; 1 permanent failure; 33 unsupported requirement; 75 when the failure may be temporary, also
        when the node evicts the runner; 143 after another SIGTERM.
    """
    session = new_session(
        output.Output(),
        Ledger(os.environ.get("CWL_DASK_GUARD")),
        pending_s=float(os.environ.get("CWL_DASK_PENDING_SECONDS", PENDING_S)),
    )
    output.install(session.output)
    session.output.addFilter(session.clusters.failures)
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, functools.partial(_stop, session))
    stopped = False
    try:
        # Calrissian reads its version with pkg_resources, which is not in the image; `patches` replaces the function.
        sys.modules["calrissian.version"] = version = types.ModuleType("calrissian.version")
        version.version = str  # type: ignore[attr-defined]
        from cwl_dask.calrissian import patches as hooks  # noqa: PLC0415 - slow, so after the handlers

        code = hooks.run(session)
    except ModuleNotFoundError as error:
        if error.name != "calrissian":
            raise
        log.error("%s", NO_CALRISSIAN)  # noqa: TRY400 - one line is enough
        return PERMANENT
    except OSError as error:  # a file or folder of an option; the files of steps are read by cwltool
        log.error("cannot write %s: %s", error.filename, error.strerror)  # noqa: TRY400 - one line is enough
        session.clusters.failures.add(Failure("output", f"cannot write {error.filename}: {error.strerror}"))
        code = PERMANENT
    except Stopped as stop:
        from cwl_dask.calrissian.eviction import is_eviction  # noqa: PLC0415 - most runners are not stopped

        code, stopped = (TEMPORARY if is_eviction() else int(stop.code)), True
    except SystemExit as end:  # --help, --version, a wrong option
        code = end.code if isinstance(end.code, int) else int(bool(end.code))
    finally:
        session.ledger.close()
    failure.report(code, session.clusters.failures, stopped=stopped)
    return code


class Stopped(SystemExit):
    """The end of a runner that got a signal; its code is 128 + signal."""

    code: int


def entry() -> NoReturn:
    """Run `main` and exit with its code, without waiting 0.3 s for Dask's threads to end."""
    code = main()
    sys.stdout.flush()
    os._exit(code)


def _stop(session: Session, signum: int, _frame: Any) -> NoReturn:
    """Say so and stop the steps: their own threads remove pod and cluster, and the exit waits for those threads."""
    for again in (signal.SIGTERM, signal.SIGINT):
        signal.signal(again, signal.SIG_IGN)
    session.clusters.stop()
    log.warning("stopping on %s: removing the steps' pods and clusters", signal.Signals(signum).name)
    raise Stopped(128 + signum)


if __name__ == "__main__":
    entry()
