"""Test the program of a probe pod, run as the pod runs it: as text, with nothing but its environment."""

import json
import subprocess
import sys
from pathlib import Path

from bai_kit.doctor import probe_script


def report(task, **environment):
    command = [sys.executable, "-c", Path(probe_script.__file__).read_text(), task]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment, timeout=60)
    return json.loads(done.stdout)


def test_the_program_reports_the_versions_of_its_image():
    found = report("versions")
    assert set(found) == {"versions"}
    assert {"python", "dask", "distributed", "dask-gateway"} <= set(found["versions"])


def test_the_program_reports_why_the_gateway_does_not_answer(tmp_path):
    found = report("gateway", DASK_GATEWAY__ADDRESS="http://127.0.0.1:9", HOME=str(tmp_path), USER="eric")
    assert found["address"] == "http://127.0.0.1:9"
    assert "ClientConnectorError" in found["error"]
