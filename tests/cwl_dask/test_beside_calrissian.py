"""Run the tests of the shared core in an environment with Calrissian's pins."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-calrissian/bin/python"
SHARED = (
    "tests/cwl_dask/core/test_extension.py",
    "tests/cwl_dask/core/test_files.py",
    "tests/cwl_dask/core/test_javascript.py",
    "tests/cwl_dask/calrissian/test_patches.py",
    "tests/cwl_dask/calrissian/test_relay.py",
    "tests/cwl_dask/calrissian/test_steps.py",
    "tests/cwl_dask/calrissian/test_watch.py",
    "tests/local/test_requirement.py::test_a_step_computes_on_its_cluster_which_is_dismissed",
    "tests/local/test_requirement.py::test_the_steps_exit_code_counts_whether_it_wrote_its_output_or_not[75-75]",
)


@pytest.mark.skipif(not PYTHON.exists(), reason="no .venv-calrissian; `make test` makes it")
def test_the_shared_part_passes_beside_calrissian():
    versions = "from importlib.metadata import version; print(version('cwltool'), version('calrissian'))"
    pinned = subprocess.run([PYTHON, "-c", versions], capture_output=True, text=True, check=True).stdout
    assert pinned.split() == ["3.1.20240708091337", "0.18.1"]
    done = subprocess.run(
        [PYTHON, "-m", "pytest", "--quiet", "--noconftest", *SHARED],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT / "toolkit")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
