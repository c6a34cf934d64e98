"""Run tasks on a Dask cluster that the runner started and will end, or in threads of this process."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from concurrent import futures
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bai.errors import BaiError, ComputeError, TemporaryError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from distributed import Client

log = logging.getLogger(__name__)

WORKER_DEADLINE_S = 300.0
"""Seconds that a cluster may have no worker: enough for a node to start and pull an image."""
GATEWAY_S = 60.0
"""Seconds that the gateway may take to answer."""
DASK_REPORT = "dask-report.html"
"""Name of Dask's performance report among the results."""
POLL_S = 5.0
PENDING_S = 0.2
"""Seconds between two requests for the status of a cluster that is starting."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """An executor of tasks, with one interface for Dask and for threads."""

    name: str
    executor: futures.Executor
    threads: Callable[[], int]
    """Returns how many tasks can run at the same time now; the number may change."""
    deadline_s: float = WORKER_DEADLINE_S

    @contextmanager
    def report(self, path: Path | None) -> Iterator[None]:
        """Write Dask's performance report of the `with` block to a file; write none without a path, or in threads.

        Raises:
            OSError: The disk.
        """
        if path is None:
            yield
        elif isinstance(self.executor, futures.ThreadPoolExecutor):
            log.warning("no %s: --performance-report needs a Dask cluster, this run used threads", path.name)
            yield
        else:
            from distributed import performance_report  # noqa: PLC0415 - slow to import, and not needed for threads

            with performance_report(str(path), mode="inline"):
                yield
            log.info("wrote %s, %.1f MB", path, path.stat().st_size / 1e6)

    @property
    def in_flight(self) -> int:
        """Number of tasks to keep submitted, so that no thread is idle and few results are in memory."""
        threads = max(1, self.threads())
        return threads + max(2, threads // 2)

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
    """Connect to the cluster that the environment names; this function never shuts a cluster down.

    In this order: DASK_GATEWAY_CLUSTER or DASK_CLUSTER (a name at the gateway of Dask's configuration),
    DASK_SCHEDULER_ADDRESS, and without any of them threads in this process, one a processor.

    Args:
        deadline_s: How long to wait for a worker.

    Raises:
        ComputeError: The cluster does not exist, or refuses the connection.
        TemporaryError: It cannot be reached, or has no worker in time.
    """
    name = os.environ.get("DASK_GATEWAY_CLUSTER") or os.environ.get("DASK_CLUSTER")
    address = os.environ.get("DASK_SCHEDULER_ADDRESS")
    if not (name or address):
        from dask.system import CPU_COUNT  # noqa: PLC0415 - heeds the limits of a container

        with futures.ThreadPoolExecutor(CPU_COUNT, thread_name_prefix="bai") as executor:
            yield Cluster("threads", executor, lambda: CPU_COUNT)
        return
    where = name or str(address)
    client, link = _gateway(name, deadline_s) if name else (_scheduler(where), None)
    with client:
        log.info("Dask Dashboard: %s", link or client.dashboard_link)
        try:
            client.wait_for_workers(1, timeout=deadline_s)
        except TimeoutError as error:
            raise _no_worker(where, deadline_s) from error
        except OSError as error:
            raise TemporaryError(f"cluster {where}: lost: {error}", hint="was it dismissed? run again") from error
        executor = client.get_executor(pure=False)
        try:
            yield Cluster(where, executor, lambda: sum(client.nthreads().values()), deadline_s)
        finally:
            executor.shutdown(wait=False)  # cancels what still runs


def _gateway(name: str, deadline_s: float) -> tuple[Client, str]:
    """Connect to a gateway's cluster by name; it may still be starting, for `deadline_s`.

    An event loop of its own asks the gateway for the scheduler's address, because a synchronous `Gateway` that the
    garbage collector removes can block the process.
    """
    from aiohttp import ClientError, ClientResponseError  # noqa: PLC0415 - slow to import, and not needed for threads
    from dask_gateway import Gateway, GatewayClusterError  # noqa: PLC0415
    from dask_gateway.client import GatewayServerError  # noqa: PLC0415

    async def find() -> Any:
        end = time.monotonic() + deadline_s
        async with Gateway(asynchronous=True) as gateway:
            while True:  # the gateway answers after a while, but does not wait until a node or an image is available
                async with asyncio.timeout(GATEWAY_S):
                    report = await gateway.get_cluster(name, wait=True)
                if report.status.name != "PENDING" or time.monotonic() > end:
                    return report
                await asyncio.sleep(PENDING_S)

    try:
        report = asyncio.run(find())
    except ClientResponseError as error:
        kind = TemporaryError if error.status >= 500 else ComputeError  # noqa: PLR2004 - the server's own errors
        raise kind(
            f"cluster {name}: the gateway says {error.status} {error.message}", hint="see gateway.yaml"
        ) from error
    except (OSError, TimeoutError, ClientError, GatewayServerError) as error:
        reason = str(error) or type(error).__name__
        raise TemporaryError(
            f"cluster {name}: the gateway cannot be reached: {reason}", hint="run again later"
        ) from error
    except (ValueError, GatewayClusterError) as error:
        raise ComputeError(f"cluster {name}: {error}", hint="was it dismissed? see gateway.yaml") from error
    if report.status.name != "RUNNING":
        raise TemporaryError(f"cluster {name} is {report.status.name.lower()}", hint="run again with a running cluster")
    return _scheduler(report.scheduler_address, report.security), report.dashboard_link


def _scheduler(address: str, security: object = None) -> Client:
    """Connect to a scheduler by address."""
    from distributed import Client  # noqa: PLC0415 - slow to import, and not needed for threads

    try:
        return Client(address, security=security)
    except (OSError, TimeoutError) as error:
        raise TemporaryError(f"scheduler {address}: cannot be reached: {error}", hint="run again later") from error
    except ValueError as error:
        raise ComputeError(f"scheduler {address}: {error}", hint="correct DASK_SCHEDULER_ADDRESS") from error


def _no_worker(where: str, deadline_s: float) -> TemporaryError:
    return TemporaryError(
        f"cluster {where}: no worker for {deadline_s:g} s", hint="the machines may be full: run again later"
    )


def translate(error: BaseException, cluster: Cluster) -> BaiError | None:
    """Return the application's error for an exception of a task or of its cluster; None when the exception is a bug."""
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
