"""Test the Job in the chart: what the runner relies on, and Pod Security `restricted`."""

import json

import kubernetes_validate
import pytest
import yaml
from real_helm import CHARTS

from bai_kit.job.template import Template, fill
from cwl_dask.calrissian.guard import ACCOUNT
from cwl_dask.calrissian.podrules import Rules


def data_of(objects, name):
    (found,) = [
        manifest for manifest in objects if manifest["kind"] == "ConfigMap" and manifest["metadata"]["name"] == name
    ]
    return found["data"]


def step_pod(render, **values):
    return json.loads(data_of(render("bai-chart", values, release="bai"), "bai-steps")["step-pod.json"])


@pytest.fixture(scope="module")
def job(render):
    return json.loads(data_of(render("bai-chart", release="bai"), "bai-job")["job.json"])


@pytest.fixture(scope="module")
def pod(job):
    return job["spec"]["template"]["spec"]


def test_the_runner_is_the_first_container_because_calrissian_copies_its_volumes(pod):
    assert [container["name"] for container in pod["containers"]] == ["runner", "guard"]
    assert pod["containers"][0]["command"] == ["cwl-dask-calrissian"]
    assert pod["containers"][1]["command"] == ["cwl-dask-guard"]


def test_the_guard_sees_the_same_files_and_environment_as_the_runner(pod):
    runner, guard = pod["containers"]
    for key in ("env", "image", "securityContext"):
        assert runner[key] == guard[key]
    assert [mount for mount in guard["volumeMounts"] if mount["name"] != "token"] == runner["volumeMounts"]


def test_only_the_guard_has_the_token(pod):
    runner, guard = pod["containers"]
    assert pod["automountServiceAccountToken"] is False
    assert not [mount for mount in runner["volumeMounts"] if mount["name"] == "token"]
    (mount,) = [mount for mount in guard["volumeMounts"] if mount["name"] == "token"]
    assert mount == {"name": "token", "mountPath": str(ACCOUNT), "readOnly": True}
    (volume,) = [volume for volume in pod["volumes"] if volume["name"] == "token"]
    sources = {kind: source for entry in volume["projected"]["sources"] for kind, source in entry.items()}
    assert sources["serviceAccountToken"]["path"] == "token"
    assert [item["path"] for kind in ("configMap", "downwardAPI") for item in sources[kind]["items"]] == [
        "ca.crt",
        "namespace",
    ]


