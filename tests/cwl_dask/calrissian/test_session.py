"""Test the state that the steps of a runner share."""

import pytest

from cwl_dask.calrissian.guard import Ledger
from cwl_dask.calrissian.session import PENDING_S, new_session
from cwl_dask.core.output import Output


@pytest.mark.parametrize(("gone", "lines"), [([], ["cluster one"]), (["one"], ["cluster one", "done"])])
def test_the_ledger_has_each_claimed_cluster_and_says_when_none_is_left(tmp_path, gone, lines):
    session = new_session(Output(), Ledger(str(tmp_path)))
    session.clusters._claimed("one")
    for name in gone:
        session.clusters._gone(name)
    session.ledger.close()
    assert (tmp_path / "ledger").read_text().split("\n")[:-1] == lines


@pytest.mark.parametrize(("given", "expected"), [({}, PENDING_S), ({"pending_s": 60.0}, 60.0)])
def test_steps_and_clusters_wait_equally_long_for_room(given, expected):
    session = new_session(Output(), Ledger(None), **given)
    assert session.pending_s == session.clusters.room_s == expected
