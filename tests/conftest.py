"""Fixtures for all folders of tests."""

import logging
import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

MARK = "BAI_KIT_TEST"


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """Restore logging, because a command that runs in this process configures it with the test's stderr."""
    root, ours = logging.getLogger(), logging.getLogger("bai_kit")
    handlers, levels = root.handlers[:], (root.level, ours.level)
    yield
    root.handlers = handlers
    root.setLevel(levels[0])
    ours.setLevel(levels[1])


@pytest.fixture
def left_running(monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """Mark the environment of all processes that the test starts; the returned function lists those still running."""
    value = uuid.uuid4().hex
    monkeypatch.setenv(MARK, value)
    return lambda: list(_processes_with(f"{MARK}={value}".encode()))


def _processes_with(entry: bytes) -> Iterator[str]:
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if int(process.name) != os.getpid() and entry in (process / "environ").read_bytes().split(b"\0"):
                yield (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:  # it has ended, or is somebody else's
            continue
