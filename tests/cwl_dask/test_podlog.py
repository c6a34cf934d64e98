"""Test reading a log whose stream breaks, repeats lines and has equal time stamps."""

import threading
import time

import pytest
from urllib3.exceptions import ProtocolError

from cwl_dask import podlog
from cwl_dask.podlog import SKIPPED, PodLog, Reader, lines

A, B, C = (b"2026-01-01T00:00:0%d.5Z line %d\n" % (n, n) for n in (1, 2, 3))


class Api:
    """Answer each request for the log with the next of the given streams."""

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
    api = Api([A], [], [], [A, B])
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


def test_the_last_line_is_kept_and_entries_only_where_they_are_wanted(followed):
    api = Api(last=[A, B, b"2026-01-01T00:00:09Z  \n"])
    said = []
    log = PodLog(api, "ns", "pod", said.append, keep_entries=False)
    log.start()
    api.block.set()
    log.finish()
    assert (log.last, log.count, log.entries, len(said)) == ("line 2", 3, [], 3)


def test_a_new_connection_begins_half_a_minute_before_the_last_line(followed, monkeypatch):
    monkeypatch.setattr(podlog, "RETRY_S", 0.01)
    monkeypatch.setattr(podlog.time, "time", lambda: 1767225601.5 + 60)  # a minute after line 1
    api = Api([A], [])
    followed(api)
    eventually(lambda: len(api.asked) > 2)
    assert api.asked[0] == {"timestamps": True, "_preload_content": False, "follow": True}
    assert api.asked[1]["since_seconds"] == 90


def test_lines_that_were_rotated_away_are_announced(followed, monkeypatch):
    monkeypatch.setattr(podlog, "RETRY_S", 0.01)
    api = Api([A], [C])
    _, said = followed(api)
    eventually(lambda: len(said) == 3)
    assert said == ["line 1", SKIPPED, "line 3"]


def stamped(*lines):
    return [f"2026-01-01T00:00:{line}".encode() for line in lines]


def texts(reader, *lines):
    return [line.text for line in reader.read(stamped(*lines))]


@pytest.mark.parametrize(
    "log",
    [
        ("01.5Z a", "01.5Z b", "01.5Z a", "02Z c"),  # equal stamps, one text twice
        ("02Z out", "01Z err", "03Z last"),  # swapped
        ("01.1Z a", "01.100000001Z b", "01.11Z c", "02Z d", "02.000000001Z e"),  # shortened
        ("01.5+02:00 a", "02.5+02:00 b", "03.5+02:00 c"),  # another zone
        ("09Z before", "02Z the clock was set back", "03Z after", "01Z again"),
    ],
)
def test_every_line_comes_once_wherever_a_connection_breaks(log):
    expected = [line.partition(" ")[2] for line in log]
    for first in range(len(log) + 1):
        for second in range(first, len(log) + 1):
            reader = Reader()
            said = [*texts(reader, *log[:first]), *texts(reader, *log[:second]), *texts(reader, *log)]
            assert said == expected, (first, second)


def test_lines_of_before_the_remembered_ones_are_not_repeated(monkeypatch):
    monkeypatch.setattr(podlog, "REMEMBERED_LINES", 3)
    reader, log = Reader(), [f"{n:02d}Z {n}" for n in range(20)]
    assert texts(reader, *log[:15]) + texts(reader, *log) == [str(n) for n in range(20)]
    assert reader.since == "2025-12-31T23:59:49Z"


def test_an_older_connection_that_is_still_open_says_nothing_more():
    reader = Reader()
    old = reader.read(stamped("01Z a", "02Z b"))
    assert next(old).text == "a"
    assert texts(reader, "01Z a", "02Z b", "03Z c") == ["b", "c"]
    assert list(old) == []


def test_a_burst_of_lines_is_read_in_seconds():
    reader = Reader()
    log = [b"2026-01-01T00:00:%02d.%09dZ line" % (n // 10_000, n) for n in range(400_000)]
    start = time.monotonic()
    assert sum(1 for _ in reader.read(log)) == 400_000
    assert sum(1 for _ in reader.read([*log, b"2026-01-01T00:01:00Z end"])) == 1
    assert time.monotonic() - start < 20


def test_lines_are_cut_at_newlines_only():
    assert list(lines(iter([b"a", b"b\nc\r", b"\n\nd"]))) == [b"ab", b"c\r", b""]
    assert list(lines(iter([b"a\nd"]), to_the_end=True)) == [b"a", b"d"]
