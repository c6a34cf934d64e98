"""An event loop beside the runner, which itself is threads and blocking calls."""

import asyncio
import contextlib
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any

STOP_S = 10
"""Seconds that the thread may take to end; closing connections to unreachable peers takes longest."""


class LoopThread:
    """An event loop in its own thread, so that a claim continues while the runner works or waits."""

    def __init__(self) -> None:
        self._thread = threading.Thread(target=self._serve, name="cwl-dask-claim", daemon=True)
        self._over = asyncio.Event()
        self.entered = contextlib.AsyncExitStack()
        """Contexts that are exited on the loop when the thread stops."""

    def start(self) -> None:
        """Start the loop and its thread; call `stop` only after this."""
        self._loop = asyncio.new_event_loop()
        self._thread.start()

    def call(self, work: Coroutine[Any, Any, Any]) -> Future[Any]:
        """Start a coroutine on the loop; return a future that any thread may wait for or cancel."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def stop(self) -> None:
        """Cancel running work, exit entered contexts and end the thread; abandon work that does not end in time."""
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(STOP_S)

    def _serve(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._until_over())

    async def _until_over(self) -> None:
        async with self.entered:
            await self._over.wait()
