"""Read the log of a container through connections that break: every line once, in order.

`Reader` is pure and knows neither Kubernetes nor threads. `PodLog` follows the log of a pod with it.
"""

import collections
import contextlib
import datetime as dt
import functools
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

REMEMBERED_LINES = 20_000
"""Lines that a reader can recognize when a new connection repeats them; about 2 MB."""
OVERLAP_S = 30
"""Seconds before the last line that a new connection repeats: standard output and standard error are stamped by two
writers, so a later line can have an earlier time stamp, and two clocks differ."""
RETRY_S = 0.5
"""Seconds between the end of a connection and the next one."""
SKIPPED = "… lines skipped, all are in step.log"
"""Shown where the log was rotated before its lines were read."""

_STAMP = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d) ")
"""RFC 3339 with at most nine digits of a second; trailing zeros are left out."""
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a container."""

    stamp: str
    """The time stamp, as Kubernetes wrote it."""
    text: str
    """The line without time stamp and newline."""
    skipped: bool
    """True: the log was rotated, and lines before this one are missing."""


class Reader:
    """The state of one log that is read over several connections.

    A log only grows at its end, so a connection sends lines that were read before, and then new lines alone. The lines
    read before are recognized by time stamp and text together; lines with equal or swapped time stamps stay apart.
    """

    def __init__(self) -> None:
        self.count = 0
        """Lines read so far."""
        self._recent: collections.deque[int] = collections.deque(maxlen=REMEMBERED_LINES)
        self._newest = 0
        """Nanoseconds since 1970."""
        self._connection = object()
        self._lock = threading.Lock()

    @property
    def since(self) -> str:
        """The time from which the next connection should read, RFC 3339; empty for the whole log."""
        if not self.count:
            return ""
        return (_EPOCH + dt.timedelta(seconds=self.newest_s - OVERLAP_S)).strftime("%Y-%m-%dT%H:%M:%SZ")

    @property
    def newest_s(self) -> int:
        """The latest time stamp, in seconds since 1970."""
        return self._newest // 10**9

    def read(self, stamped: Iterable[bytes]) -> Iterator[Line]:
        """Yield the lines of one connection that no earlier connection had.

        A connection that is still open when the next one begins ends with its next line.

        Args:
            stamped: lines that begin with a time stamp, without newline. Lines without a time stamp are messages of
                Kubernetes about the log, and are left out.
        """
        with self._lock:
            self._connection = connection = object()
            seen, newest = collections.Counter(self._recent), self._newest
        repeating, met = bool(seen), False
        for raw in stamped:
            match = _STAMP.match(raw)
            if not match:
                continue
            time_ns, key = _nanoseconds(match), hash(raw)
            if repeating:
                if seen[key] > 0:
                    seen[key] -= 1
                    met = True
                    continue
                if not met and time_ns <= newest:
                    continue  # older than the remembered lines
            with self._lock:
                if self._connection is not connection:
                    return
                self._recent.append(key)
                self._newest = max(self._newest, time_ns)
                self.count += 1
            text = raw[match.end() :].decode(errors="replace")
            yield Line(match[0][:-1].decode(), text, skipped=repeating and not met)
            repeating = False


class PodLog:
    """Follows the log of a pod with one container, in a thread of its own."""

    def __init__(
        self, api: Any, namespace: str, name: str, say: Callable[[str], None], *, keep_entries: bool = True
    ) -> None:
        """Prepare; `start` begins.

        Args:
            api: a CoreV1Api.
            namespace: the pod's namespace.
            name: the pod's name.
            say: called with every line.
            keep_entries: False: `entries` stays empty, so that memory does not grow with the log.
        """
        from kubernetes.client.rest import ApiException  # noqa: PLC0415 - other users of `Reader` have no Kubernetes
        from urllib3.exceptions import HTTPError  # noqa: PLC0415

        self.entries: list[dict[str, str]] = []
        """Lines in the form of Calrissian's `--tool-logs-basepath`, with the keys timestamp, pod and entry."""
        self.last = ""
        """The last line that is not empty."""
        self._read = functools.partial(
            api.read_namespaced_pod_log, name, namespace, timestamps=True, _preload_content=False
        )
        self._name, self._say, self._keep_entries = name, say, keep_entries
        self._reader, self._read_at = Reader(), time.monotonic()
        self._unreachable = (ApiException, HTTPError)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._follow, name=f"log-{name}", daemon=True)

    @property
    def count(self) -> int:
        """Lines read so far."""
        return self._reader.count

    def start(self) -> None:
        """Begin to follow; the container must have started."""
        self._thread.start()

    def stop(self) -> None:
        """Make no further connection."""
        self._over.set()

    def finish(self, patience_s: float = 5) -> None:
        """Read the remaining lines; the container must have ended.

        Args:
            patience_s: seconds for the open connection to come to its end.
        """
        self._over.set()
        if self._thread.is_alive():
            self._thread.join(patience_s)
        with contextlib.suppress(*self._unreachable):
            self._take(lines(self._read(**self._window()).stream(), to_the_end=True))

    def _follow(self) -> None:
        # The end of a connection says nothing of the container: the kubelet also ends those of running ones.
        while not self._over.is_set():
            with contextlib.suppress(*self._unreachable):  # a broken connection never fails a step
                self._take(lines(self._read(follow=True, **self._window()).stream()))
            self._over.wait(RETRY_S)

    def _window(self) -> dict[str, int]:
        """Return how far back to read: to some time before the last line, which may have been read late."""
        if not self.count:
            return {}
        age_s = max(time.monotonic() - self._read_at, time.time() - self._reader.newest_s)
        return {"since_seconds": int(age_s) + OVERLAP_S}

    def _take(self, stamped: Iterator[bytes]) -> None:
        for line in self._reader.read(stamped):
            self._read_at = time.monotonic()
            if line.skipped:
                self._say(SKIPPED)
            if line.text.strip():
                self.last = line.text
            if self._keep_entries:
                self.entries.append({"timestamp": line.stamp, "pod": self._name, "entry": line.text})
            self._say(line.text)


def lines(chunks: Iterable[bytes], *, to_the_end: bool = False) -> Iterator[bytes]:
    """Cut a stream into lines without their newlines.

    Args:
        chunks: the stream, cut anywhere.
        to_the_end: True: what follows the last newline is a line too.
    """
    rest: list[bytes] = []
    for chunk in chunks:
        first, *others = chunk.split(b"\n")
        rest.append(first)
        if others:
            yield b"".join(rest)
            yield from others[:-1]
            rest = [others[-1]]
    if to_the_end and any(rest):
        yield b"".join(rest)


def _nanoseconds(stamp: re.Match[bytes]) -> int:
    seconds, fraction, zone = stamp.groups()
    return _seconds(seconds, zone) * 10**9 + int((fraction or b"0").ljust(9, b"0"))


@functools.lru_cache(maxsize=64)
def _seconds(second: bytes, zone: bytes) -> int:
    moment = dt.datetime.fromisoformat((second + zone).decode())
    return int((moment - _EPOCH).total_seconds())