def test_the_guard_knows_what_the_pods_of_steps_may_use(render):
    values = {
        "gateway": {"passwordSecret": {"name": "password"}},
        "steps": {
            "env": [{"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "store", "key": "k"}}}],
            "extraVolumes": [
                {"name": "models", "persistentVolumeClaim": {"claimName": "models"}},
                {"name": "ca", "secret": {"secretName": "ca"}},
            ],
        },
    }
    job = json.loads(data_of(render("bai-chart", values, release="bai"), "bai-job")["job.json"])
    env = {entry["name"]: entry.get("value") for entry in job["spec"]["template"]["spec"]["containers"][1]["env"]}
    rules = Rules(job="fire-1", **json.loads(env["CWL_DASK_POD_RULES"]))
    assert rules == Rules("fire-1", "bai-steps", "bai-data", claims=["models"], secrets=["password", "store", "ca"])


def test_the_log_variable_comes_after_the_name_that_it_contains(pod):
    names = [variable["name"] for variable in pod["containers"][0]["env"]]
    assert names.index("JOB_NAME") < names.index("CWL_DASK_LOG")


def test_every_path_of_a_job_lies_in_its_own_folder(pod):
    paths = [word.partition("=")[2] for word in pod["containers"][0]["args"] if "=/calrissian" in word]
    assert len(paths) == 5
    assert not any("JOB_NAME" in path for path in paths)
    for container in pod["containers"]:
        (mount,) = [volume_mount for volume_mount in container["volumeMounts"] if volume_mount["name"] == "work"]
        assert mount == {"name": "work", "mountPath": "/calrissian", "subPath": "JOB"}


def test_a_job_is_tried_once_and_is_removed_after_a_day(job):
    assert job["spec"]["backoffLimit"] == 0
    assert job["spec"]["template"]["spec"]["restartPolicy"] == "Never"
    assert job["spec"]["ttlSecondsAfterFinished"] == 86400


@pytest.mark.parametrize(("seconds", "rendered"), [(0, {"ttlSecondsAfterFinished": 0}), (None, {})])
def test_a_job_may_be_removed_at_once_or_never(render, seconds, rendered):
    values = {"job": {"enabled": True, "ttlSecondsAfterFinished": seconds}}
    (job,) = [manifest for manifest in render("bai-chart", values) if manifest["kind"] == "Job"]
    assert {key: value for key, value in job["spec"].items() if key.startswith("ttl")} == rendered


def test_every_mount_has_its_volume_and_every_volume_its_mount(pod):
    volumes = {volume["name"] for volume in pod["volumes"]}
    assert {mount["name"] for mount in pod["containers"][1]["volumeMounts"]} == volumes


def test_filling_in_a_name_inputs_and_a_package_makes_the_job_of_a_run(job):
    template = Template(release="bai", job=job, package=None)
    made = fill(template, "fire-1", {"a": "{{ b }}"}, package={"cwlVersion": "v1.2"})
    pod = made["spec"]["template"]
    assert pod["metadata"]["labels"]["bai-kit/job"] == "fire-1"
    assert json.loads(pod["metadata"]["annotations"]["bai-kit/params"]) == {"a": "{{ b }}"}
    assert pod["spec"]["containers"][0]["args"][-2:] == ["/job/app-package.json", "/job/params.json"]
    assert {mount["subPath"] for mount in pod["spec"]["containers"][0]["volumeMounts"] if "subPath" in mount} == {
        "fire-1"
    }
    (items,) = [volume["downwardAPI"]["items"] for volume in pod["spec"]["volumes"] if "downwardAPI" in volume]
    assert sorted(item["path"] for item in items) == ["app-package.json", "params.json"]


def test_job_enabled_renders_the_very_same_job_under_another_name(render):
    params = {"pre_fire_url": "a"}
    objects = render("bai-chart", {"job": {"enabled": True, "params": params}}, release="bai")
    (made,) = [manifest for manifest in objects if manifest["kind"] == "Job"]
    stored = json.loads(data_of(objects, "bai-job")["job.json"])
    name = made["metadata"]["name"]
    assert name.startswith("bai-")
    text = json.dumps(stored).replace('"bai-kit/job": "bai"', f'"bai-kit/job": "{name}"')
    expected = json.loads(text.replace('"subPath": "JOB"', f'"subPath": "{name}"'))
    expected["metadata"]["name"] = name
    assert made == expected
    assert json.loads(made["spec"]["template"]["metadata"]["annotations"]["bai-kit/params"]) == params


@pytest.mark.parametrize(
    "changed",
    [{"job": {"params": {"a": 2}}}, {"package": {"cwl": '{"cwlVersion": "v1.2"}'}}, {"runner": {"maxCores": 3}}],
    ids=["inputs", "package", "runner"],
)
def test_a_job_of_other_content_has_another_name(render, changed):
    def name(values):
        values = {**values, "job": {"enabled": True, **values.get("job", {})}}
        return next(
            manifest["metadata"]["name"] for manifest in render("bai-chart", values) if manifest["kind"] == "Job"
        )

    assert name({}) == name({})
    assert name({}) != name(changed)


def test_every_pod_meets_the_restricted_standard(render):
    objects = render("bai-chart", {"job": {"enabled": True}})
    pods = [manifest["spec"] for manifest in objects if manifest["kind"] == "Pod"]
    pods += [manifest["spec"]["template"]["spec"] for manifest in objects if manifest["kind"] == "Job"]
    assert len(pods) == 2
    for pod in pods:
        security = pod["securityContext"]
        assert security["runAsNonRoot"]
        assert security["runAsUser"] == security["runAsGroup"] == security["fsGroup"] == 1000
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}
        assert {next(iter(volume.keys() - {"name"})) for volume in pod["volumes"]} <= {
            "persistentVolumeClaim", "emptyDir", "configMap", "downwardAPI", "projected",
        }  # fmt: skip
        for container in pod["containers"]:
            context = container["securityContext"]
            assert context["allowPrivilegeEscalation"] is False
            assert context["readOnlyRootFilesystem"] is True
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert container["resources"]["limits"]["memory"]


def test_steps_have_no_right_and_no_token(render):
    objects = render("bai-chart", release="bai")
    accounts = {manifest["metadata"]["name"]: manifest for manifest in objects if manifest["kind"] == "ServiceAccount"}
    (binding,) = [manifest for manifest in objects if manifest["kind"] == "RoleBinding"]
    assert [subject["name"] for subject in binding["subjects"]] == ["bai-runner"]
    assert accounts.keys() == {"bai-runner", "bai-steps"}
    assert not any(account["automountServiceAccountToken"] for account in accounts.values())


def test_the_runner_has_exactly_the_rights_that_calrissian_uses(render):
    (role,) = [manifest for manifest in render("bai-chart") if manifest["kind"] == "Role"]
    rules = {rule["resources"][0]: rule["verbs"] for rule in role["rules"]}
    assert rules == {"pods": ["create", "delete", "list", "watch"], "pods/log": ["get"]}


def test_pull_secrets_reach_the_runner_and_both_accounts(render):
    objects = render("bai-chart", {"imagePullSecrets": [{"name": "pull"}]}, release="bai")
    assert objects == render("bai-chart", {"imagePullSecrets": ["pull"]}, release="bai")
    assert step_pod(render, imagePullSecrets=["pull"])["spec"]["imagePullSecrets"] == [{"name": "pull"}]
    holders = [manifest for manifest in objects if manifest["kind"] == "ServiceAccount"]
    holders += [manifest["spec"] for manifest in objects if manifest["kind"] == "Pod"]
    assert len(holders) == 3
    assert all(manifest["imagePullSecrets"] == [{"name": "pull"}] for manifest in holders)


def test_the_volume_is_kept_unless_told_otherwise(render):
    def claim(**storage):
        (found,) = [
            manifest
            for manifest in render("bai-chart", {"storage": storage})
            if manifest["kind"] == "PersistentVolumeClaim"
        ]
        return found

    assert claim()["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    assert claim()["spec"]["accessModes"] == ["ReadWriteMany"]
    assert "annotations" not in claim(keep=False)["metadata"]
    assert "storageClassName" not in claim()["spec"]
    assert claim(storageClass="")["spec"]["storageClassName"] == ""


def test_an_existing_claim_is_used_and_none_made(render):
    objects = render("bai-chart", {"storage": {"existingClaim": "shared"}, "job": {"enabled": True}})
    assert not [manifest for manifest in objects if manifest["kind"] == "PersistentVolumeClaim"]
    (job,) = [manifest for manifest in objects if manifest["kind"] == "Job"]
    assert "claimName: shared" in yaml.safe_dump(job)


def test_steps_are_told_where_to_run_and_with_what(render):
    steps = {
        "nodeSelector": {"pool": "processing"},
        "tolerations": [{"key": "dedicated", "operator": "Exists"}],
        "affinity": {"podAntiAffinity": {}},
        "priorityClassName": "low",
        "runtimeClassName": "gvisor",
        "env": [{"name": "HTTPS_PROXY", "value": "http://proxy:3128"}],
        "extraVolumes": [{"name": "ca", "configMap": {"name": "company"}}],
        "extraVolumeMounts": [{"name": "ca", "mountPath": "/etc/company"}],
    }
    said = step_pod(render, steps=steps)
    placed = ("nodeSelector", "tolerations", "affinity", "priorityClassName", "runtimeClassName")
    assert said["spec"] == {key: steps[key] for key in placed} | {"volumes": steps["extraVolumes"]}
    assert said["container"] == {"env": steps["env"], "volumeMounts": steps["extraVolumeMounts"]}


def test_no_pod_asks_for_a_user_when_the_values_say_so(render):
    nulls = {"runAsUser": None, "runAsGroup": None, "fsGroup": None}
    values = {"podSecurityContext": nulls, "job": {"enabled": True}}
    objects = render("bai-chart", values, release="bai")
    pods = [manifest["spec"] for manifest in objects if manifest["kind"] == "Pod"]
    pods += [manifest["spec"]["template"]["spec"] for manifest in objects if manifest["kind"] == "Job"]
    pods.append(step_pod(render, podSecurityContext=nulls))
    assert len(pods) == 3
    for pod in pods:
        assert not pod["securityContext"].keys() & nulls.keys()
        assert pod["securityContext"]["runAsNonRoot"]


def test_the_gateways_authority_reaches_runner_and_steps(render):
    gateway = {"certificate": {"secretName": "cert", "key": "ca.crt"}}
    entry = {"name": "SSL_CERT_FILE", "value": "/etc/gateway-certificate/ca.crt"}
    said = step_pod(render, gateway=gateway)
    assert said["container"]["env"] == [entry]
    (volume,) = said["spec"]["volumes"]
    assert volume["secret"]["items"] == [{"key": "ca.crt", "path": "ca.crt"}]
    job = json.loads(data_of(render("bai-chart", {"gateway": gateway}, release="bai"), "bai-job")["job.json"])
    assert entry in job["spec"]["template"]["spec"]["containers"][0]["env"]
    assert volume in job["spec"]["template"]["spec"]["volumes"]


def test_jobs_of_a_queue_are_created_suspended(render):
    values = {"job": {"enabled": True, "queue": "eo"}}
    (job,) = [manifest for manifest in render("bai-chart", values) if manifest["kind"] == "Job"]
    assert job["spec"]["suspend"] is True
    assert job["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "eo"
    assert "kueue.x-k8s.io/queue-name" not in job["spec"]["template"]["metadata"]["labels"]


def test_a_limit_of_running_jobs_is_a_quota_that_counts_runners_alone(render):
    objects = render("bai-chart", {"job": {"enabled": True, "maxRunning": 3}}, release="bai")
    (quota,) = [manifest for manifest in objects if manifest["kind"] == "ResourceQuota"]
    assert quota["spec"] == {"scopes": ["Terminating"], "hard": {"pods": "3"}}
    (job,) = [manifest for manifest in objects if manifest["kind"] == "Job"]
    assert job["spec"]["template"]["spec"]["activeDeadlineSeconds"] > 0
    unlimited = render("bai-chart", {"job": {"enabled": True}}, release="bai")
    assert not [manifest for manifest in unlimited if manifest["kind"] == "ResourceQuota"]
    (job,) = [manifest for manifest in unlimited if manifest["kind"] == "Job"]
    assert "activeDeadlineSeconds" not in job["spec"]["template"]["spec"]


def test_the_job_says_that_its_runner_was_evicted_after_the_pod_is_gone(render):
    (job,) = [found for found in render("bai-chart", {"job": {"enabled": True}}) if found["kind"] == "Job"]
    rule = {"action": "FailJob", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}
    assert job["spec"]["podFailurePolicy"] == {"rules": [rule]}


def test_the_admission_policy_knows_the_secrets_and_volumes_of_the_values(render):
    values = {
        "admissionPolicy": {"enabled": True},
        "gateway": {"passwordSecret": {"name": "auth"}},
        "steps": {"extraVolumes": [{"name": "d", "persistentVolumeClaim": {"claimName": "data"}}]},
    }
    objects = render("bai-chart", values, release="bai", namespace="ns")
    (policy,) = [manifest for manifest in objects if manifest["kind"] == "ValidatingAdmissionPolicy"]
    (binding,) = [manifest for manifest in objects if manifest["kind"] == "ValidatingAdmissionPolicyBinding"]
    for admission_object in (policy, binding):
        kubernetes_validate.validate(admission_object, "1.34", strict=True)
    assert binding["spec"]["policyName"] == policy["metadata"]["name"] == "ns-bai-steps"
    text = json.dumps(policy["spec"])
    assert "['auth']" in text
    assert "['bai-data','data']" in text
    assert "system:serviceaccount:ns:bai-runner" in text


def test_the_admission_policy_is_refused_where_kubernetes_has_none(render):
    with pytest.raises(Exception, match=r"1\.30 or newer is needed"):
        render("bai-chart", {"admissionPolicy": {"enabled": True}}, "--kube-version", "1.29.0")


def test_a_release_without_helm_has_no_test(helm3):
    text = helm3.run("template", "bai", str(CHARTS / "bai-chart"))
    assert "kind: Pod\n" not in text
    text = helm3.run("template", "dask-gateway", str(CHARTS / "dask-gateway"))
    assert "helm.sh/hook" not in text
