"""Waiting for a start: what is told and when; queues; and waiting for an end."""

import pytest

from bai_kit.errors import JobFailed, RemoteError, WaitTimeout
from bai_kit.job import waiting
from bai_kit.job.waiting import Explanation, wait_over, wait_started
from bai_kit.kube import pods
from bai_kit.kube.pods import StartLimits
from cwl_dask.calrissian.cleanup import CLEAN_UP_S
from tests.bai_kit.fakes import FakeKube, job_object, pod_object


@pytest.fixture
def clock(monkeypatch):
    """A clock that moves with every pause, a second each."""

    class Clock:
        now = 0.0

        def monotonic(self):
            return self.now

        def sleep(self, _):
            self.now += 1.0

    found = Clock()
    for module in (waiting, pods):
        monkeypatch.setattr(module, "time", found)
    return found


def test_a_wait_is_told_after_ten_seconds_and_on_every_change(clock):
    told = []
    explanation = Explanation(told.append)
    for second in range(30):
        clock.now = second
        explanation.update("a" if second < 15 else "b")
    explanation.update("")
    clock.now = 35
    explanation.update("b")
    assert told == ["a", "b"]


def unschedulable():
    condition = {"type": "PodScheduled", "status": "False", "message": "0/1 nodes: 1 Insufficient cpu."}
    return pod_object("one-x", "one", conditions=[condition], containerStatuses=[])


def starts_at(clock, second):
    def start(kube):
        if clock.now >= second:
            kube.objects["pods", "one-x"] = pod_object("one-x", "one", running=True)

    return start


def test_the_reason_of_a_slow_start_is_told(clock):
    kube, told = FakeKube(("jobs", job_object("one", active=1)), ("pods", unschedulable())), []
    kube.hooks["list", "pods"] = starts_at(clock, 20)
    assert wait_started(kube, "one", StartLimits(30, 120), tell=told.append) == "one-x"
    assert told == ["no node with enough cpu"]


def test_time_in_a_queue_does_not_count(clock):
    job = job_object("one")
    job["spec"]["suspend"] = True
    kube, told = FakeKube(("jobs", job)), []

    def admit(kube):
        if clock.now > 500:
            job["spec"]["suspend"] = False
            kube.objects["pods", "one-x"] = pod_object("one-x", "one", running=True)

    kube.hooks["list", "pods"] = admit
    assert wait_started(kube, "one", StartLimits(60, 60), tell=told.append) == "one-x"
    assert told == ["the job is suspended until its queue admits it"]


@pytest.mark.parametrize("keep", [False, True])
def test_a_job_that_cannot_start_is_deleted_unless_it_is_to_be_kept(clock, keep):
    kube = FakeKube(("jobs", job_object("one", active=1)), ("pods", unschedulable()))
    with pytest.raises(RemoteError, match="no room within 60 s: no node with enough cpu") as caught:
        wait_started(kube, "one", StartLimits(30, 60), keep=keep)
    assert (("jobs", "one") in kube.objects) is keep
    assert caught.value.exit_code == 75


def test_time_without_room_does_not_count_as_time_of_the_start(clock):
    kube, told = FakeKube(("jobs", job_object("one"))), []
    denied = "pods is forbidden: exceeded quota: bai-jobs, requested: pods=1, used: pods=5, limited: pods=5"
    kube.objects["events", "e"] = {"metadata": {"name": "e"}, "reason": "FailedCreate", "message": denied}

    def pod_of_quota(kube):
        if clock.now > 300:
            kube.objects["pods", "one-x"] = pod_object("one-x", "one", running=clock.now > 320)

    kube.hooks["list", "pods"] = pod_of_quota
    assert wait_started(kube, "one", StartLimits(30, 3600), tell=told.append) == "one-x"
    full = "quota bai-jobs is used up (requested: pods=1, used: pods=5, limited: pods=5)"
    assert told == [full, "pulling its image or mounting its volumes"]
    assert 30 < kube.calls.count(("patch", "jobs")) < 60  # each makes Kubernetes try again


def test_a_deleted_job_is_not_waited_for(clock):
    with pytest.raises(JobFailed, match="job one was deleted"):
        wait_started(FakeKube(), "one", StartLimits(60, 60))
    with pytest.raises(JobFailed, match="job one was deleted"):
        wait_over(FakeKube(), "one")


def test_the_command_waits_longer_than_runner_guard_and_pods_may_take():
    grace_s = 30  # of the runner's pod
    assert grace_s + CLEAN_UP_S + pods.PODS_GONE_TIMEOUT_S < waiting.END_TIMEOUT_S


def test_a_job_that_does_not_end_is_named_with_its_state(clock):
    kube = FakeKube(("jobs", job_object("one", active=1)))
    with pytest.raises(WaitTimeout, match="job one is still running 240 s after its runner's last line") as caught:
        wait_over(kube, "one")
    assert caught.value.hint == "bai-kit status one"
