"""Probe pods, and the program in them."""

import json
import subprocess
import sys
from pathlib import Path

from bai_kit.doctor import probe_script
from bai_kit.doctor.probes import probe_pod
from bai_kit.job.template import Template
from tests.bai_kit.fakes import job_template

TEMPLATE = Template("bai", job_template(), None)


def test_probes_have_no_token_no_volume_and_an_end():
    pod = probe_pod(TEMPLATE, "reg/bai:1", "versions")
    container = pod["spec"]["containers"][0]
    assert (container["image"], container["command"][-1]) == ("reg/bai:1", "versions")
    assert pod["spec"]["automountServiceAccountToken"] is False
    assert all("persistentVolumeClaim" not in volume for volume in pod["spec"]["volumes"])
    assert "activeDeadlineSeconds" not in pod["spec"]  # it would count as a running job
    assert TEMPLATE.job == job_template()


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
