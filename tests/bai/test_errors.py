"""Test the application's errors: one line, an exit code, and the same after a journey between processes."""

import pickle

import pytest

from bai.errors import BaiError, ComputeError, InputError, TemporaryError, UsageError, printable


@pytest.mark.parametrize(("kind", "code"), [(UsageError, 2), (InputError, 3), (ComputeError, 4), (TemporaryError, 75)])
def test_an_error_keeps_message_hint_and_exit_code_between_processes(kind, code):
    error = pickle.loads(pickle.dumps(kind("cannot read\n  B08.tif", hint="check the URL")))  # noqa: S301 - our own bytes
    assert isinstance(error, BaiError)
    assert (type(error), str(error), error.hint, error.exit_code) == (
        kind,
        "cannot read B08.tif",
        "check the URL",
        code,
    )


def test_control_characters_are_escaped():
    assert printable("a\nb\x1b[31m") == "a\\nb\\x1b[31m"
