"""Test the phase of a job, read from objects of Kubernetes, and how a job is ended."""

import pytest

from bai_kit.errors import UsageError
from bai_kit.job.state import Phase, cancel, get_job, list_jobs, view
from tests.bai_kit.fakes import FakeKube, job_object, pod_object

CANCELLED = {"bai-kit/cancelled": "2026-11-22T10:00:30+00:00"}


@pytest.mark.parametrize(
    ("job", "pod", "phase", "code"),
    [
        (job_object(), None, Phase.WAITING, None),
        (job_object(active=1), pod_object(running=True), Phase.RUNNING, None),
        (job_object(active=1, annotations=CANCELLED), pod_object(running=True), Phase.CANCELLING, None),
        (job_object(conditions=[("Complete", "CompletionsReached")]), pod_object(exit_code=0), Phase.COMPLETE, 0),
        (job_object(conditions=[("Complete", "CompletionsReached")]), None, Phase.COMPLETE, 0),
        (job_object(conditions=[("Failed", "BackoffLimitExceeded")]), pod_object(exit_code=1), Phase.FAILED, 1),
        (job_object(conditions=[("Failed", "BackoffLimitExceeded")]), pod_object(exit_code=75), Phase.FAILED, 75),
        (job_object(conditions=[("Failed", "BackoffLimitExceeded")]), pod_object(exit_code=33), Phase.FAILED, 33),
        (job_object(conditions=[("Failed", "BackoffLimitExceeded")]), pod_object(exit_code=137), Phase.FAILED, 1),
        (job_object(conditions=[("Failed", "DeadlineExceeded")]), None, Phase.TIMED_OUT, None),
        (job_object(conditions=[("Failed", "DeadlineExceeded")], annotations=CANCELLED), None, Phase.CANCELLED, None),
        # Somebody asked to cancel, but the job was faster.
        (job_object(conditions=[("Complete", "")], annotations=CANCELLED), None, Phase.COMPLETE, 0),
        (job_object(conditions=[("Failed", "BackoffLimitExceeded")], annotations=CANCELLED), None, Phase.FAILED, None),
    ],
)
def test_phase_and_exit_code(job, pod, phase, code):
    found = view(job, pod)
    assert (found.phase, found.exit_code) == (phase, code)
    assert found.phase.is_over is (found.finished is not None)


def test_a_killed_runner_is_named_with_its_code():
    failed = job_object(conditions=[("Failed", "BackoffLimitExceeded")])
    assert view(failed, pod_object(exit_code=137, reason="OOMKilled")).reason == (
        "the runner ended with exit code 137: OOMKilled"
    )
    assert view(failed, None).reason == "the runner's pod was deleted"


def test_inputs_and_seconds_are_shown():
    job = job_object(conditions=[("Complete", "")], annotations={"bai-kit/params": '{"a": 1}'})
    found = view(job, None)
    assert (found.inputs, found.seconds) == ({"a": 1}, 60.0)


def test_cancel_sets_a_deadline_in_the_past_and_says_so():
    kube = FakeKube(("jobs", job_object(active=1)))
    cancel(kube, "bai-1")
    assert kube.objects["jobs", "bai-1"]["spec"] == {"activeDeadlineSeconds": 1}
    assert get_job(kube, "bai-1").phase is Phase.CANCELLING


def test_what_is_over_cannot_be_cancelled():
    kube = FakeKube(("jobs", job_object(conditions=[("Complete", "")])))
    with pytest.raises(UsageError, match="is complete already"):
        cancel(kube, "bai-1")


def test_a_job_of_somebody_else_is_no_job_of_ours():
    foreign = job_object()
    foreign["metadata"]["labels"] = {}
    with pytest.raises(UsageError, match="no job bai-1"):
        get_job(FakeKube(("jobs", foreign)), "bai-1")


def test_jobs_are_listed_with_their_pods_by_release():
    kube = FakeKube(
        ("jobs", job_object("b", active=1)),
        ("jobs", job_object("c", release="other")),
        ("pods", pod_object("b-x", "b", running=True)),
    )
    assert [(job.name, job.pod) for job in list_jobs(kube)] == [("b", "b-x"), ("c", None)]
    assert [job.name for job in list_jobs(kube, "other")] == ["c"]


def evicted(message="The node was low on resource: memory."):
    condition = {"type": "DisruptionTarget", "status": "True", "reason": "TerminationByKubelet", "message": message}
    return pod_object(exit_code=143, conditions=[condition])


def test_an_evicted_runner_is_a_temporary_failure():
    failed = job_object(conditions=[("Failed", "BackoffLimitExceeded")])
    found = view(failed, evicted())
    assert (found.exit_code, found.reason) == (
        75,
        "the runner's pod was evicted: The node was low on resource: memory.",
    )
    failed["status"]["conditions"][0]["message"] = "Pod ns/a has condition DisruptionTarget matching FailJob rule"
    assert view(failed, None).exit_code == 75


def test_the_runners_own_reason_goes_before_that_of_kubernetes():
    event = '{"kind": "step", "step": "map", "code": 7, "temporary": false, "message": "step map: exit code 7"}'
    pod = pod_object(exit_code=1)
    pod["status"]["containerStatuses"][0]["state"]["terminated"]["message"] = event
    assert view(job_object(conditions=[("Failed", "BackoffLimitExceeded")]), pod).reason == "step map: exit code 7"


def test_a_suspended_job_is_queued():
    job = job_object()
    job["spec"]["suspend"] = True
    assert view(job, None).phase is Phase.QUEUED


def test_what_is_not_known_is_left_out_for_people():
    shown = view(job_object(active=1, annotations={"bai-kit/params": '{"a": 1, "b": "x"}'}), None).__rich__()
    assert [line.partition(":")[0] for line in shown.splitlines()] == [
        "job", "phase", "release", "created", "age", "input a", "input b",
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["{", "[1]", "null"])
def test_inputs_that_another_client_wrote_are_no_traceback(text):
    assert view(job_object(annotations={"bai-kit/params": text}), None).inputs == {}
