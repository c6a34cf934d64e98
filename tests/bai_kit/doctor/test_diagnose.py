"""Test what doctor finds in incomplete namespaces, and the command that fixes each finding."""

import json
import shlex

import pytest

from bai_kit.doctor import probes as probes_module
from bai_kit.doctor.diagnose import diagnose
from bai_kit.doctor.findings import Finding, Level
from bai_kit.doctor.probes import CLUSTER_OPTIONS, Probe
from bai_kit.errors import SetupError
from tests.bai_kit.fakes import FakeKube, job_template

GATEWAY = {"address": "http://gw", "options": dict.fromkeys(CLUSTER_OPTIONS), "server": "2026.3.0"}
RUNNER = Probe("reg/runner:1", versions={"python": "3.11", "dask-gateway": "2026.3.0"}, gateway=GATEWAY)
STEP = Probe("reg/bai:1", versions={"dask-gateway": "2026.3.0"})


class Helm:
    def version(self):
        return "3.19.0"


class Namespace(FakeKube):
    server = "https://api"
    context = "home"

    def user(self):
        return "eric's"

    def __init__(self):
        labels = {"app.kubernetes.io/part-of": "bai-kit", "app.kubernetes.io/instance": "bai"}
        job = {"metadata": {"name": "bai-job", "labels": labels}, "data": {"job.json": json.dumps(job_template())}}
        claim = {
            "metadata": {"name": "bai-data"},
            "spec": {"storageClassName": "fast", "accessModes": ["ReadWriteMany"]},
            "status": {"phase": "Bound"},
        }
        restricted = {"pod-security.kubernetes.io/enforce": "restricted"}
        super().__init__(
            ("configmaps", job),
            ("persistentvolumeclaims", claim),
            ("namespaces", {"metadata": {"name": "ns", "labels": restricted}}),
            ("validatingadmissionpolicies", {"metadata": {"name": "ns-bai-steps", "labels": labels}}),
            ("nodes", {"metadata": {"name": "a"}}),
            ("nodes", {"metadata": {"name": "b"}}),
        )

    def version(self):
        return "v1.34.4"


def look(kube, monkeypatch, *, probes=(RUNNER, STEP), helm=None):
    monkeypatch.setattr(probes_module, "run_probes", lambda *_: list(probes))
    return diagnose(kube, helm or Helm())


def only_bad(found):
    return [(finding.check, finding.level) for finding in found.findings if finding.level is not Level.OK]


def test_nothing_is_broken_where_nothing_is(monkeypatch):
    found = look(Namespace(), monkeypatch)
    assert only_bad(found) == []
    assert found.command_exit_code == 0
    assert [finding.fix for finding in found.findings if finding.fix] == []


def no_claim(kube):
    del kube.objects["persistentvolumeclaims", "bai-data"]


def lost_claim(kube):
    kube.objects["persistentvolumeclaims", "bai-data"]["status"]["phase"] = "Lost"


def pending_claim(kube):
    kube.objects["persistentvolumeclaims", "bai-data"]["status"]["phase"] = "Pending"


def one_writer(kube):
    kube.objects["persistentvolumeclaims", "bai-data"]["spec"]["accessModes"] = ["ReadWriteOnce"]


def no_rights(kube):
    kube.forbidden = {("create", "jobs")}


def no_admission_policy(kube):
    del kube.objects["validatingadmissionpolicies", "ns-bai-steps"]


def admission_policy_of_another_namespace(kube):
    kube.objects["validatingadmissionpolicies", "ns-bai-steps"]["metadata"]["name"] = "other-bai-steps"


def no_rights_to_deploy(kube):
    kube.forbidden = {("create", "deployments")}


def full_quota(kube):
    status = {"hard": {"pods": "10", "limits.memory": "4Gi"}, "used": {"pods": "9", "limits.memory": "1024Mi"}}
    kube.objects["resourcequotas", "q"] = {"metadata": {"name": "q"}, "status": status}


def no_pod_security(kube):
    kube.objects["namespaces", "ns"]["metadata"]["labels"] = {}


def no_definitions(kube):
    kube.groups, kube.forbidden = set(), {("create", "customresourcedefinitions")}


def definitions_that_may_not_be_read(kube):
    kube.forbidden = {("get", "customresourcedefinitions")}


def no_namespace(kube):
    del kube.objects["namespaces", "ns"]


def old_kubernetes(kube):
    kube.version = lambda: "v1.28.9"


