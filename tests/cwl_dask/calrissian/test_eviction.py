"""Test how a stopped runner's pod is recognised."""

from types import SimpleNamespace

import pytest
from kubernetes import client

from cwl_dask.calrissian import eviction

DISRUPTION = client.V1PodCondition(type="DisruptionTarget", status="True", reason="EvictionByEvictionAPI")
READY = client.V1PodCondition(type="Ready", status="False")


@pytest.fixture
def pods(monkeypatch):
    found = []
    monkeypatch.setenv("CALRISSIAN_POD_NAME", "job-1-abcde")
    monkeypatch.setattr(eviction.api, "connect", lambda: "fire")

    def answer(_, namespace, **how):
        assert (namespace, how["field_selector"]) == ("fire", "metadata.name=job-1-abcde")
        if found == ["away"]:
            raise client.exceptions.ApiException(status=503)
        return SimpleNamespace(items=found)

    monkeypatch.setattr(eviction.client.CoreV1Api, "list_namespaced_pod", answer)
    return found


@pytest.mark.parametrize(
    ("deleted", "conditions", "evicted"),
    [
        ("2026-01-01", [READY], False),  # bai-kit cancel, a deadline
        ("2026-01-01", None, False),
        ("2026-01-01", [READY, DISRUPTION], True),  # kubectl drain, preemption
        (None, [READY], True),  # the kubelet: memory pressure, shutdown
    ],
)
def test_a_pod_that_nobody_deleted_is_evicted(pods, deleted, conditions, evicted):
    metadata = client.V1ObjectMeta(deletion_timestamp=deleted)
    pods.append(client.V1Pod(metadata=metadata, status=client.V1PodStatus(conditions=conditions)))
    assert eviction.is_eviction() is evicted


@pytest.mark.parametrize("found", [[], ["away"]])
def test_without_an_answer_the_job_counts_as_deleted(pods, found):
    pods.extend(found)
    assert eviction.is_eviction() is False


def test_outside_of_a_cluster_the_job_counts_as_deleted(monkeypatch):
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    assert eviction.is_eviction() is False
