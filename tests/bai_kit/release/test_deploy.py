"""Test that a deploy installs both releases or neither."""

import logging
from pathlib import Path

import pytest

from bai_kit.errors import HelmError, SetupError, WaitTimeout
from bai_kit.release import deploy as module
from bai_kit.release.deploy import deploy, ensure_namespace
from bai_kit.release.helm_errors import BusyError
from bai_kit.release.live import LogLines
from bai_kit.release.plan import Release
from tests.bai_kit.fake_helm import FakeHelm, claim, deployment, pod
from tests.bai_kit.fakes import FakeKube

RELEASES = [Release("dask-gateway", Path("dask-gateway"), {}), Release("bai", Path("bai-chart"), {})]


@pytest.fixture(autouse=True)
def _hurry(monkeypatch):
    monkeypatch.setattr(module, "POLL_S", 0)


@pytest.fixture
def kube():
    return FakeKube(("namespaces", {"metadata": {"name": "ns"}}))


@pytest.fixture
def helm(kube):
    return FakeHelm(kube, {"dask-gateway": [deployment()], "bai": [claim()]})


def run(helm, releases=RELEASES, *, timeout_s=60.0, show=lambda _: None, **options):
    return deploy(helm, helm.kube, releases, timeout_s=timeout_s, show=show, **options)


def broken(helm):
    helm.objects["dask-gateway"] = [deployment(available=0, conditions=[("ReplicaFailure", "quota exceeded")])]
    helm.kube.objects.pop(("deployments", "api"), None)


def test_both_releases_are_installed_in_order_and_waited_for(helm):
    seen = []
    done = run(helm, show=seen.append)
    assert helm.calls == [("install", "dask-gateway"), ("install", "bai")]
    assert [(release.name, release.revision) for release in done.releases] == [("dask-gateway", 1), ("bai", 1)]
    assert {workload.name for workload in seen[-1]} == {"api", "bai-data"}


def test_it_waits_until_the_last_workload_is_ready(helm):
    helm.objects["dask-gateway"] = [deployment(available=0)]
    looks = []

    def show(workloads):
        looks.append(workloads[0].ready)
        if len(looks) == 3:
            helm.kube.objects["deployments", "api"] = deployment()

    run(helm, show=show)
    assert looks == [0, 0, 0, 1]


def test_a_first_install_that_fails_is_removed_whole(helm):
    broken(helm)
    with pytest.raises(HelmError) as caught:
        run(helm)
    assert caught.value.message == (
        "deployment api has 0 of 1 ready: Kubernetes refuses its pods: quota exceeded; "
        "removed release bai; removed release dask-gateway"
    )
    assert helm.history == {}


def test_a_volume_that_outlives_its_release_is_named(helm):
    broken(helm)
    helm.objects["bai"][0]["metadata"]["annotations"] = {"helm.sh/resource-policy": "keep"}
    with pytest.raises(HelmError, match=r"removed release bai, not its volume bai-data; removed release dask-gateway$"):
        run(helm)


def test_an_upgrade_that_fails_goes_back_to_where_it_was(helm):
    run(helm)
    broken(helm)
    with pytest.raises(HelmError, match="rolled release bai back to revision 1; rolled release dask-gateway back to"):
        run(helm)
    assert helm.calls[-2:] == [("rollback", "bai", 1), ("rollback", "dask-gateway", 1)]


def test_what_failed_can_be_kept_to_look_at(helm):
    broken(helm)
    with pytest.raises(HelmError, match="kept as it is"):
        run(helm, keep_failed=True)
    assert helm.history.keys() == {"dask-gateway", "bai"}


def test_helm_refusing_the_second_release_takes_the_first_back_too(helm):
    helm.fails["bai"] = SetupError("helm has no right to do this: roles", hint="bai-kit doctor")
    with pytest.raises(SetupError, match="no right") as caught:
        run(helm)
    assert helm.calls[2:] == [("uninstall", "bai", "no hooks"), ("uninstall", "dask-gateway", "no hooks")]
    assert caught.value.hint == "bai-kit doctor"


def test_a_rollback_that_fails_too_does_not_hide_the_reason(helm):
    broken(helm)

    def refuse(name, **_):
        raise HelmError("no")

    helm.uninstall = refuse
    with pytest.raises(HelmError, match="quota exceeded; release bai could not be rolled back: no; release dask-g"):
        run(helm)


def test_patience_ends_and_the_state_is_said(helm):
    helm.objects["dask-gateway"] = [deployment(available=0)]
    helm.kube.objects["pods", "api-1"] = pod()
    with pytest.raises(WaitTimeout, match="after 0 s deployment api has 0 of 1 ready: started, not ready yet; removed"):
        run(helm, timeout_s=0)


