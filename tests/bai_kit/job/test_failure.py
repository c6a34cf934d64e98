"""Failure events as they arrive, from a runner or from a package that changed them."""

import json

import pytest

from bai_kit.job.failure import LONGEST_MESSAGE, parse_failure

EVENT = {"kind": "step", "step": "map", "code": 7, "temporary": True, "message": "step map failed"}


def test_an_event_is_read():
    found = parse_failure(json.dumps(EVENT))
    assert (found.kind, found.step, found.code, found.temporary) == ("step", "map", 7, True)
    assert found.message == "step map failed"


@pytest.mark.parametrize(
    "text", [None, "", "{", "[]", "null", "{}", '{"kind": "x"}', json.dumps(EVENT | {"code": "seven"}), "Error"]
)
def test_what_is_no_event_is_none(text):
    assert parse_failure(text) is None


def test_an_event_cannot_forge_lines_or_fill_the_screen():
    found = parse_failure(json.dumps(EVENT | {"message": "a\nerror: b" + "x" * 9999, "temporary": "yes"}))
    assert found.message.startswith("a error: b")
    assert (len(found.message), found.temporary) == (LONGEST_MESSAGE, False)
