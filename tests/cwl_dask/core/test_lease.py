"""Test the lease with a real scheduler; tests/local shows what the lease is for: the idle timeout."""

import asyncio
import contextlib
import logging
import time

from distributed import Client, Scheduler

from cwl_dask.core import lease
from cwl_dask.core.lease import TASK, hold


def leases(scheduler):
    return [key for key in scheduler.tasks if str(key).startswith(TASK)]


async def eventually(condition, seconds=10):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "not within the time"
        await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def holding(address):
    task = asyncio.create_task(hold(address, None, "fake"))
    yield task
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


def test_the_scheduler_has_a_waiting_task_for_as_long_as_the_lease_is_held(monkeypatch):
    monkeypatch.setattr(lease, "LOOK_S", 0.05)

    async def held():
        async with Scheduler(host="127.0.0.1", port=0, dashboard_address="127.0.0.1:0") as scheduler:
            async with holding(scheduler.address):
                await eventually(lambda: len(leases(scheduler)) == 1)
                (first,) = leases(scheduler)
                assert scheduler.tasks[first].state == "no-worker"
                async with Client(scheduler.address, asynchronous=True) as application:
                    await application.restart(wait_for_workers=False)
                await eventually(lambda: leases(scheduler) and leases(scheduler) != [first])
            await eventually(lambda: not leases(scheduler))

    asyncio.run(held())


def test_a_scheduler_that_cannot_be_reached_is_one_warning_and_tried_again(monkeypatch, caplog):
    monkeypatch.setattr(lease, "CONNECT_S", 0.1)
    monkeypatch.setattr(lease, "RETRY_S", 0.01)
    tries = []
    connect = lease.Client

    def counted(*arguments, **keywords):
        tries.append(1)
        return connect(*arguments, **keywords)

    async def refused():
        async with holding("tcp://127.0.0.1:9"):
            await eventually(lambda: len(tries) > 2)

    monkeypatch.setattr(lease, "Client", counted)
    with caplog.at_level(logging.WARNING, lease.__name__):
        asyncio.run(refused())
    warnings = [record.message for record in caplog.records if record.name == lease.__name__]
    assert len(warnings) == 1
    assert warnings[0].startswith("no lease on cluster fake, its idle timeout may end it: ")
