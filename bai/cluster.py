"""Where the work is done: a cluster that somebody else started and will end, or threads in this process."""

from __future__ import annotations

import logging
import os
from concurrent import futures
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bai.errors import BaiError, ComputeError, TemporaryError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from distributed import Client

log = logging.getLogger(__name__)

WORKER_DEADLINE_S = 300.0
"""How long a cluster may be without any worker: enough for a node to start and pull an image."""
POLL_S = 5.0


@dataclass(frozen=True, slots=True)
class Cluster:
    """Something that runs functions; the same for Dask and for threads."""

    name: str
    executor: futures.Executor
    threads: Callable[[], int]
    """How many tasks run at once now; it may change."""
    deadline_s: float = WORKER_DEADLINE_S

    @property
    def in_flight(self) -> int:
        """Tasks to have submitted: enough that no thread waits, few enough that results do not pile up."""
        return 2 * max(1, self.threads()) + 1

    def wait(self, running: set[futures.Future[Any]]) -> tuple[set[futures.Future[Any]], set[futures.Future[Any]]]:
        """Wait until a task is done.

        Returns:
            The tasks that are done, and the others.

        Raises:
            TemporaryError: The cluster had no worker for too long.
        """
        idle = 0.0
        while True:
            done, others = futures.wait(running, POLL_S, futures.FIRST_COMPLETED)
            if done:
                return done, others
            idle = 0.0 if self.threads() else idle + POLL_S
            if idle >= self.deadline_s:
                raise _no_worker(self.name, self.deadline_s)


@contextmanager
def connect(deadline_s: float = WORKER_DEADLINE_S) -> Iterator[Cluster]:
    """Connect to the cluster that the environment names; it is never shut down here.

    In this order: DASK_GATEWAY_CLUSTER or DASK_CLUSTER (a name at the gateway of Dask's configuration),
    DASK_SCHEDULER_ADDRESS, and without any of them threads in this process, one a processor.

    Args:
        deadline_s: How long to wait for a worker.

    Raises:
        ComputeError: There is no such cluster, or it refuses us.
        TemporaryError: It cannot be reached, or has no worker in time.
    """
    name = os.environ.get("DASK_GATEWAY_CLUSTER") or os.environ.get("DASK_CLUSTER")
    address = os.environ.get("DASK_SCHEDULER_ADDRESS")
    if not (name or address):
        from dask.system import CPU_COUNT  # noqa: PLC0415 - heeds the limits of a container

        with futures.ThreadPoolExecutor(CPU_COUNT, thread_name_prefix="bai") as executor:
            yield Cluster("threads", executor, lambda: CPU_COUNT)
        return
    with ExitStack() as stack:
        client, link = _gateway(name, stack) if name else _scheduler(str(address), stack)
        where = name or str(address)
        log.info("Dask Dashboard: %s", link)
        try:
            client.wait_for_workers(1, timeout=deadline_s)
        except TimeoutError as error:
            raise _no_worker(where, deadline_s) from error
        executor = client.get_executor(pure=False)
        stack.callback(executor.shutdown, wait=False)
        yield Cluster(where, executor, lambda: sum(client.nthreads().values()), deadline_s)


def _gateway(name: str, stack: ExitStack) -> tuple[Client, str]:
    """Connect to a gateway's cluster by name."""
    from aiohttp import ClientError  # noqa: PLC0415 - slow to import, and not needed for threads
    from dask_gateway import Gateway  # noqa: PLC0415
    from dask_gateway.client import GatewayServerError  # noqa: PLC0415

    try:
        gateway = stack.enter_context(Gateway())
        cluster = gateway.connect(name, shutdown_on_close=False)
        stack.callback(cluster.close, shutdown=False)
        return stack.enter_context(cluster.get_client()), cluster.dashboard_link
    except (OSError, TimeoutError, ClientError, GatewayServerError) as error:
        raise TemporaryError(
            f"cluster {name}: the gateway cannot be reached: {error}", hint="run again later"
        ) from error
    except (ValueError, RuntimeError) as error:
        raise ComputeError(f"cluster {name}: {error}", hint="was it dismissed? check gateway.yaml") from error


def _scheduler(address: str, stack: ExitStack) -> tuple[Client, str]:
    """Connect to a scheduler by address."""
    from distributed import Client  # noqa: PLC0415 - slow to import, and not needed for threads

    try:
        client = stack.enter_context(Client(address))
    except (OSError, TimeoutError) as error:
        raise TemporaryError(f"scheduler {address}: cannot be reached: {error}", hint="run again later") from error
    except ValueError as error:
        raise ComputeError(f"scheduler {address}: {error}", hint="correct DASK_SCHEDULER_ADDRESS") from error
    return client, client.dashboard_link


def _no_worker(where: str, deadline_s: float) -> TemporaryError:
    return TemporaryError(
        f"cluster {where}: no worker for {deadline_s:g} s", hint="the machines may be full: run again later"
    )


def translate(error: BaseException, cluster: Cluster) -> BaiError | None:
    """Turn what a task or its cluster raised into one clear line; None when it is a bug."""
    if isinstance(error, BaiError):
        return error
    kind = type(error).__name__  # by name: distributed is not imported for threads
    if kind == "KilledWorker":
        return ComputeError(
            f"cluster {cluster.name}: a task ended its worker again and again", hint="give the workers more memory"
        )
    if isinstance(error, MemoryError):
        return ComputeError(f"cluster {cluster.name}: out of memory", hint="give the workers more memory")
    if isinstance(error, ModuleNotFoundError):
        return ComputeError(f"cluster {cluster.name}: the workers lack a package: {error}", hint="use the bai image")
    if kind in {"CancelledError", "FutureCancelledError", "CommClosedError"} or isinstance(error, OSError):
        return ComputeError(f"cluster {cluster.name}: lost: {str(error) or kind}", hint="was it dismissed? run again")
    return None
