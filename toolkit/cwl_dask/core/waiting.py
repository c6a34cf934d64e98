"""Log why a cluster or a step has not started, and give up when its time limit has passed."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

log = logging.getLogger(__name__)

SAY_S = 10
"""Seconds until the log says why something has not started."""


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why a pod does not start."""

    text: str
    """For the user, such as `scheduler: Insufficient cpu`."""
    room: bool = False
    """True: no node has room for the pod; another pod's end or a new node resolves that."""
    fault: bool = False
    """True: it does not resolve by itself."""


class GaveUp(RuntimeError):  # noqa: N818 - what happened
    """Something did not start; one sentence."""

    def __init__(self, message: str, *, temporary: bool) -> None:
        super().__init__(message)
        self.temporary = temporary


class Patience:
    """The wait for one cluster or step."""

    def __init__(self, what: str, start_s: float, room_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin to wait.

        Args:
            what: such as `cluster NAME`.
            start_s: seconds it may take to start, not counting time without room.
            room_s: seconds it may wait for room on a node.
            clock: seconds, from anywhere.
        """
        self._what, self._start_s, self._room_s, self._clock = what, start_s, room_s, clock
        self._begin = self._last = clock()
        self._without_room = 0.0
        self._said = ""

    @property
    def without_room_s(self) -> float:
        """Seconds spent waiting for room."""
        return self._without_room

    def look(self, obstacle: Obstacle | None) -> None:
        """Take note of what keeps it from starting; say so after a while, and again when it changes.

        Raises:
            GaveUp: the obstacle is a fault, or the time is over.
        """
        now = self._clock()
        if obstacle and obstacle.room:
            self._without_room += now - self._last
        self._last = now
        if obstacle and obstacle.fault:
            raise GaveUp(f"{self._what} cannot start: {obstacle.text}", temporary=False)
        if obstacle and now - self._begin >= SAY_S and obstacle.text != self._said:
            self._said = obstacle.text
            log.info("%s waits: %s", self._what, obstacle.text)
        why = f": {obstacle.text}" if obstacle else ""
        if self._without_room > self._room_s:
            raise GaveUp(f"{self._what} found no room within {self._room_s:g} s{why}", temporary=True)
        if now - self._begin - self._without_room > self._start_s:
            raise GaveUp(f"{self._what} has not started after {self._start_s:g} s{why}", temporary=True)
