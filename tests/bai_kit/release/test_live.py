"""Workloads for people."""

from bai_kit.release.live import state, table
from bai_kit.release.workloads import Workload


def test_a_state_says_how_many_are_ready_and_what_the_others_wait_for():
    assert state(Workload("deployment", "api", 1, 1)) == "ready"
    assert state(Workload("deployment", "api", 0, 2, "pulling image")) == "0/2 ready, pulling image"


def test_the_table_has_a_row_for_each_workload():
    assert table([Workload("deployment", "api", 1, 1), Workload("volume", "data", 0, 1, trouble="no")]).row_count == 2
