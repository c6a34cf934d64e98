"""Test the reasons why a runner does not start, and how long each may last."""

import os
import signal

import pytest

from bai_kit.errors import WaitTimeout
from bai_kit.kube import pods
from bai_kit.kube.pods import (
    StartLimits,
    delete_helper,
    has_ended,
    lacks_room,
    started,
    terminated,
    trouble,
    wait_gone,
    waits_for,
)
from tests.bai_kit.fakes import FakeKube, pod_object


def waiting(reason, message=""):
    state = {"waiting": {"reason": reason, "message": message}}
    return pod_object(containerStatuses=[{"name": "runner", "state": state}])


def unschedulable(message):
    conditions = [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}]
    return pod_object(conditions=conditions, containerStatuses=[])


def event(reason, message=""):
    return {"reason": reason, "message": message}


@pytest.mark.parametrize(
    ("pod", "events", "waited_s", "said"),
    [
        (waiting("ImagePullBackOff", "no such image"), [], 16, "container runner: ImagePullBackOff: no such image"),
        (waiting("InvalidImageName", "bad"), [], 0.1, "container runner: InvalidImageName: bad"),
        (waiting("CreateContainerConfigError", 'secret "x" not found'), [], 0.1, 'secret "x" not found'),
        (unschedulable("0/1 nodes: Insufficient cpu"), [], 121, "no node takes its pod: 0/1 nodes: Insufficient cpu"),
        (
            unschedulable("node(s) had untolerated taint"),
            [],
            16,
            "no node takes its pod: node(s) had untolerated taint",
        ),
        (unschedulable("had untolerated taint"), [event("TriggeredScaleUp")], 121, "had untolerated taint"),
        (unschedulable("pod has unbound immediate PersistentVolumeClaims"), [], 16, "unbound immediate"),
        (pod_object(), [event("FailedMount", 'configmap "x" not found')], 31, 'mounted: configmap "x" not found'),
        (pod_object(), [], 121, "its pod is Pending after 121 s"),
        (None, [event("FailedCreate", "exceeded quota: q")], 16, "its pod was refused: exceeded quota: q"),
        (None, [event("FailedCreate", "a"), event("FailedCreate", "violates PodSecurity")], 16, "violates PodSecurity"),
        (None, [], 121, "it has no pod after 121 s"),
    ],
)
def test_the_reason_is_said(pod, events, waited_s, said):
    assert said in (trouble(pod, events, waited_s, 120) or "")


@pytest.mark.parametrize(
    ("pod", "events", "waited_s"),
    [
        (None, [], 5),
        (None, [event("FailedCreate", "exceeded quota")], 5),
        (pod_object(), [], 60),
        (waiting("ErrImagePull", "timeout"), [], 5),
        (unschedulable("untolerated taint"), [], 5),
        (unschedulable("Insufficient cpu"), [], 60),
        (unschedulable("untolerated taint"), [event("TriggeredScaleUp")], 60),
        (pod_object(), [event("FailedMount", "timeout")], 20),
    ],
)
def test_what_may_mend_itself_is_waited_for(pod, events, waited_s):
    assert trouble(pod, events, waited_s, 120) is None


@pytest.mark.parametrize(
    ("pod", "expected"),
    [(None, False), (pod_object(), False), (pod_object(running=True), True), (pod_object(exit_code=1), True)],
)
def test_a_container_that_runs_or_has_run_has_started(pod, expected):
    assert started(pod, "runner") is expected


@pytest.mark.parametrize(
    ("pod", "said"),
    [
        (None, "its pod is not created yet"),
        (unschedulable("0/3 nodes: 2 Insufficient cpu, 1 Insufficient nvidia.com/gpu, 2 Insufficient cpu."),
         "no node with enough cpu and nvidia.com/gpu"),
        (unschedulable("had untolerated taint"), "had untolerated taint"),
        (pod_object(), "pulling its image or mounting its volumes"),
        (waiting("ImagePullBackOff", "no such image"), "ImagePullBackOff: no such image"),
        (pod_object(containerStatuses=[]), "its containers are not created yet"),
        (pod_object(running=True), ""),
    ],
)  # fmt: skip
def test_what_a_pod_waits_for(pod, said):
    assert waits_for(pod) == said


CPU = "0/3 nodes: 3 Insufficient cpu."
QUOTA = "pods is forbidden: exceeded quota: q, requested: cpu={},pods=1, used: cpu=1,pods=5, limited: cpu=2,pods=5"


@pytest.mark.parametrize(
    ("pod", "events", "said"),
    [
        (unschedulable(CPU), [], "no node with enough cpu"),
        (unschedulable(CPU), [event("TriggeredScaleUp", "1->2")], "no node with enough cpu; an autoscaler adds a node"),
        (unschedulable(CPU), [event("TriggeredScaleUp"), event("NotTriggerScaleUp", "1 max node group size reached")],
         "no node with enough cpu; no autoscaler adds a node: 1 max node group size reached"),
        (unschedulable("had untolerated taint"), [event("Nominated")],
         "an autoscaler adds a node: had untolerated taint"),
        (unschedulable("had untolerated taint"), [event("NotTriggerScaleUp", "no")], ""),
        (None, [event("FailedCreate", QUOTA.format("500m"))],
         "quota q is used up (requested: cpu=500m,pods=1, used: cpu=1,pods=5, limited: cpu=2,pods=5)"),
        (None, [event("FailedCreate", QUOTA.format("2100m"))], ""),  # never fits
        (None, [event("FailedCreate", "violates PodSecurity")], ""),
        (pod_object(running=True), [event("TriggeredScaleUp")], ""),
    ],
)  # fmt: skip
def test_a_lack_of_room_and_what_an_autoscaler_does_about_it(pod, events, said):
    assert lacks_room(pod, events) == said
    if said:
        assert waits_for(pod, events) == said


def test_time_without_room_has_its_own_limit(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(pods.time, "monotonic", lambda: now[0])
    limits, full = StartLimits(30, 600), unschedulable("0/1 nodes: 1 Insufficient cpu.")
    for now[0] in range(0, 600, 2):
        assert limits.exceeded(full, []) is None
    for now[0] in range(600, 628, 2):
        assert limits.exceeded(pod_object(), []) is None
    now[0] = 632
    assert (limits.exceeded(pod_object(), []), limits.is_out_of_room) == ("its pod is Pending after 34 s", False)
    now[0] = 640
    assert limits.exceeded(full, []) == "no room within 600 s: no node with enough cpu"
    assert limits.is_out_of_room


def test_the_end_of_a_container():
    assert terminated(pod_object(exit_code=7), "runner")["exitCode"] == 7
    assert terminated(pod_object(running=True), "runner") is None
    assert [has_ended(pod, "runner") for pod in (None, pod_object(exit_code=0), pod_object(running=True))] == [
        True, True, False,
    ]  # fmt: skip


def test_pods_that_stay_are_named():
    with pytest.raises(WaitTimeout, match="pods still exist after 0 s: bai-1-x"):
        wait_gone(FakeKube(("pods", pod_object())), "bai-kit/job=bai-1", timeout_s=0)
    wait_gone(FakeKube(), "bai-kit/job=bai-1", timeout_s=0)


def test_signals_wait_until_a_helper_pod_is_deleted():
    kube, seen = FakeKube(("pods", pod_object())), []

    def interrupted(_):
        os.kill(os.getpid(), signal.SIGINT)
        seen.append("deletes")

    kube.hooks["delete", "pods"] = interrupted
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            delete_helper(kube, "bai-1-x")
    finally:
        signal.signal(signal.SIGINT, before)
    assert (seen, kube.objects) == (["deletes"], {})
