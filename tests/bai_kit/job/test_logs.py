"""Test that reconnecting neither loses nor repeats log lines."""

from contextlib import contextmanager

import pytest

from bai_kit.errors import NotOnVolume, RemoteError
from bai_kit.job import logs
from bai_kit.job.logs import after, follow, runner_lines, step_lines
from tests.bai_kit.fakes import FakeKube, pod_object


def stamped(*lines):
    return [f"2026-11-22T10:00:{time}Z {text}".encode() for time, text in lines]


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    monkeypatch.setattr(logs, "STREAM_PAUSE_S", 0.0)


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


def test_lines_of_equal_and_of_swapped_time_are_kept():
    kube = FakeKube(("pods", pod_object("p", exit_code=0)))
    kube.logs["p"] = stamped(("02", "a"), ("02", "a"), ("01", "b"))
    assert list(follow(kube, "p")) == ["a", "a", "b"]


@pytest.fixture
def on_volume(monkeypatch):
    class Files(dict):
        def log(self, job, name="run.log"):
            if name not in self:
                raise NotOnVolume(name)
            return self[name]

    files = Files({"run.log": ["first", "a", "b"]})

    @contextmanager
    def opened(*_, **__):
        yield files

    monkeypatch.setattr(logs, "open_volume", opened)
    return files


def test_a_log_of_rotated_size_is_read_from_the_volume(on_volume, monkeypatch):
    kube = FakeKube(("pods", pod_object("p", exit_code=0)))
    kube.logs["p"] = stamped(("01", "a"), ("02", "b"))
    assert list(runner_lines(kube, None, "j", "p", wait=False)) == ["a", "b"]
    monkeypatch.setattr(logs, "ROTATED_BYTES", 2)
    assert list(runner_lines(kube, None, "j", "p", wait=False)) == ["first", "a", "b"]


def test_the_steps_whole_output_comes_from_the_volume(on_volume):
    on_volume["step.log"] = ["x"]
    assert step_lines(FakeKube(), None, "j") == ["x"]
    del on_volume["step.log"]
    with pytest.raises(RemoteError, match="job j has no output of steps"):
        step_lines(FakeKube(), None, "j")


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
