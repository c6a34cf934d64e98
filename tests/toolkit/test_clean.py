"""What counts as left behind, and that nothing living is touched."""

from datetime import UTC, datetime

import pytest

from bai_kit.clean import dead_clusters, dead_pods, dead_temporary, gateway_user
from bai_kit.cluster import Cluster
from bai_kit.job import view
from bai_kit.template import Template
from bai_kit.volume import Folder
from tests.toolkit.fakes import job_object, job_template, pod_object

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
    assert dead_pods(pods, [LIVING, OVER]) == ["b", "c", "e"]


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


def test_temporary_files_of_living_jobs_stay():
    def folder(job, has_tmp):
        return Folder(job, bytes=10, temporary_bytes=7, files=1, has_tmp=has_tmp, mtime=0.0)

    folders = [folder("living", True), folder("over", True), folder("gone", True), folder("tidy", False)]
    assert dead_temporary(folders, [LIVING, OVER]) == {"over": 7, "gone": 7}


def test_the_gateways_user_is_the_runners():
    assert gateway_user(Template("bai", job_template(), None)) == "ns.bai"
