"""Errors: what a caller may rely on."""

import pytest

from bai_kit import errors


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.UsageError("x"), 2),
        (errors.ConnectionLost("x"), 3),
        (errors.ProgramFailed("x", 7), 4),
        (errors.OutputError("x"), 4),
        (errors.JobFailed("x", exit_code=75), 75),
        (errors.WaitTimeout("x"), 5),
    ],
)
def test_every_error_has_the_exit_code_of_its_kind(error, code):
    assert (error.exit_code, error.message, error.hint) == (code, "x", None)


def test_a_signal_is_no_exception_that_anything_handles_by_accident():
    assert not isinstance(errors.Stopped(15), Exception)
    assert errors.Stopped(15).exit_code == 143
