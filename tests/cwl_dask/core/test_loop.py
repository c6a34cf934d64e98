"""Test the event loop beside the runner."""

import asyncio
import contextlib
import threading

import pytest

from cwl_dask.core.loop import LoopThread


@pytest.fixture
def loop():
    """A started loop, stopped at the end."""
    made = LoopThread()
    made.start()
    yield made
    made.stop()


def test_work_runs_in_the_loops_thread_and_returns_its_result_or_error(loop):
    async def name():
        return threading.current_thread().name

    async def fail():
        raise ValueError("no")

    assert loop.call(name()).result(10) == "cwl-dask-claim"
    with pytest.raises(ValueError, match="no"):
        loop.call(fail()).result(10)


def test_what_was_entered_is_closed_on_the_loop_when_it_stops():
    loop, closed = LoopThread(), []
    loop.start()

    @contextlib.asynccontextmanager
    async def resource():
        try:
            yield
        finally:
            await asyncio.sleep(0)
            closed.append(threading.current_thread().name)

    async def enter():
        await loop.entered.enter_async_context(resource())

    loop.call(enter()).result(10)
    loop.stop()
    assert closed == ["cwl-dask-claim"]
