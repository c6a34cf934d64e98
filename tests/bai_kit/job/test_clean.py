"""Test which leftovers `clean` finds, and that it does not touch running jobs."""

from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from bai_kit.cluster import Cluster
from bai_kit.errors import NotOnVolume, RemoteError, UsageError
from bai_kit.job import clean
from bai_kit.job.clean import (
    abandoned,
    dead_clusters,
    dead_pods,
    dead_temporary,
    delete_job,
    find_leftovers,
)
from bai_kit.job.state import view
from bai_kit.job.template import Template
from bai_kit.job.volume import Folder
from tests.bai_kit.fakes import FakeKube, job_object, job_template, pod_object

LIVING = view(job_object("living", active=1), None)
OVER = view(job_object("over", conditions=[("Failed", "")]), None)


def pod(name, job, label, phase="Running", cluster=None):
    found = pod_object(name, job, phase=phase)
    found["metadata"]["labels"][label] = "x"
    if cluster:
        found["spec"]["containers"][0]["env"] = [{"name": "DASK_GATEWAY_CLUSTER", "value": cluster}]
    return found


def test_step_pods_of_dead_jobs_and_helpers_that_ended_are_dead():
    pods = [
        pod("a", "living", "bai-kit/step"),
        pod("b", "over", "bai-kit/step"),
        pod("c", "gone", "bai-kit/step"),
        pod("d", "living", "bai-kit/role"),
        pod("e", "gone", "bai-kit/role", phase="Failed"),
        pod_object("runner", "living"),
    ]
    created = datetime(2026, 11, 22, 10, 0, 1, tzinfo=UTC).timestamp()
    assert dead_pods(pods, [LIVING, OVER], created + 60) == ["b", "c", "e"]
    assert dead_pods(pods, [LIVING, OVER], created + 7300) == ["b", "c", "d", "e"]


def dask(name, *, minute=5, user="ns.bai", phase="Running"):
    created = datetime(2026, 11, 22, 10, minute, tzinfo=UTC)
    return Cluster(name=name, namespace="ns", user=user, phase=phase, workers=2, created=created, image="")


@pytest.mark.parametrize(
    ("cluster", "pods", "jobs", "is_dead"),
    [
        (dask("a"), [], [], True),
        (dask("a"), [], [OVER], True),
        (dask("a", user="somebody"), [], [], False),
        (dask("a", phase="Stopped"), [], [], False),
        # May be claimed by a job whose step is not there yet.
        (dask("a"), [], [LIVING], False),
        # Older than every living job, so of none of them.
        (dask("a", minute=0), [], [view(job_object("later", active=1) | {}, None)], False),
        (dask("a"), [pod("p", "over", "bai-kit/step", cluster="ns.a")], [OVER], False),
        (dask("a"), [pod("p", "over", "bai-kit/step", cluster="ns.a", phase="Failed")], [OVER], True),
    ],
)
def test_a_cluster_is_dead_when_no_living_job_can_have_claimed_it(cluster, pods, jobs, is_dead):
    assert dead_clusters([cluster], pods, jobs, "ns.bai") == ([cluster] if is_dead else [])


def test_a_cluster_older_than_every_living_job_is_dead():
    old = Cluster("a", "ns", "ns.bai", "Running", 2, datetime(2026, 11, 22, 9, 0, tzinfo=UTC), "")
    assert dead_clusters([old], [], [LIVING], "ns.bai") == [old]


def folder(job, *, has_tmp=True, mtime=0.0):
    return Folder(job, bytes=10, temporary_bytes=7, has_tmp=has_tmp, mtime=mtime)


def test_temporary_files_of_living_jobs_stay():
    folders = [folder("living"), folder("over", mtime=9_999.0), folder("gone"), folder("tidy", has_tmp=False)]
    assert dead_temporary(folders, [LIVING, OVER], 10_000.0) == {"over": 7, "gone": 7}


def test_a_young_folder_of_no_known_job_is_left_alone():
    folders = [folder("young", mtime=7_000.0), folder("old", mtime=6_000.0)]
    assert dead_temporary(folders, [], 10_000.0) == {"old": 7}
    assert [left.job for left in abandoned(folders, [], 10_000.0)] == ["old"]


class OneVolume:
    """A volume with folders; removing one raises `refusal`, if there is any."""

    def __init__(self, *names, refusal=None):
        self.names, self.refusal, self.removed = names, refusal, []

    @contextmanager
    def opened(self, *_, **__):
        yield self

    def folders(self):
        return [folder(name) for name in self.names]

    def remove(self, job, **_):
        if self.refusal:
            raise self.refusal
        self.removed.append(job)


TEMPLATE = Template("bai", job_template(), None)


def test_folders_of_another_releases_living_job_on_the_same_volume_are_left_alone(monkeypatch):
    monkeypatch.setattr(clean, "open_volume", OneVolume("theirs", "gone").opened)
    found = find_leftovers(FakeKube(("jobs", job_object("theirs", active=1, release="fire"))), TEMPLATE)
    assert (found.temporary, found.unknown_folders) == ({"gone": 7}, {"gone": 10})


@pytest.mark.parametrize("refusal", [None, NotOnVolume("/calrissian/one does not exist")])
def test_a_job_is_deleted_with_or_without_its_folder(monkeypatch, refusal):
    kube = FakeKube(("jobs", job_object("one")))
    monkeypatch.setattr(clean, "open_volume", OneVolume(refusal=refusal).opened)
    delete_job(kube, TEMPLATE, "one")
    assert kube.objects == {}


def test_a_folder_that_cannot_be_removed_is_an_error(monkeypatch):
    monkeypatch.setattr(clean, "open_volume", OneVolume(refusal=RemoteError("PermissionError: tmp")).opened)
    with pytest.raises(RemoteError, match="PermissionError"):
        delete_job(FakeKube(("jobs", job_object("one"))), TEMPLATE, "one")


def test_a_job_that_is_not_ours_is_not_deleted(monkeypatch):
    foreign = {"metadata": {"name": "nightly", "labels": {}}, "spec": {}, "status": {}}
    kube = FakeKube(("jobs", foreign))
    monkeypatch.setattr(
        clean, "open_volume", OneVolume(refusal=NotOnVolume("/calrissian/nightly does not exist")).opened
    )
    with pytest.raises(UsageError, match="no job nightly"):
        delete_job(kube, TEMPLATE, "nightly")
    assert ("jobs", "nightly") in kube.objects


def test_the_gateways_user_is_the_runners():
    assert Template("bai", job_template(), None).gateway_user == "ns.bai"
