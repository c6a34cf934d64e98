"""Test which pods the relay lets the runner create."""

import copy

import pytest

from cwl_dask.calrissian.podrules import Rules, problem_of

RULES = Rules("fire-1", "bai-steps", "bai-data", claims=("shared",), secrets=("gateway-password",))
RESTRICTED = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
POD = {
    "metadata": {"name": "step-1", "labels": {"bai-kit/job": "fire-1"}},
    "spec": {
        "serviceAccountName": "bai-steps",
        "automountServiceAccountToken": False,
        "initContainers": [{"name": "init", "securityContext": RESTRICTED}],
        "containers": [
            {
                "name": "step",
                "securityContext": RESTRICTED,
                "env": [
                    {"name": "A", "value": "b"},
                    {"name": "P", "valueFrom": {"secretKeyRef": {"name": "gateway-password", "key": "password"}}},
                ],
                "volumeMounts": [
                    {"name": "data", "mountPath": "/in", "subPath": "fire-1/tmp/x"},
                    {"name": "data", "mountPath": "/all", "subPath": "fire-1"},
                    {"name": "models", "mountPath": "/models"},
                ],
            }
        ],
        "volumes": [
            {"name": "data", "persistentVolumeClaim": {"claimName": "bai-data"}},
            {"name": "models", "persistentVolumeClaim": {"claimName": "shared"}},
            {"name": "tmp", "emptyDir": {}},
            {"name": "gateway", "downwardAPI": {"items": []}},
            {"name": "ca", "secret": {"secretName": "gateway-password"}},
        ],
    },
}


def changed(where, value):
    """Return a copy of the pod in which one place, named by keys and indexes, has another value."""
    pod = copy.deepcopy(POD)
    place = pod
    for key in where[:-1]:
        place = place[key]
    if isinstance(place, list):
        place.insert(where[-1], value)
    else:
        place[where[-1]] = value
    return pod


def test_a_steps_pod_is_allowed():
    assert problem_of(POD, RULES) is None


STEP = ("spec", "containers", 0)
MOUNT, ENV, SECURITY = (*STEP, "volumeMounts", 0), (*STEP, "env", 0), (*STEP, "securityContext")


@pytest.mark.parametrize(
    ("where", "value", "problem"),
    [
        (("metadata", "labels"), {"bai-kit/job": "fire-2"}, "another job"),
        (("spec", "serviceAccountName"), "default", "service account bai-steps"),
        (("spec", "automountServiceAccountToken"), True, "without its token"),
        (("spec", "hostNetwork"), True, "of its node"),
        (("spec", "hostPID"), True, "of its node"),
        (("spec", "volumes", 0), {"name": "x", "hostPath": {"path": "/"}}, "volume of the pod"),
        (("spec", "volumes", 0), {"name": "x", "projected": {"sources": []}}, "volume of the pod"),
        (("spec", "volumes", 0), {"name": "x", "csi": {"driver": "d"}}, "volume of the pod"),
        (("spec", "volumes", 0), {"name": "x", "emptyDir": {}, "hostPath": {"path": "/"}}, "volume of the pod"),
        (("spec", "volumes", 0), {"name": "x", "secret": {"secretName": "admin"}}, "volume of the pod"),
        (("spec", "volumes", 0), {"name": "x", "persistentVolumeClaim": {"claimName": "db"}}, "volume of the pod"),
        (MOUNT, {"name": "data", "mountPath": "/x", "subPath": "fire-2"}, "job's folder"),
        (MOUNT, {"name": "data", "mountPath": "/x", "subPath": "fire-1-other"}, "job's folder"),
        (MOUNT, {"name": "data", "mountPath": "/x"}, "form of a step's pod"),
        (MOUNT, {"name": "data", "mountPath": "/x", "subPathExpr": "$(A)"}, "form of a step's pod"),
        (ENV, {"name": "S", "valueFrom": {"secretKeyRef": {"name": "admin", "key": "k"}}}, "reads a Secret"),
        ((*STEP, "envFrom"), [{"secretRef": {"name": "admin"}}], "reads a Secret"),
        (SECURITY, {**RESTRICTED, "privileged": True}, "privileges"),
        (SECURITY, {**RESTRICTED, "allowPrivilegeEscalation": True}, "privileges"),
        (SECURITY, {**RESTRICTED, "capabilities": {"drop": ["ALL"], "add": ["SYS_ADMIN"]}}, "privileges"),
        (("spec", "initContainers", 0), {"name": "y", "securityContext": {}}, "form of a step's pod"),
        (("spec", "ephemeralContainers"), [{"name": "e"}], "ephemeral"),
        (("spec",), None, "form of a step's pod"),
    ],
)
def test_any_other_pod_is_refused(where, value, problem):
    assert problem in problem_of(changed(where, value), RULES)


@pytest.mark.parametrize("value", [None, [], "pod", {}])
def test_what_is_no_pod_is_refused(value):
    assert problem_of(value, RULES)
