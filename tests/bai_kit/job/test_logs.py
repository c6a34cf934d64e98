"""Test that reconnecting neither loses nor repeats log lines."""

import pytest

from bai_kit.errors import SetupError
from bai_kit.job import logs
from bai_kit.job.logs import Position, after, follow
from tests.bai_kit.fakes import FakeKube, pod_object


def stamped(*lines):
    return [f"2026-11-22T10:00:{time}Z {text}".encode() for time, text in lines]


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    monkeypatch.setattr(logs, "AGAIN_S", 0.0)


def test_lines_before_the_last_one_seen_are_not_repeated():
    position = Position()
    assert list(position.fresh(stamped(("01.1", "a"), ("01.2", "b")))) == ["a", "b"]
    assert list(position.fresh(stamped(("01.1", "a"), ("01.2", "b"), ("01.3", "c")))) == ["c"]


def test_lines_of_the_very_same_time_are_counted():
    position = Position()
    assert list(position.fresh(stamped(("01", "a"), ("01", "a")))) == ["a", "a"]
    assert list(position.fresh(stamped(("01", "a"), ("01", "a"), ("01", "a"), ("02", "b")))) == ["a", "b"]


def test_dropped_zeros_do_not_put_a_later_line_before_an_earlier_one():
    position = Position()
    assert list(position.fresh(stamped(("01.12", "a"), ("01.120000001", "b"), ("01.2", "c")))) == ["a", "b", "c"]


def test_the_kubelets_own_words_about_a_log_are_no_lines():
    raw = [b"unable to retrieve container logs for containerd://5c1", b"", *stamped(("01", "a"))]
    assert list(Position().fresh(raw)) == ["a"]


def test_empty_lines_and_bytes_that_are_no_text_come_through():
    raw = [b"2026-11-22T10:00:01Z ", b"2026-11-22T10:00:02Z \xff"]
    assert list(Position().fresh(raw)) == ["", "�"]


def test_a_stream_that_breaks_is_asked_for_again_until_the_container_has_ended():
    kube = FakeKube(("pods", pod_object("p", running=True)))
    parts = [stamped(("01", "a")), stamped(("01", "a"), ("02", "b")), stamped(("01", "a"), ("02", "b"), ("03", "c"))]

    def move_on(kube):
        kube.logs["p"] = parts.pop(0)
        if not parts:
            kube.objects["pods", "p"] = pod_object("p", exit_code=0)

    kube.hooks["log", "p"] = move_on
    kube.hooks["get", "pods"] = lambda kube: parts or kube.hooks.pop(("log", "p"), None)
    assert list(follow(kube, "p")) == ["a", "b", "c"]


def test_a_pod_that_is_gone_ends_the_log():
    assert list(follow(FakeKube(), "p")) == []


def test_without_waiting_a_running_pod_gives_what_is_there():
    kube = FakeKube(("pods", pod_object("p", running=True)))
    kube.logs["p"] = stamped(("01", "a"))
    assert list(follow(kube, "p", wait=False)) == ["a"]


def test_the_last_reading_is_done_again_when_it_broke_off():
    kube = FakeKube(("pods", pod_object("p", exit_code=0)))
    whole, read = stamped(("01", "a"), ("02", "b")), []

    def log(*_, **__):
        read.append(1)
        yield whole[0]
        if len(read) == 1:
            raise SetupError("broke off")
        yield whole[1]

    kube.log = log
    assert list(follow(kube, "p")) == ["a", "b"]


def test_an_api_that_stays_away_is_an_error(monkeypatch):
    monkeypatch.setattr(logs, "PATIENCE_S", 0.0)
    kube = FakeKube()

    def away(_):
        raise SetupError("cannot be reached")

    kube.hooks["get", "pods"] = away
    with pytest.raises(SetupError):
        list(follow(kube, "p"))


def test_an_api_that_comes_back_is_none():
    kube = FakeKube(("pods", pod_object("p", exit_code=0)))
    kube.logs["p"] = stamped(("01", "a"))

    def away_once(kube):
        kube.hooks.clear()
        raise SetupError("cannot be reached")

    kube.hooks["get", "pods"] = away_once
    assert list(follow(kube, "p")) == ["a"]


@pytest.mark.parametrize(
    ("seen", "rest"),
    [
        ([], ["a", "b", "a", "c"]),
        (["a"], ["c"]),
        (["a", "b"], ["a", "c"]),
        (["x", "y"], ["a", "b", "a", "c"]),
        (["b", "a", "c"], []),
        (["b", "stdout", "a", "stdout"], ["c"]),
    ],
)
def test_the_file_on_the_volume_goes_on_where_the_pod_ended(seen, rest):
    assert list(after(["a", "b", "a", "c"], seen)) == rest
