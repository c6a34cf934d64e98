"""A runner's lines, live and in one stream: no connection that breaks loses or repeats one."""

import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bai_kit.errors import SetupError
from bai_kit.job.template import RUNNER, Template
from bai_kit.job.volume import open_volume
from bai_kit.kube.api import Json, Kube

AGAIN_S = 0.5
"""Pause before a stream that ended is asked for again."""
PATIENCE_S = 120.0
"""How long the API may be away before we give up."""


@dataclass(slots=True)
class Position:
    """Where we are in a log: the time of the last line seen, and how many lines had that very time."""

    time: str = ""
    count: int = 0

    def fresh(self, raw: list[bytes] | Iterator[bytes]) -> Iterator[str]:
        """Yield the text of the lines that were not seen before, and remember them.

        The API resumes at a whole second, so what it sends after a reconnect begins with lines that we have. A line
        without a time stamp is the kubelet's own message about the log, not the application's.

        Args:
            raw: Lines as the API sends them, time stamp first.
        """
        repeated = 0
        for line in raw:
            stamp, _, text = line.decode(errors="replace").partition(" ")
            if not _is_stamp(stamp) or _comparable(stamp) < _comparable(self.time):
                continue
            if stamp == self.time:
                repeated += 1
                if repeated <= self.count:
                    continue
                self.count = repeated
            else:
                self.time, self.count, repeated = stamp, 1, 1
            yield text


def job_lines(
    kube: Kube, template: Template, job: str, pod: str | None, *, wait: bool, owner: Json | None = None
) -> Iterator[str]:
    """Yield a job's lines: from the runner's pod, and from `run.log` on the volume what is no longer to be had there.

    Args:
        kube: The job's namespace.
        template: What the release installed.
        job: The job's name.
        pod: The runner's pod; None when it is gone.
        wait: Also wait for lines to come, until the runner has ended.
        owner: The Job, when it still is there.
    """
    seen: deque[str] = deque(maxlen=100)
    if pod is not None:
        for line in follow(kube, pod, wait=wait):
            seen.append(line)
            yield line
        if kube.get("pods", pod) is not None:
            return
    with open_volume(kube, template, job=owner) as volume:
        yield from after(volume.log(job), list(seen))


def after(lines: Sequence[str], seen: Sequence[str]) -> Sequence[str]:
    """Return the lines that follow the last ones seen; all of them when those are not among them. Pure.

    What the runner wrote to its standard output is in the pod's log alone, so it is left out of the comparison.
    """
    known = [each for each in seen if each in set(lines)]
    for end in range(len(lines), 0, -1):
        if known and list(lines[max(0, end - len(known)) : end]) == known[-end:]:
            return lines[end:]
    return lines


def follow(kube: Kube, pod: str, container: str = RUNNER, *, wait: bool = True) -> Iterator[str]:
    """Yield a container's lines until it has ended, whatever happens to the connection.

    Args:
        kube: The pod's namespace.
        pod: The pod's name.
        container: The container's name.
        wait: Also wait for the lines to come; else only those that are there.

    Raises:
        SetupError: the API was away for longer than `PATIENCE_S`.
    """
    position = Position()
    lost_at: float | None = None
    while True:
        try:
            # Asked before the lines are read: when it had ended by then, no line can come after them.
            ended = not wait or has_ended(kube.get("pods", pod), container)
            yield from position.fresh(kube.log(pod, container, since=position.time, follow=not ended))
            lost_at = None
            if ended:
                return
        except SetupError:
            lost_at = lost_at or time.monotonic()
            if time.monotonic() - lost_at > PATIENCE_S:
                raise
        time.sleep(AGAIN_S)


def has_ended(pod: Json | None, container: str = RUNNER) -> bool:
    """Tell whether a container writes no more: it has ended, or its pod is gone or will not start it again."""
    if pod is None or pod["status"].get("phase") in {"Succeeded", "Failed"}:
        return True
    return terminated(pod, container) is not None


def terminated(pod: Json, container: str = RUNNER) -> Json | None:
    """Return how a container ended (`exitCode`, `reason`); None while it has not."""
    for status in pod["status"].get("containerStatuses", []):
        if status["name"] == container:
            ended: Json | None = status["state"].get("terminated")
            return ended
    return None


def _is_stamp(word: str) -> bool:
    return len(word) >= len("2026-01-01T00:00:00Z") and word[4] == "-" and word[10] == "T"


def _comparable(stamp: str) -> str:
    """Make time stamps of different length compare as text: the API drops trailing zeros of the nanoseconds."""
    seconds, _, fraction = stamp.rstrip("Z").partition(".")
    return f"{seconds}.{fraction:0<9}"
