"""Test the state of workloads: ready, starting, or unable to become ready."""

import pytest

from bai_kit.release.workloads import last_lines, observe
from tests.bai_kit.fake_helm import claim, deployment, event, pod
from tests.bai_kit.fakes import FakeKube


def look(*objects, waited_s=60.0):
    kube = FakeKube(*objects)
    manifest = [found for kind, found in objects if kind in {"deployments", "persistentvolumeclaims"}]
    return kube, *observe(kube, manifest, waited_s)


def test_a_deployment_whose_pods_are_available_is_done():
    _, found = look(("deployments", deployment()))
    assert found.done
    assert found.trouble is None


def test_pods_of_the_former_revision_do_not_count():
    _, found = look(("deployments", deployment(available=1, updated=1, replicas=2)), ("pods", pod()))
    assert (found.ready, found.wanted, found.done) == (0, 1, False)


def test_a_change_that_the_controller_has_not_seen_is_not_done():
    stale = deployment()
    stale["metadata"]["generation"] = 2
    _, found = look(("deployments", stale))
    assert not found.done


def test_an_image_that_cannot_be_pulled_is_trouble_after_a_while_only():
    objects = ("deployments", deployment(available=0)), ("pods", pod(waiting="ImagePullBackOff"))
    _, early = look(*objects, waited_s=3)
    _, late = look(*objects, waited_s=20)
    assert (early.trouble, early.note) == (None, "ImagePullBackOff")
    assert late.trouble == "container main: ImagePullBackOff: because"


def test_pods_that_pod_security_or_a_quota_refuses_are_trouble_at_once():
    refused = deployment(available=0, updated=0, replicas=0, conditions=[("ReplicaFailure", "violates PodSecurity")])
    _, found = look(("deployments", refused), waited_s=0)
    assert found.trouble == "Kubernetes refuses its pods: violates PodSecurity"


@pytest.mark.parametrize(("waited_s", "hopeless"), [(60, False), (130, True)])
def test_a_crowded_node_is_waited_for_and_said(waited_s, hopeless):
    crowded = pod()
    crowded["status"] = {"conditions": [{"type": "PodScheduled", "status": "False", "message": "Insufficient cpu"}]}
    _, found = look(("deployments", deployment(available=0)), ("pods", crowded), waited_s=waited_s)
    assert "Insufficient cpu" in found.note
    assert bool(found.trouble) is hopeless


def test_an_image_that_takes_long_has_as_long_as_the_deploy():
    slow = pod(waiting="ContainerCreating")
    slow["status"]["phase"] = "Pending"
    objects = ("deployments", deployment(available=0)), ("pods", slow)
    _, found = look(*objects, waited_s=500)
    assert (found.trouble, found.note) == (None, "ContainerCreating")


def test_the_last_lines_of_a_failing_container_are_read_without_stamps_and_colours():
    kube, found = look(("deployments", deployment(available=0)), ("pods", pod(waiting="CrashLoopBackOff")))
    kube.logs["api-1"] = [f"2026-11-22T10:00:00Z \x1b[32mline {i}\x1b[0m".encode() for i in range(20)]
    lines = last_lines(kube, found)
    assert lines[-1] == "api-1: line 19"
    assert len(lines) == 12


def test_a_deployment_that_is_not_there_is_waited_for():
    (found,) = observe(FakeKube(), [deployment()], 0)
    assert (found.done, found.trouble, found.note) == (False, None, "not created yet")


@pytest.mark.parametrize(
    ("phase", "said", "done", "trouble"),
    [
        ("Bound", None, True, None),
        ("Pending", ("WaitForFirstConsumer", "waiting for first consumer"), True, None),
        ("Pending", ("FailedBinding", "no persistent volumes available"), False, None),
        ("Pending", ("ProvisioningFailed", "RWX is not supported"), False, "RWX is not supported"),
        ("Pending", None, False, None),
    ],
)
def test_volumes(phase, said, done, trouble):
    events = [("events", event("bai-data", *said))] if said else []
    _, found = look(("persistentvolumeclaims", claim(phase=phase)), *events)
    assert (found.done, found.trouble) == (done, trouble)
    if said and not done:
        assert found.note == said[1]