@pytest.mark.parametrize(
    ("harm", "check", "level", "fix"),
    [
        (no_claim, "volume", Level.BROKEN, "bai-kit deploy"),
        (lost_claim, "volume", Level.BROKEN, "describe pvc bai-data"),
        (pending_claim, "volume", Level.BROKEN, "describe pvc bai-data"),
        (one_writer, "volume", Level.WARNING, "--set bai.storage.accessMode=ReadWriteMany"),
        (no_admission_policy, "admission", Level.WARNING, "--set bai.admissionPolicy.enabled=true"),
        (admission_policy_of_another_namespace, "admission", Level.WARNING, "bai.admissionPolicy.enabled"),
        (no_rights_to_deploy, "deploy", Level.WARNING, '"name": "bai-kit-user"'),
        (no_rights, "permissions", Level.BROKEN, '"name": "bai-kit-user"'),
        (no_definitions, "custom resources", Level.WARNING, "createCRDs=false  # after an administrator"),
        (definitions_that_may_not_be_read, "custom resources", Level.WARNING, "dask-gateway.createCRDs=false"),
        (full_quota, "quota", Level.WARNING, "describe quota"),
        (no_pod_security, "pod security", Level.WARNING, "enforce=restricted"),
        (no_namespace, "namespace", Level.BROKEN, "bai-kit deploy"),
        (old_kubernetes, "kubernetes", Level.BROKEN, ""),
    ],
)
def test_what_is_missing_is_found_with_the_command_that_fixes_it(harm, check, level, fix, monkeypatch):
    kube = Namespace()
    harm(kube)
    found = look(kube, monkeypatch)
    assert only_bad(found) == [(check, level)]
    (bad,) = [finding for finding in found.findings if finding.level is not Level.OK]
    assert fix in bad.fix
    assert found.command_exit_code == (3 if level is Level.BROKEN else 0)


def test_a_volume_that_waits_for_its_first_pod_is_well(monkeypatch):
    kube = Namespace()
    pending_claim(kube)
    kube.objects["storageclasses", "fast"] = {"metadata": {"name": "fast"}, "volumeBindingMode": "WaitForFirstConsumer"}
    assert only_bad(look(kube, monkeypatch)) == []


def test_one_writer_is_enough_on_one_node(monkeypatch):
    kube = Namespace()
    one_writer(kube)
    del kube.objects["nodes", "b"]
    assert only_bad(look(kube, monkeypatch)) == []


def test_an_api_that_is_away_ends_the_visit(monkeypatch):
    kube = Namespace()

    def away():
        raise SetupError("cannot be reached", hint="kubectl cluster-info")

    kube.version = away
    found = look(kube, monkeypatch)
    assert [finding.check for finding in found.findings] == ["helm", "kubernetes"]
    assert found.findings[-1].fix == "kubectl cluster-info"


def test_a_missing_helm_is_broken_and_the_visit_goes_on(monkeypatch):
    class NoHelm:
        def version(self):
            raise SetupError("helm is not here", hint="install it")

    found = look(Namespace(), monkeypatch, helm=NoHelm())
    assert only_bad(found) == [("helm", Level.BROKEN)]


def test_a_missing_release_leads_to_deploy(monkeypatch):
    kube = Namespace()
    del kube.objects["configmaps", "bai-job"]
    found = look(kube, monkeypatch)
    assert found.findings[-1] == Finding("release", Level.BROKEN, found.findings[-1].detail, "bai-kit deploy")


@pytest.mark.parametrize(
    ("probes", "bad"),
    [
        ([Probe("reg/runner:1", "ImagePullBackOff"), STEP], [("image", Level.BROKEN)]),
        (
            [Probe("r", versions={}, gateway={"address": "a", "error": "OSError: no"}), STEP],
            [("gateway", Level.BROKEN)],
        ),
        (
            [Probe("r", versions={"dask-gateway": "2026.3.0"}, gateway=GATEWAY | {"options": {"image": ""}}), STEP],
            [("gateway", Level.BROKEN)],
        ),
        ([RUNNER, Probe("reg/bai:1", versions={"dask-gateway": "2025.1.0"})], [("versions", Level.WARNING)]),
        ([RUNNER, Probe("reg/bai:1", versions={})], [("versions", Level.WARNING)]),
    ],
)
def test_what_the_probes_say_is_judged(probes, bad, monkeypatch):
    assert only_bad(look(Namespace(), monkeypatch, probes=probes)) == bad


def test_without_probes_images_and_gateway_are_unknown_and_no_pod_is_made():
    kube = Namespace()
    found = diagnose(kube, Helm(), probe=False)
    assert only_bad(found) == [("images, gateway", Level.UNKNOWN)]
    assert ("create", "pods") not in kube.calls


def test_all_missing_rights_are_granted_by_one_command_to_this_very_user(monkeypatch):
    kube = Namespace()
    kube.forbidden = {("create", "jobs"), ("list", "jobs"), ("get", "pods")}
    (bad,) = [finding for finding in look(kube, monkeypatch).findings if finding.level is Level.BROKEN]
    echo, manifest, *rest = shlex.split(bad.fix, comments=True)
    role, binding = json.loads(manifest)["items"]
    assert (echo, rest) == ("echo", ["|", "kubectl", "apply", "-f", "-"])
    assert role["rules"] == [
        {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["create", "list"]},
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]},
        {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]},
    ]
    assert binding["subjects"][0]["name"] == "eric's"
    assert binding["roleRef"]["name"] == role["metadata"]["name"]


def test_one_question_that_is_refused_does_not_lose_the_other_answers(monkeypatch):
    kube = Namespace()
    full_quota(kube)

    def refuse(_):
        raise SetupError("no right to get persistentvolumeclaims", hint="bai-kit doctor")

    kube.hooks["get", "persistentvolumeclaims"] = refuse
    found = look(kube, monkeypatch)
    assert only_bad(found) == [("quota", Level.WARNING), ("volume", Level.UNKNOWN)]
    assert "image" in [finding.check for finding in found.findings]


def test_the_context_is_named(monkeypatch):
    assert "context home, namespace ns" in look(Namespace(), monkeypatch).findings[1].detail
