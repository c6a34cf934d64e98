"""Test that a job that cannot start shows the reason within two minutes, and that its cluster is dismissed."""

import pytest
from kubernetes import client

from tests.e2e.runner_bed import APP, Bed, tool

pytestmark = pytest.mark.e2e


def patient(seconds: int):
    """Shorten how long a pod may be pending."""
    variable = {"name": "CWL_DASK_PENDING_SECONDS", "value": str(seconds)}
    return lambda spec: spec["containers"][0]["env"].append(variable)


def of_another_account(jobs: Bed, name: str, verbs: list[str]):
    """A service account with fewer rights than the chart's."""
    rights, here = client.RbacAuthorizationV1Api(), jobs.namespace
    jobs.api.create_namespaced_service_account(here, {"metadata": {"name": name}})
    rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": verbs}]
    rights.create_namespaced_role(here, {"metadata": {"name": name}, "rules": rules})
    ref = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name}
    subject = {"kind": "ServiceAccount", "name": name, "namespace": here}
    rights.create_namespaced_role_binding(here, {"metadata": {"name": name}, "roleRef": ref, "subjects": [subject]})
    return lambda spec: spec.update(serviceAccountName=name)


def at_gateway(jobs: Bed, name: str, text: str):
    """Give the runner another gateway.yaml."""
    jobs.api.create_namespaced_config_map(jobs.namespace, {"metadata": {"name": name}, "data": {"gateway.yaml": text}})

    def change(spec):
        next(volume for volume in spec["volumes"] if volume["name"] == "gateway")["configMap"]["name"] = name

    return change


def refused(jobs: Bed, name: str, package, change, *words: str, code: int = 1, seconds: float = 60):
    end = jobs.start(name, package, change=change, mode="ok").wait(120)
    assert end.code == code, end.log
    for text in words:
        assert text in end.log, end.log
    assert end.seconds < seconds
    print(f"{name}: {end.seconds:.1f} s")
    jobs.clean(15)


def test_a_wrong_image(jobs):
    package = tool(f"{APP}-no-such-image", cluster={})
    refused(jobs, "image", package, None, "ImagePullBackOff: ", "dismissed cluster", seconds=60)


def test_an_unschedulable_step(jobs):
    package = tool(APP, cluster={}, memory=7000)
    package["requirements"]["ResourceRequirement"] |= {"coresMin": 3, "coresMax": 3}
    why = ("found no room within 8 s: ", "Insufficient cpu")
    refused(jobs, "big", package, patient(8), *why, code=75)


def test_no_right_to_create_pods(jobs):
    change = of_another_account(jobs, "no-create", ["delete", "list", "watch"])
    refused(jobs, "no-create", tool(APP, cluster={}), change, 'cannot create resource "pods"', "dismissed cluster")


def test_no_right_to_watch_pods(jobs):
    change = of_another_account(jobs, "no-watch", ["create", "delete", "list"])
    refused(jobs, "no-watch", tool(APP, cluster={}), change, "cannot watch pod", "dismissed cluster")


def test_no_right_to_list_pods(jobs):
    change = of_another_account(jobs, "no-list", ["create", "delete", "watch"])
    refused(jobs, "no-list", tool(APP, cluster={}), change, "cannot list resource")


def test_a_gateway_that_does_not_exist(jobs):
    change = at_gateway(jobs, "nowhere", "{gateway: {address: 'http://no-such-gateway.nowhere:80'}}")
    refused(
        jobs,
        "nowhere",
        tool(APP, cluster={}),
        change,
        "no Dask cluster from http://no-such-gateway",
        code=75,
        seconds=90,
    )


def test_a_gateway_that_does_not_answer(jobs):
    change = at_gateway(jobs, "dead", "{gateway: {address: 'http://10.96.255.254:80'}}")
    refused(jobs, "dead", tool(APP, cluster={}), change, "no Dask cluster from http://10.96", code=75, seconds=90)


def test_an_option_that_the_gateway_does_not_know(jobs):
    text = (jobs.api.read_namespaced_config_map("bai-gateway", jobs.namespace).data)["gateway.yaml"]
    change = at_gateway(jobs, "option", f"{text}\n  cluster: {{options: {{flavour: large}}}}\n")
    refused(jobs, "option", tool(APP, cluster={}), change, "does not define flavour")


def test_an_image_that_the_gateway_forbids(jobs):
    package = tool("elsewhere.test/app:1", cluster={})
    refused(jobs, "forbidden", package, None, "elsewhere.test/app:1")


def test_a_misspelt_field(jobs):
    refused(jobs, "typo", tool(APP, cluster={"workerCore": 1}), None, "workerCore")
