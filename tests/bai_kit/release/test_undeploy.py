"""Test undeploy: what it removes in which order, what it asks, and what it keeps."""

import pytest

from bai_kit.errors import UsageError, WaitTimeout
from bai_kit.kube import pods
from bai_kit.release.undeploy import undeploy
from bai_kit.settings import Settings
from tests.bai_kit.fake_helm import FakeHelm, claim
from tests.bai_kit.fakes import FakeKube, job_object, pod_object


@pytest.fixture(autouse=True)
def _hurry(monkeypatch):
    monkeypatch.setattr(pods, "POLL_S", 0)


@pytest.fixture
def helm():
    volume = claim()
    volume["metadata"]["annotations"] = {"helm.sh/resource-policy": "keep"}
    kube = FakeKube(("persistentvolumeclaims", volume))
    helm = FakeHelm(kube)
    for name in ("dask-gateway", "bai"):
        helm._add(name, "deployed")
    helm.charts["dask-gateway"] = "dask-gateway-0.1.0"
    return helm


def run(helm, *, purge=False, answer=True):
    asked = []

    def confirm(question):
        asked.append(question)
        return answer

    return undeploy(helm, helm.kube, Settings(), purge=purge, confirm=confirm), asked


def with_running_job(helm):
    helm.kube.objects["jobs", "bai-1"] = job_object(active=1)
    helm.kube.objects["pods", "bai-1-x"] = pod_object(running=True)


def test_bai_goes_before_the_gateway_and_the_volume_stays(helm):
    done, asked = run(helm)
    assert helm.calls == [("uninstall", "bai"), ("uninstall", "dask-gateway")]
    assert (done.releases, done.kept) == (
        ("bai", "dask-gateway"),
        ("volume bai-data with the results (--purge removes it)",),
    )
    assert asked == []


def test_helper_pods_of_killed_commands_are_removed_with_the_release(helm):
    for name, release in (("bai-volume-1", "bai"), ("other-volume-1", "other")):
        labels = {"app.kubernetes.io/part-of": "bai-kit", "bai-kit/role": "volume", "bai-kit/release": release}
        helm.kube.objects["pods", name] = {"metadata": {"name": name, "labels": labels}, "status": {}}
    run(helm, purge=True)
    assert [name for kind, name in helm.kube.objects if kind == "pods"] == ["other-volume-1"]


def test_purge_removes_the_volume_after_asking(helm):
    done, asked = run(helm, purge=True)
    assert asked == ["Remove the volume bai-data with the results of all jobs?"]
    assert done.kept == ()
    assert ("persistentvolumeclaims", "bai-data") not in helm.kube.objects


def test_a_running_job_is_asked_about_and_no_means_no(helm):
    with_running_job(helm)
    with pytest.raises(UsageError, match="nothing was removed"):
        run(helm, answer=False)
    assert helm.calls == []
    assert ("jobs", "bai-1") in helm.kube.objects


def test_jobs_have_ended_before_their_rights_and_gateway_go(helm):
    with_running_job(helm)
    looks = []

    def pod_ends(kube):
        looks.append(list(helm.calls))
        if len(looks) == 4:
            kube.objects.pop(("pods", "bai-1-x"))

    helm.kube.hooks["list", "pods"] = pod_ends
    done, asked = run(helm)
    assert asked == ["End the running jobs bai-1?"]
    assert done.jobs == ("bai-1",)
    assert all(calls == [] for calls in looks[:4])
    assert helm.calls == [("uninstall", "bai"), ("uninstall", "dask-gateway")]


def test_a_job_that_does_not_end_is_named_and_nothing_else_is_removed(helm, monkeypatch):
    with_running_job(helm)
    monkeypatch.setattr(pods.wait_gone, "__kwdefaults__", {"timeout_s": 0})
    with pytest.raises(WaitTimeout, match="bai-1-x"):
        run(helm)
    assert helm.calls == []


def test_a_gateway_that_another_release_uses_stays(helm):
    helm._add("fire", "deployed")
    done, _ = run(helm)
    assert helm.calls == [("uninstall", "bai")]
    assert done.kept[0] == "release dask-gateway: release fire uses it"


def test_the_pod_that_helm_test_leaves_goes_too(helm):
    labels = {"app.kubernetes.io/instance": "dask-gateway"}
    helm.kube.objects["pods", "dask-gateway-test"] = {"metadata": {"name": "dask-gateway-test", "labels": labels}}
    run(helm)
    assert ("pods", "dask-gateway-test") not in helm.kube.objects


def test_nothing_installed_is_no_error():
    done, _ = run(FakeHelm(FakeKube()))
    assert (done.releases, done.kept) == ((), ())
    assert done.__rich__() == "nothing was installed"


def test_a_volume_that_goes_with_the_release_is_asked_about(helm):
    del helm.kube.objects["persistentvolumeclaims", "bai-data"]["metadata"]["annotations"]
    with pytest.raises(UsageError, match="undeploy would remove the volume bai-data with the results"):
        run(helm, answer=False)
    assert helm.calls == []


def test_somebodys_cluster_is_asked_about_and_not_where_the_gateway_stays(helm):
    spec = {"username": "eric", "replicas": 0, "options": {}}
    metadata = {"name": "abc", "namespace": "ns", "creationTimestamp": "2026-11-22T10:00:00Z"}
    helm.kube.objects["daskclusters", "abc"] = {"metadata": metadata, "spec": spec, "status": {"phase": "Running"}}
    with pytest.raises(UsageError, match=r"undeploy would end the Dask clusters ns\.abc of eric"):
        run(helm, answer=False)
    helm._add("fire", "deployed")
    assert run(helm)[1] == []
