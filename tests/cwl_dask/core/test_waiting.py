"""Patience with what does not start, by a clock of the test."""

import pytest

from cwl_dask.core.waiting import GaveUp, Obstacle, Patience

CPU = Obstacle("scheduler: Insufficient cpu", room=True)
PULL = Obstacle("scheduler: pulling image")


@pytest.fixture
def wait():
    class Clock:
        now = 0.0

    def at(second, obstacle):
        Clock.now = second
        patience.look(obstacle)

    patience = Patience("cluster x", start_s=100, room_s=3600, clock=lambda: Clock.now)
    return at


def test_the_reason_is_said_after_ten_seconds_and_again_when_it_changes(wait, caplog):
    caplog.set_level("INFO")
    for second, obstacle in ((1, CPU), (9, CPU), (10, CPU), (11, CPU), (20, PULL), (21, PULL), (22, None), (30, CPU)):
        wait(second, obstacle)
    assert caplog.messages == [
        "cluster x waits: scheduler: Insufficient cpu",
        "cluster x waits: scheduler: pulling image",
        "cluster x waits: scheduler: Insufficient cpu",
    ]


def test_waiting_for_room_does_not_count_as_starting(wait):
    for second in range(0, 1000, 10):
        wait(second, CPU)
    wait(1000, PULL)
    with pytest.raises(GaveUp, match="cluster x has not started after 100 s: scheduler: pulling image") as end:
        wait(1200, PULL)
    assert end.value.temporary


def test_room_that_never_comes_is_temporary(wait):
    with pytest.raises(GaveUp, match="found no room within 3600 s: scheduler: Insufficient cpu") as end:
        wait(3601, CPU)
    assert end.value.temporary


def test_a_fault_ends_the_wait_at_once(wait):
    with pytest.raises(GaveUp, match="cluster x cannot start: scheduler: no such image") as end:
        wait(1, Obstacle("scheduler: no such image", fault=True))
    assert not end.value.temporary


def test_without_a_known_reason_patience_ends_too(wait):
    with pytest.raises(GaveUp, match=r"has not started after 100 s$"):
        wait(101, None)
