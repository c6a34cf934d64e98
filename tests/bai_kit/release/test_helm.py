"""Test the Helm adapter: real Helm if no cluster is needed, otherwise a program that prints Helm's answers."""

import pytest

from bai_kit.errors import HelmError, SetupError, ValuesError
from bai_kit.release.helm import Helm
from bai_kit.release.plan import charts_home
from tests.charts.helm_wheels import ensure

CHART = charts_home() / "bai-chart"


@pytest.fixture(params=["helm3", "helm4"])
def helm(request):
    return Helm("eric", executable=str(ensure(request.param) / "helm"), kubeconfig="/dev/null")


@pytest.fixture
def saying(tmp_path):
    """Return a Helm that answers every command with this text and exit code."""

    def make(stderr="", code=1, stdout=""):
        (tmp_path / "out").write_text(stdout)
        (tmp_path / "err").write_text(stderr)
        script = tmp_path / "helm"
        script.write_text(
            f'#!/bin/sh\necho "$@" >> {tmp_path}/calls\ncat {tmp_path}/out\ncat {tmp_path}/err >&2\nexit {code}\n'
        )
        script.chmod(0o755)
        return Helm("eric", executable=str(script), context="ctx")

    make.calls = tmp_path / "calls"
    return make


def test_both_majors_render_the_chart_and_values_reach_it(helm):
    assert helm.version().partition(".")[0] in {"3", "4"}
    objects = helm.render("fire", CHART, {"storage": {"keep": False, "size": "7Gi"}})
    (claim,) = [manifest for manifest in objects if manifest["kind"] == "PersistentVolumeClaim"]
    assert claim["metadata"]["name"] == "fire-data"
    assert claim["spec"]["resources"]["requests"]["storage"] == "7Gi"


def test_refused_values_are_named_once_each_and_secrets_are_not_shown(helm):
    values = {"runner": {"maxCores": "x"}, "foo": 1, "gateway": {"passwordSecret": {"name": "MY PASSWORD"}}}
    with pytest.raises(ValuesError) as caught:
        helm.render("fire", CHART, values)
    said = caught.value.message
    assert "runner.maxCores: got string, want number" in said
    assert "additional properties 'foo' not allowed" in said
    assert said.count("runner.maxCores") == 1
    assert "MY PASSWORD" not in said


def test_what_a_template_refuses_is_said_in_its_own_words(helm):
    with pytest.raises(ValuesError, match=r"^package.cwl: not a CWL document") as caught:
        helm.render("fire", CHART, {"package": {"cwl": "x"}})
    assert "--debug" not in caught.value.message


def test_an_unreachable_cluster_is_a_fault_of_the_set_up(helm):
    with pytest.raises(SetupError, match="cannot reach Kubernetes"):
        helm.install("fire", CHART, {})


def test_no_helm_and_an_old_one_are_said_with_what_to_do(saying):
    with pytest.raises(SetupError) as caught:
        Helm("eric", executable="no-helm-of-this-name").version()
    assert "BAI_KIT_HELM" in caught.value.hint
    with pytest.raises(SetupError, match=r"helm 3\.9\.4 is too old"):
        saying(code=0, stdout="v3.9.4").version()


@pytest.mark.parametrize(
    ("stderr", "kind", "message"),
    [
        ("Error: UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress", HelmError, "another"),
        ('Error: roles is forbidden: User "eric" cannot create resource', SetupError, "no right"),
        ("Error: dial tcp: no route to host", HelmError, "no route to host"),
        ("WARNING: kubeconfig is group-readable\nError: boom", HelmError, "^helm: boom$"),
    ],
)
def test_helms_words_become_our_errors(saying, stderr, kind, message):
    with pytest.raises(kind, match=message):
        saying(stderr).install("fire", CHART, {})


def test_a_release_that_is_not_there_is_none_and_removing_it_is_nothing(saying):
    helm = saying("Error: release: not found")
    assert helm.current("fire") is None
    assert helm.last_deployed("fire") is None
    helm.uninstall("fire")
    assert "--kube-context ctx" in saying.calls.read_text()


@pytest.mark.parametrize(("values", "limit"), [('{"cleanup": {"timeout": 600}}', "660s"), ("{}", "120s")])
def test_removing_waits_longer_than_the_charts_own_clean_up(saying, values, limit):
    saying(code=0, stdout=values).uninstall("fire")
    assert f"--timeout {limit}" in saying.calls.read_text()
    assert "--no-hooks" not in saying.calls.read_text()
    saying(code=0, stdout=values).uninstall("fire", no_hooks=True)
    assert "--no-hooks" in saying.calls.read_text()


def test_the_revision_to_go_back_to_is_the_last_that_was_whole(saying):
    statuses = ["superseded", "failed", "superseded", "failed", "pending-upgrade"]
    history = ",".join(f'{{"revision": {i + 1}, "status": "{status}"}}' for i, status in enumerate(statuses))
    assert saying(code=0, stdout=f"[{history}]").last_deployed("fire") == 3


def test_a_preview_reads_the_manifest_behind_helms_chatter(saying):
    answer = (
        '{"name": "fire", "version": 2, "info": {"status": "pending-upgrade"}, "manifest": "---\\nkind: A\\n---\\n"}'
    )
    found = saying(code=0, stdout="Pulled: x\n" + answer).preview("fire", CHART, {})
    assert (found.number, found.manifest) == (2, ({"kind": "A"},))
    assert "--dry-run=server" in saying.calls.read_text()
