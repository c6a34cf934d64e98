"""`cwl-dask-calrissian`: released Calrissian with DaskGatewayRequirement, and steps that end with a reason.

Imports are light up to `main`: the first process of a container ignores SIGTERM until it has a handler, and the lock on
the ledger comes before all else.
"""

import functools
import logging
import os
import signal
import sys
from typing import Any, NoReturn

from cwl_dask.calrissian.guard import Ledger
from cwl_dask.calrissian.session import PENDING_S, Session, new_session
from cwl_dask.core import output

log = logging.getLogger(__name__)


def main() -> int:
    """Run Calrissian's command line, and `--max-clusters`.

    Returns:
        0; 1 permanent failure; 33 unsupported requirement; 75 when the failure may be temporary; 143 after SIGTERM.
    """
    session = new_session(
        output.Output(),
        Ledger(os.environ.get("CWL_DASK_GUARD")),
        pending_s=float(os.environ.get("CWL_DASK_PENDING_SECONDS", PENDING_S)),
    )
    output.install(session.output)
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, functools.partial(_stop, session))
    try:
        from cwl_dask.calrissian import patches as hooks  # noqa: PLC0415 - slow, so after the handlers

        return hooks.run(session)
    except OSError as error:  # a folder or file of our own; what steps meet is told by cwltool
        log.error("%s: %s", error.filename, error.strerror)  # noqa: TRY400 - one line is enough
        return 1
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
    """Say so and stop the steps: their own threads remove pod and cluster, and the exit waits for those threads."""
    for again in (signal.SIGTERM, signal.SIGINT):
        signal.signal(again, signal.SIG_IGN)
    session.clusters.stop()
    log.warning("stopping on %s: removing the steps' pods and clusters", signal.Signals(signum).name)
    sys.exit(128 + signum)


if __name__ == "__main__":
    entry()
