"""Run a command and measure its time and the memory of its process tree."""

import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

SAMPLE_S = 0.05


@dataclass(frozen=True, slots=True)
class Run:
    """A command that has ended."""

    wall_s: float
    cpu_s: float
    """User and system time of the command and of the processes of `beside`, during the command."""
    client_mb: float
    """Largest resident memory of the command's own process."""
    tree_mb: float
    """Largest sum of resident memory of the command, its children and the processes of `beside`."""


def tree(root: psutil.Process) -> list[psutil.Process]:
    try:
        return [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def resident_mb(processes: Sequence[psutil.Process]) -> float:
    total = 0
    for process in processes:
        try:
            total += process.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total / 1e6


def cpu_seconds(processes: Sequence[psutil.Process]) -> float:
    total = 0.0
    for process in processes:
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
    return total


def run(command: Sequence[str], *, env: dict[str, str], log: Path, beside: psutil.Process | None = None) -> Run:
    """Run `command` to its end; raise with the end of its log if it fails."""
    workers = tree(beside) if beside else []
    cpu_before = cpu_seconds(workers)
    start = time.monotonic()
    with log.open("wb") as out:
        child = subprocess.Popen(command, env=env, stdout=out, stderr=subprocess.STDOUT)
    client = psutil.Process(child.pid)
    peak = {"client": 0.0, "tree": 0.0, "cpu": 0.0}
    ended = threading.Event()

    def sample() -> None:
        while not ended.wait(SAMPLE_S):
            own = tree(client)
            peak["client"] = max(peak["client"], resident_mb(own[:1]))
            peak["tree"] = max(peak["tree"], resident_mb([*own, *workers]))
            peak["cpu"] = max(peak["cpu"], cpu_seconds(own))

    sampler = threading.Thread(target=sample)
    sampler.start()
    code = child.wait()
    wall_s = time.monotonic() - start
    ended.set()
    sampler.join()
    if code:
        raise SystemExit(f"{' '.join(command)} ended with {code}:\n{log.read_text()[-3000:]}")
    return Run(wall_s, peak["cpu"] + cpu_seconds(workers) - cpu_before, peak["client"], peak["tree"])
