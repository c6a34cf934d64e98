"""Test the environment of a local step."""

import stat
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import dask
import yaml

from cwl_dask.local.steps import LocalDaskStep


class Claim:
    """A cluster."""

    options = {"worker_cores": 2}  # noqa: RUF012


def test_a_step_sees_the_gateway_the_user_and_the_options_in_a_private_file(monkeypatch):
    monkeypatch.setenv("GATEWAY_WORD", "open sesame")
    gateway = {
        "gateway.address": "http://gateway",
        "gateway.auth": {"type": "basic", "kwargs": {"password": "{GATEWAY_WORD}"}},
        "gateway.cluster.options": {"worker_cores": 1, "queue": "fast"},
    }
    step = LocalDaskStep()
    step.environment = {}
    with dask.config.set(gateway), step.connected(Claim()):
        file = Path(step.environment["DASK_CONFIG"], "gateway.yaml")
        directory = file.parent
        seen = yaml.safe_load(file.read_text())["gateway"]
        assert (stat.S_IMODE(directory.stat().st_mode), stat.S_IMODE(file.stat().st_mode)) == (0o700, 0o600)
    assert not directory.exists()
    assert seen["address"] == "http://gateway"
    assert seen["auth"]["kwargs"]["password"] == "open sesame"
    assert seen["auth"]["kwargs"]["username"]
    assert seen["cluster"]["options"] == {"worker_cores": 2, "queue": "fast"}


def test_an_output_may_link_to_a_folder_that_another_step_made(tmp_path):
    document = Path(find_spec("cwltool").origin).parent / "tests/wf/iwdr-passthrough-successive.cwl"
    prefixes = ["--tmp-outdir-prefix", f"{tmp_path}/out-", "--tmpdir-prefix", f"{tmp_path}/work-"]
    command = [sys.executable, "-m", "cwl_dask.local.main", *prefixes, "--outdir", str(tmp_path / "home")]
    subprocess.run([*command, str(document)], check=True, capture_output=True, timeout=60)
    assert (tmp_path / "home/subdir/file").exists()
