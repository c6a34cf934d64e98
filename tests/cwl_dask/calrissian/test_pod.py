"""Test the changes to the step's pod that Calrissian creates."""

import json

import dask
import dask_gateway.auth
import pytest
import yaml
from kubernetes import client

from cwl_dask.calrissian.pod import Runner, adopt, ask, configure, connect, restrict, safe_name
from cwl_dask.core.gateway import step_section

RUNNER = Runner(
    name="job-1-abcde",
    uid="1234",
    labels={"app.kubernetes.io/part-of": "bai-kit", "bai-kit/job": "job-1", "bai-kit/release": "bai"},
    pull_secrets=("registry",),
    secret_variables=(
        {
            "name": "DASK_GATEWAY_PASSWORD",
            "valueFrom": {"secretKeyRef": {"name": "gateway", "key": "password", "optional": False}},
        },
    ),
)


@pytest.fixture
def pod():
    """Return a pod as Calrissian 0.18.1 creates it."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "-node-bai-pod-abcdefgh", "labels": {"mine": "yes"}},
        "spec": {
            "initContainers": [{"name": "node-bai-init", "image": "alpine"}],
            "containers": [
                {
                    "name": f"node-bai-{'x' * 70}-container",
                    "image": "app:1",
                    "env": [{"name": "HOME", "value": "/out"}],
                    "resources": {"requests": {"cpu": "1", "memory": "512Mi"}},
                    "volumeMounts": [],
                }
            ],
            "volumes": [],
            "securityContext": {"runAsUser": 1000, "runAsGroup": 1000},
        },
    }


def test_the_runner_gives_what_its_pod_has():
    secret = client.V1SecretKeySelector(name="gateway", key="password", optional=False)
    spec = client.V1PodSpec(
        image_pull_secrets=[client.V1LocalObjectReference(name="registry")],
        containers=[
            client.V1Container(
                name="runner",
                env=[
                    client.V1EnvVar(name="USER", value="me"),
                    client.V1EnvVar(
                        name="DASK_GATEWAY_PASSWORD", value_from=client.V1EnvVarSource(secret_key_ref=secret)
                    ),
                    client.V1EnvVar(name="JUPYTERHUB_API_TOKEN", value="a token in plain text is not handed on"),
                ],
            )
        ],
    )
    metadata = client.V1ObjectMeta(name="job-1-abcde", uid="1234", labels=RUNNER.labels | {"pod-template-hash": "1"})
    assert Runner.from_pod(client.V1Pod(metadata=metadata, spec=spec)) == RUNNER


def test_a_bare_runner_has_nothing_to_give():
    spec = client.V1PodSpec(containers=[client.V1Container(name="runner")])
    pod = client.V1Pod(metadata=client.V1ObjectMeta(name="r", uid="1"), spec=spec)
    assert Runner.from_pod(pod) == Runner("r", "1", {})


def test_the_pod_is_the_runners(pod):
    adopt(pod, RUNNER, "Node BAI_1")
    assert pod["metadata"]["labels"] == {"mine": "yes", **RUNNER.labels, "bai-kit/step": "node-bai-1"}
    assert pod["metadata"]["ownerReferences"] == [
        {"apiVersion": "v1", "kind": "Pod", "name": "job-1-abcde", "uid": "1234"}
    ]
    assert pod["spec"]["imagePullSecrets"] == [{"name": "registry"}]
    assert pod["metadata"]["name"] == "node-bai-pod-abcdefgh"
    assert len(pod["spec"]["containers"][0]["name"]) <= 63


def test_a_long_name_keeps_what_makes_it_unique(pod):
    pod["metadata"]["name"] = f"{'long-' * 20}pod-abcdefgh"
    adopt(pod, RUNNER, "s")
    assert len(pod["metadata"]["name"]) <= 63
    assert pod["metadata"]["name"].endswith("-abcdefgh")


def test_the_pod_meets_pod_security_restricted(pod):
    restrict(pod)
    spec = pod["spec"]
    assert spec["securityContext"] == {
        "runAsUser": 1000,
        "runAsGroup": 1000,
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    for container in spec["initContainers"] + spec["containers"]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
    assert spec["automountServiceAccountToken"] is False
    assert spec["terminationGracePeriodSeconds"] == 2
    assert spec["containers"][0]["resources"]["limits"] == {"memory": "512Mi"}


def test_a_step_asks_for_the_cores_that_it_needs_at_least(pod):
    restrict(pod)
    ask(pod, 0.25)
    resources = pod["spec"]["containers"][0]["resources"]
    assert resources == {"requests": {"cpu": "0.25", "memory": "512Mi"}, "limits": {"memory": "512Mi"}}
    ask(pod, None)  # it does not say
    assert resources["requests"]["cpu"] == "0.25"


def test_an_image_may_write_where_cwltools_option_says_so(pod):
    restrict(pod, read_only=False)
    assert pod["spec"]["containers"][0]["securityContext"]["readOnlyRootFilesystem"] is False


def test_a_limit_on_other_resources_stays(pod):
    pod["spec"]["containers"][0]["resources"]["limits"] = {"nvidia.com/gpu": "1"}
    restrict(pod)
    assert pod["spec"]["containers"][0]["resources"]["limits"] == {"nvidia.com/gpu": "1", "memory": "512Mi"}


def test_the_step_signs_in_at_the_gateway_with_a_password_that_is_not_in_its_pod(pod, monkeypatch):
    auth = {"type": "basic", "kwargs": {"password": "hunter2"}}
    configured = {
        "address": "http://gw",
        "proxy-address": "gateway://gw:8786",
        "auth": auth,
        "cluster": {"options": {"x": 1}},
    }
    monkeypatch.setenv("USER", "me")
    monkeypatch.setenv("LOGNAME", "me")
    connect(pod, step_section(configured, {"image": "app:1"}), RUNNER)
    assert "hunter2" not in json.dumps(pod)
    assert RUNNER.secret_variables[0] in pod["spec"]["containers"][0]["env"]
    text = yaml.safe_load(pod["metadata"]["annotations"]["gateway.yaml"])
    assert text["gateway"]["cluster"]["options"] == {"x": 1, "image": "app:1"}
    assert text["gateway"]["proxy-address"] == "gateway://gw:8786"
    monkeypatch.setenv("DASK_GATEWAY_PASSWORD", "from the Secret")
    with dask.config.set(text):
        signed = dask_gateway.auth.get_auth()
    assert (signed.username, signed.password) == ("me", "from the Secret")


def test_the_file_is_where_dask_looks_and_nothing_else_is_hidden(pod):
    connect(pod, {"address": "http://gw", "auth": {"type": "kerberos", "kwargs": {}}}, RUNNER)
    (mount,) = pod["spec"]["containers"][0]["volumeMounts"]
    assert (mount["mountPath"], mount["subPath"], mount["readOnly"]) == ("/etc/dask/gateway.yaml", "gateway.yaml", True)
    (volume,) = pod["spec"]["volumes"]
    (item,) = volume["downwardAPI"]["items"]
    assert item == {"path": "gateway.yaml", "fieldRef": {"fieldPath": "metadata.annotations['gateway.yaml']"}}


@pytest.mark.parametrize(
    ("name", "expected"),
    [("step", "step"), ("_A.b c-", "a-b-c"), ("", "step"), ("---", "step"), ("x" * 70, "x" * 63), ("é1", "1")],
)
def test_a_safe_name(name, expected):
    assert safe_name(name) == expected


def test_a_platform_configures_the_pods_of_steps(pod):
    restrict(pod)
    pod["spec"]["containers"][0]["env"].append({"name": "HTTPS_PROXY", "value": "http://from-the-package"})
    volumes, mounts = list(pod["spec"]["volumes"]), list(pod["spec"]["containers"][0]["volumeMounts"])
    extra = {"name": "ca", "configMap": {"name": "ca"}}
    settings = {
        "spec": {"nodeSelector": {"pool": "cwl"}, "tolerations": [{"key": "dedicated"}], "volumes": [extra]},
        "container": {
            "env": [{"name": "HTTPS_PROXY", "value": "http://proxy"}],
            "volumeMounts": [{"name": "ca", "mountPath": "/ca"}],
            "securityContext": {"readOnlyRootFilesystem": False},
        },
        "securityContext": {"fsGroup": 7, "runAsNonRoot": True},
    }
    configure(pod, settings)
    configure(pod, {})
    spec, container = pod["spec"], pod["spec"]["containers"][0]
    assert (spec["nodeSelector"], spec["tolerations"]) == ({"pool": "cwl"}, [{"key": "dedicated"}])
    assert spec["volumes"] == [*volumes, extra]
    assert container["volumeMounts"] == [*mounts, {"name": "ca", "mountPath": "/ca"}]
    assert [entry["value"] for entry in container["env"] if entry["name"] == "HTTPS_PROXY"] == ["http://proxy"]
    assert container["securityContext"]["readOnlyRootFilesystem"] is False
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert spec["securityContext"]["fsGroup"] == 7
    assert "runAsUser" not in spec["securityContext"]
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}


@pytest.mark.parametrize(("user", "non_root"), [(0, False), (1000, True), (1000720000, True)])
def test_the_step_of_a_root_runner_is_not_refused_for_its_user(pod, user, non_root):
    pod["spec"]["securityContext"] = {"runAsUser": user}
    restrict(pod)
    assert pod["spec"]["securityContext"]["runAsNonRoot"] is non_root


@pytest.mark.parametrize(("settings", "user"), [({}, 1000), ({"fsGroup": 7}, None), ({"runAsUser": 5}, 5)])
def test_a_platform_that_chooses_the_users_itself_gets_no_number(pod, settings, user):
    pod["spec"]["securityContext"] = {"runAsUser": 1000, "runAsGroup": 1000}
    restrict(pod)
    configure(pod, {"securityContext": settings})
    assert pod["spec"]["securityContext"].get("runAsUser") == user
    assert pod["spec"]["securityContext"]["runAsNonRoot"] is True
