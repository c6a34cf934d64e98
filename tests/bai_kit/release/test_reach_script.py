"""Test the program that asks the gateway for its options; the real one runs in tests/e2e."""

from contextlib import nullcontext
from types import SimpleNamespace

import pytest

from bai_kit.release import reach_script


@pytest.fixture
def gateway(monkeypatch):
    """Stand in for a Gateway; the test sets `cluster_options`."""
    found = SimpleNamespace(address="http://gw")
    monkeypatch.setattr(reach_script, "Gateway", lambda: nullcontext(found))
    monkeypatch.setattr(reach_script, "PATIENCE_S", -1.0)
    return found


def test_an_answer_is_said_with_the_options(gateway, capsys):
    gateway.cluster_options = lambda: {"image": "x", "worker_cores": 1}
    reach_script._main()
    assert capsys.readouterr().out == "http://gw answers, with the options image, worker_cores\n"


def test_a_gateway_that_cannot_be_used_ends_with_one_line_of_reason(gateway):
    def fail():
        raise ConnectionRefusedError("nobody\nis there")

    gateway.cluster_options = fail
    with pytest.raises(SystemExit) as ended:
        reach_script._main()
    assert ended.value.code == "ConnectionRefusedError: nobody is there"
