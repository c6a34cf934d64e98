"""The lines of a step whose log stream does what log streams do."""

import threading
import time

import pytest
from urllib3.exceptions import ProtocolError

from cwl_dask import podlog
from cwl_dask.podlog import TAIL_LINES, PodLog, lines

A, B, C = (b"2026-01-01T00:00:0%d.5Z line %d\n" % (n, n) for n in (1, 2, 3))


class Api:
    """Answers each reading of the log with the next of the given streams."""

    def __init__(self, *streams, last=()):
        self.streams, self.last, self.asked = list(streams), last, []
        self.block = threading.Event()

    def read_namespaced_pod_log(self, name, namespace, **how):
        self.asked.append(how)
        chunks = (self.streams.pop(0) if self.streams else [self.block]) if how.get("follow") else self.last
        return type("Response", (), {"stream": lambda _: self.send(chunks)})()

    def send(self, chunks):
        for chunk in chunks:
            if isinstance(chunk, threading.Event):
                chunk.wait(10)
            elif isinstance(chunk, Exception):
                raise chunk
            else:
                yield chunk


def eventually(true):
    end = time.monotonic() + 10
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.fixture
def followed():
    made = []

    def follow(api):
        said = []
        log = PodLog(api, "ns", "pod", said.append)
        log.start()
        made.append(api)
        return log, said

    yield follow
    for api in made:
        api.block.set()


def test_lines_come_whole_and_once_whatever_the_stream_does(followed):
    api = Api([A[:10], A[10:] + B[:-3]], [ProtocolError("broken")], [A + B], last=[A, B, C[:-1]])
    log, said = followed(api)
    api.block.set()
    log.finish()
    assert said == ["line 1", "line 2", "line 3"]
    assert [entry["entry"] for entry in log.entries] == said


def test_streams_that_end_at_once_are_opened_again(followed, monkeypatch):
    monkeypatch.setattr(podlog, "RETRY_S", 0.01)
    api = Api([A], [], [], [B])
    _, said = followed(api)
    eventually(lambda: said == ["line 1", "line 2"])


def test_what_the_kubelet_says_about_a_lost_log_is_not_a_line_of_the_step(followed):
    api = Api([A, b"failed to try resolving symlinks\n"], last=[A, b"failed to try resolving symlinks\n"])
    log, said = followed(api)
    api.block.set()
    log.finish()
    assert said == ["line 1"]


def test_a_stream_that_hangs_does_not_keep_the_end_waiting(followed):
    api = Api([A, threading.Event()], last=[A, B])
    log, said = followed(api)
    log.finish(patience_s=0.1)
    assert said == ["line 1", "line 2"]
    api.block.set()


def test_only_the_last_lines_are_kept_for_the_message(followed):
    many = b"".join(b"2026-01-01T00:00:00.%03dZ %d\n" % (n, n) for n in range(1, 50))
    api = Api(last=[many])
    log, _ = followed(api)
    api.block.set()
    log.finish()
    assert list(log.tail) == [str(n) for n in range(50 - TAIL_LINES, 50)]


def test_lines_are_cut_at_newlines_only():
    assert list(lines(iter([b"a", b"b\nc\r", b"\n\nd"]))) == [b"ab", b"c\r", b""]
    assert list(lines(iter([b"a\nd"]), to_the_end=True)) == [b"a", b"d"]