def test_the_last_lines_of_what_failed_are_logged(helm, caplog):
    helm.objects["dask-gateway"] = [deployment(available=0)]
    helm.kube.objects["pods", "api-1"] = pod(waiting="InvalidImageName")
    helm.kube.logs["api-1"] = [b"2026-11-22T10:00:00Z no such file"]
    with caplog.at_level(logging.ERROR, "bai_kit"), pytest.raises(HelmError, match="InvalidImageName"):
        run(helm)
    assert "api-1: no such file" in caplog.text


def test_a_first_install_that_failed_before_is_cleared_away(helm):
    helm._add("bai", "failed")
    run(helm)
    assert helm.calls[1:] == [("uninstall", "bai", "no hooks"), ("install", "bai")]


def test_another_deploy_is_waited_for(helm, caplog):
    helm._add("bai", "pending-upgrade")
    looks = []

    def current(name, real=helm.current):
        looks.append(name)
        if looks.count("bai") == 3:
            helm.history["bai"].pop()
        return real(name)

    helm.current = current
    with caplog.at_level(logging.INFO, "bai_kit"):
        run(helm)
    assert caplog.text.count("release bai is pending-upgrade: waiting for another deploy") == 1
    assert [call for call in helm.calls if call[0] == "install"] == [("install", "dask-gateway"), ("install", "bai")]


def test_another_deploy_that_began_in_between_is_waited_for_too(helm):
    real, busy = helm.install, [BusyError("another operation is in progress")]

    def install(*words, **options):
        if busy:
            raise busy.pop()
        return real(*words, **options)

    helm.install = install
    assert len(run(helm).releases) == 2


def test_a_deploy_that_never_ends_is_named_with_the_way_out(helm):
    helm._add("dask-gateway", "pending-install")
    with pytest.raises(WaitTimeout, match="dask-gateway is pending-install for 0 s") as caught:
        run(helm, timeout_s=0)
    assert caught.value.hint.startswith("bai-kit undeploy")
    assert helm.calls == []


def test_a_rollback_leaves_what_another_deploy_made(helm):
    run(helm)
    helm.objects["dask-gateway"] = [deployment(available=0, conditions=[("ReplicaFailure", "quota exceeded")])]
    helm.kube.objects.pop(("deployments", "api"), None)

    def show(_):
        if helm.labels["bai"] != "another":
            helm._add("bai", "deployed")
            helm.labels["bai"] = "another"

    with pytest.raises(HelmError, match="release bai is at revision 3 of another deploy and stays there; rolled rel"):
        run(helm, show=show)
    assert ("rollback", "bai", 1) not in helm.calls


def test_a_namespace_that_the_failed_deploy_made_goes_with_it(helm):
    broken(helm)
    with pytest.raises(HelmError, match="removed release dask-gateway; removed namespace ns"):
        run(helm, new_namespace=True)
    assert ("namespaces", "ns") not in helm.kube.objects


def test_ctrl_c_says_what_state_is_left(helm, caplog):
    def show(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(helm, show=show)
    assert "release dask-gateway: revision 1 is deployed" in caplog.text
    assert "run the same deploy again" in caplog.text
    assert len(helm.history) == 2


def test_a_namespace_is_made_restricted_and_an_existing_one_is_left_alone(kube):
    assert ensure_namespace(kube, "restricted") is False
    fresh = FakeKube(namespace="new")
    assert ensure_namespace(fresh, "restricted") is True
    labels = fresh.objects["namespaces", "new"]["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


def test_who_may_not_look_at_namespaces_has_been_given_one():
    kube = FakeKube(namespace="given")
    kube.forbidden.add(("get", "namespaces"))
    assert ensure_namespace(kube, "restricted") is False
    assert kube.objects == {}


def test_a_line_is_logged_only_when_a_workload_changes(helm, caplog):
    helm.objects["dask-gateway"] = [deployment(available=0)]
    lines, looks = LogLines(), []

    def show(workloads):
        lines(workloads)
        looks.append(1)
        if len(looks) == 4:
            helm.kube.objects["deployments", "api"] = deployment()

    with caplog.at_level(logging.INFO, "bai_kit.release.live"):
        run(helm, show=show)
    said = [record.message for record in caplog.records if record.name == "bai_kit.release.live"]
    assert said == ["deployment api: 0/1 ready, no pods yet", "volume bai-data: ready", "deployment api: ready"]
