"""Test the command `cwl-dask` as two processes."""

import os
import subprocess

import pytest

from tests.local.steps import CWL_DASK


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--version"], 0, "cwl-dask "),
        (["--help"], 0, "--dask-gateway"),
        (["--max-clusters", "0"], 2, "--max-clusters"),
    ],
)
def test_the_supervising_process_ends_with_the_code_of_the_runner_and_leaves_nothing(tmp_path, options, code, said):
    done = subprocess.run(
        [*CWL_DASK, *options],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=os.environ | {"TMPDIR": str(tmp_path)},
    )
    assert done.returncode == code, done.stderr
    assert said in done.stdout + done.stderr
    assert list(tmp_path.iterdir()) == []
