"""A step's lines as they come: from the log of its pod, none twice, none lost, whatever breaks in between."""

import collections
import contextlib
import functools
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from kubernetes.client.rest import ApiException
from urllib3.exceptions import HTTPError

TAIL_LINES = 8
"""How many of a failed step's last lines its message repeats."""
RETRY_S = 0.5
"""Between the end of a stream and the next."""
_OVERLAP_S = 30
"""What a new connection reads again: more than any two clocks differ."""


class PodLog:
    """Follows the log of a pod with one container in a thread of its own.

    A stream's chunks are not lines, the last line may lack its newline, and the log of a pod that is gone is the
    kubelet's error text with status 200: the time stamps that Kubernetes puts before each line sort out all three.
    """

    def __init__(self, api: Any, namespace: str, name: str, say: Callable[[str], None]) -> None:
        """Prepare; `start` begins.

        Args:
            api: a CoreV1Api.
            namespace: the pod's.
            name: the pod's.
            say: called with every line.
        """
        self.entries: list[dict[str, str]] = []
        """What Calrissian's `--tool-logs-basepath` writes: timestamp, pod, entry."""
        self.tail: collections.deque[str] = collections.deque(maxlen=TAIL_LINES)
        self._read = functools.partial(
            api.read_namespaced_pod_log, name, namespace, timestamps=True, _preload_content=False
        )
        self._name, self._say = name, say
        self._last, self._last_at = "", time.monotonic()
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._follow, name=f"log-{name}", daemon=True)

    def start(self) -> None:
        """Begin to follow; the container must have started."""
        self._thread.start()

    def finish(self, patience_s: float = 5) -> None:
        """Read what is left; the container must have ended.

        Args:
            patience_s: seconds for the open stream to come to its end.
        """
        self._over.set()
        if self._thread.is_alive():
            self._thread.join(patience_s)
        with contextlib.suppress(ApiException, HTTPError):
            self._take(lines(self._read().stream(), to_the_end=True))

    def _follow(self) -> None:
        # The end of a stream says nothing of the container: the kubelet also ends those of living ones.
        while not self._over.is_set():
            how = {"since_seconds": int(time.monotonic() - self._last_at) + _OVERLAP_S} if self._last else {}
            with contextlib.suppress(ApiException, HTTPError):  # a lost log stream never fails a step
                self._take(lines(self._read(follow=True, **how).stream()))
            self._over.wait(RETRY_S)

    def _take(self, stamped: Iterator[bytes]) -> None:
        for text in stamped:
            stamp, _, line = text.decode(errors="replace").partition(" ")
            with self._lock:
                if stamp <= self._last or not stamp[:1].isdigit():
                    continue
                self._last, self._last_at = stamp, time.monotonic()
                self.tail.append(line)
                self.entries.append({"timestamp": stamp, "pod": self._name, "entry": line})
                self._say(line)


def lines(chunks: Iterator[bytes], *, to_the_end: bool = False) -> Iterator[bytes]:
    """Cut a stream into lines without their newlines.

    Args:
        chunks: the stream, cut anywhere.
        to_the_end: True: what follows the last newline is a line too.
    """
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        yield from whole
    if to_the_end and rest:
        yield rest
