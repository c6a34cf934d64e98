"""Test the runner's requests to Kubernetes, the permissions of steps, and the needs of the image."""

import json
import os
from pathlib import Path

import pytest
from kubernetes import client

from tests.e2e.runner_bed import APP, tool

pytestmark = pytest.mark.e2e

AUDIT = Path(os.environ.get("BAI_E2E_AUDIT_LOG", "/run/bai-kube/log/audit.jsonl"))


def test_a_step_is_labelled_owned_restricted_and_without_a_token(jobs):
    job = jobs.start("look", tool(APP, cluster={}), mode="sleep")
    job.says("second 1")
    (name,) = jobs.steps()
    step, runner = jobs.api.read_namespaced_pod(name, jobs.namespace), job.pod()
    job.delete()
    (owner,) = step.metadata.owner_references
    assert (owner.kind, owner.uid) == ("Pod", runner.metadata.uid)
    for label, value in {
        "app.kubernetes.io/part-of": "bai-kit",
        "bai-kit/job": "look",
        "bai-kit/release": "bai",
    }.items():
        assert step.metadata.labels[label] == runner.metadata.labels[label] == value
    assert step.spec.service_account_name == "bai-steps"
    assert step.spec.automount_service_account_token is False
    assert not [volume for volume in step.spec.volumes if volume.projected]
    (container,) = step.spec.containers
    assert container.security_context.read_only_root_filesystem
    assert container.resources.limits["memory"] == container.resources.requests["memory"]
    env = {entry.name: entry.value for entry in container.env}
    runner_env = {entry.name: entry.value for entry in runner.spec.containers[0].env}
    assert env["DASK_GATEWAY_CLUSTER"] == env["DASK_CLUSTER"]
    assert env["USER"] == runner_env["USER"]
    gateway = json.loads(step.metadata.annotations["gateway.yaml"])["gateway"]
    assert gateway["cluster"]["options"]["image"] == APP
    assert gateway["auth"]["kwargs"] == {"username": env["USER"]}
    jobs.clean(30)


def test_the_image_runs_read_only_as_anybody_who_is_not_root(jobs):
    assert "--max-ram" in jobs.run(["cwl-dask-calrissian", "--help"], uid=123456)
    assert jobs.run(["sh", "-c", "command -v node || echo none"], uid=123456) == "none\n"


@pytest.mark.skipif(not AUDIT.exists(), reason="no audit log here")
def test_the_rights_that_are_used_are_those_that_are_granted(jobs):
    jobs.start("rights", tool(APP, cluster={}), mode="ok").wait()
    user, used = f"system:serviceaccount:{jobs.namespace}:bai-runner", set()
    for line in AUDIT.read_text().splitlines():
        event = json.loads(line)
        if event["user"]["username"] == user:
            what = event["objectRef"]
            used.add(("/".join(filter(None, (what["resource"], what.get("subresource")))), event["verb"]))
    role = client.RbacAuthorizationV1Api().read_namespaced_role("bai-runner", jobs.namespace)
    granted = {(resource, verb) for rule in role.rules for resource in rule.resources for verb in rule.verbs}
    assert used == granted
    jobs.clean(30)
