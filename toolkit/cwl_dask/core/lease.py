"""The lease: what keeps an idle cluster alive while its runner lives, and no longer.

Dask Gateway's scheduler ends itself after `idle_timeout` without work, but not while a task waits for a worker that
can run it. So the runner holds such a task. When the runner dies its connection drops, the scheduler forgets the task,
and the idle timeout acts. A task that wants a resource no worker has changes neither `scale` nor the workers that the
application sees; under `adapt` it counts as one short task, which asks for no more than the one worker there is anyway.
"""

import asyncio
import logging
import uuid
import warnings
from typing import Any, Never

from distributed import Client
from distributed.versions import VersionMismatchWarning

log = logging.getLogger(__name__)

RESOURCE = "cwl-dask-lease"
"""A resource that no worker has."""
TASK = "runner-keeps-cluster-alive"
"""Beginning of the task's name; dashboards and the application's log show the task as waiting for a worker."""
LOOK_S = 1.0
"""Seconds between two checks that the task still exists: the application may restart the scheduler's state."""

CONNECT_S = 10
RETRY_S = 10
"""Seconds between two attempts to get a lease. With a client of 2026.8, schedulers from 2025.12 on grant one."""

# The application's image has its own versions of dask and distributed; the lease is one task that never runs.
warnings.filterwarnings("ignore", category=VersionMismatchWarning)
# If the scheduler disappears the lease ends too; the step reports that failure.
for _chatty in ("distributed.client", "distributed.comm"):
    logging.getLogger(_chatty).setLevel(logging.CRITICAL)


async def hold(address: str, security: Any, cluster: str) -> Never:
    """Hold the lease until cancelled; a lease that cannot be had is a warning, once, and tried again.

    Args:
        address: the scheduler's, as the gateway reports it.
        security: the cluster's certificate and key, as the gateway reports them.
        cluster: the cluster's name, for the warning.
    """
    warned = False
    while True:
        client = Client(address, security=security, asynchronous=True, set_as_default=False, timeout=CONNECT_S)
        try:
            await client
            for topic in ("print", "warn"):  # keep text that the application's tasks print out of the runner's output
                client.unsubscribe_topic(topic)
            while client.status == "running":
                task = client.submit(int, key=f"{TASK}-{uuid.uuid4().hex}", resources={RESOURCE: 1})
                while task.status == "pending":  # noqa: ASYNC110 - the client has no event for this
                    await asyncio.sleep(LOOK_S)
                await asyncio.sleep(LOOK_S)
        except Exception as error:  # noqa: BLE001 - any version's client, any scheduler: the step goes on without
            if not warned:
                warned = True
                why = str(error) or type(error).__name__
                log.warning("no lease on cluster %s, its idle timeout may end it: %s", cluster, why)
        finally:
            await client.close()
        await asyncio.sleep(RETRY_S)
