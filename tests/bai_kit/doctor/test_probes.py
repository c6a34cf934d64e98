"""Test the pods that the doctor starts."""

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
