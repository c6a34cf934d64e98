"""Test how reports of Kubernetes about a step's pod are read. Needs Calrissian's environment (constraints.txt)."""

import json
import queue
from concurrent.futures import Future

import pytest

pytest.importorskip("calrissian")

from calrissian.k8s import KubernetesClient, PodMonitor
from kubernetes import client
from kubernetes.client.rest import ApiException
from urllib3.exceptions import ProtocolError

from cwl_dask.calrissian import clusterwatch, steplog
from cwl_dask.calrissian import watch as watching
from cwl_dask.calrissian.guard import Ledger
from cwl_dask.calrissian.session import new_session
from cwl_dask.calrissian.watch import StepClient, reason, transient
from cwl_dask.core.output import Output
from cwl_dask.core.step import StepError


class Lines:
    """A fake of the pod's log."""

    def __init__(self):
        self.last, self.entries, self.started, self.count = "", [], 0, 0

    def start(self):
        self.started += 1

    def finish(self):
        pass


def pod(state=None, phase="Pending", why=None, deleted=None, conditions=None):
    statuses = [client.V1ContainerStatus(name="c", image="i", image_id="", ready=False, restart_count=0, state=state)]
    resources = client.V1ResourceRequirements(requests={"cpu": "1", "memory": "512Mi"}, limits={"memory": "512Mi"})
    return client.V1Pod(
        metadata=client.V1ObjectMeta(name="step-1", deletion_timestamp=deleted),
        spec=client.V1PodSpec(containers=[client.V1Container(name="c", resources=resources)]),
        status=client.V1PodStatus(
            phase=phase, reason=why, container_statuses=statuses if state else None, conditions=conditions
        ),
    )


def waiting(why, message=""):
    return client.V1ContainerState(waiting=client.V1ContainerStateWaiting(reason=why, message=message))


def terminated(code, why="Error"):
    return client.V1ContainerState(terminated=client.V1ContainerStateTerminated(exit_code=code, reason=why))


RUNNING = client.V1ContainerState(running=client.V1ContainerStateRunning())


class Claim:
    """A fake of the claim on a cluster."""

    dismissed, name, ended = False, "eo.abc", False

    def ask_ended(self):
        answer = Future()
        answer.set_result(self.ended)
        return answer

    def finish(self):
        self.dismissed = True


@pytest.fixture
def step(monkeypatch, caplog):
    """Return a client whose watch yields the entries of `step.events`."""
    caplog.set_level("INFO")
    made = StepClient.__new__(StepClient)
    made.session = new_session(Output(), Ledger(None), pending_s=5)
    made.events, made.lines, made.pod, made.deleted = queue.SimpleQueue(), Lines(), pod(), []
    made.core_api_instance = made.namespace = None
    monkeypatch.setattr(StepClient, "_watch", lambda self, name, events, over: self.feed(events))
    monkeypatch.setattr(StepClient, "delete_pod_name", lambda self, name: self.deleted.append(name))
    monkeypatch.setattr(watching, "PodLog", lambda *_, **__: made.lines)
    monkeypatch.setattr(PodMonitor, "pod_names", ["step-1"])

    def feed(events):
        while not made.events.empty():
            events.put(made.events.get())

    made.feed = feed
    made.tell = lambda *pods: [made.events.put({"type": "MODIFIED", "object": shown}) for shown in pods]
    return made


def test_a_step_that_ends_well(step):
    step.tell(pod(), pod(waiting("ContainerCreating")), pod(RUNNING), pod(RUNNING), pod(terminated(0, "Completed")))
    result = step.wait_for_completion()
    assert (result.exit_code, result.cpus, result.memory) == (0, "1", "512Mi")
    assert step.lines.started == 1
    assert step.deleted == ["step-1"]


def test_a_step_so_short_that_it_was_never_seen_running_has_its_lines_read(step):
    step.tell(pod(terminated(0, "Completed")))
    step.wait_for_completion()
    assert step.lines.started == 1


@pytest.mark.parametrize(("last", "why"), [("", "Error"), ("no band", "no band"), ("x" * 301, "x" * 300 + "…")])
def test_a_failure_is_explained_with_the_last_line(step, last, why):
    step.lines.last = last
    step.tell(pod(terminated(7)))
    assert step.wait_for_completion().exit_code == 7
    assert step.why == why


def test_the_whole_output_is_kept_and_lost_lines_are_counted(step, tmp_path, capfd):
    step.session.output.step_log = tmp_path / "step.log"
    step.step_log = steplog.create(tmp_path / "step.log")
    step.step_log.write_text("line\n" * 3000)
    step.lines.count = 1000
    step.tell(pod(terminated(0)))
    step.wait_for_completion()
    assert (tmp_path / "step.log").read_text() == "line\n" * 3000
    assert "2,000 lines skipped, all 3,000 are in step.log" in capfd.readouterr().err


def test_a_killed_step_is_told_what_it_may_use_whatever_it_wrote_last(step):
    step.lines.last = "2026-01-01 00:00:00.000 | ERROR    | bai:run:1 - handled"
    step.tell(pod(terminated(137, "OOMKilled")))
    step.wait_for_completion()
    assert step.why == "OOMKilled: it may use 512Mi; ask for more with ramMin and ramMax"


@pytest.mark.parametrize(
    ("seen", "message", "temporary"),
    [
        (pod(waiting("ImagePullBackOff", "not found")), "pod step-1 cannot start: ImagePullBackOff: not found", False),
        (pod(waiting("CreateContainerConfigError", "no secret")), "no secret", False),
        (pod(phase="Failed", why="Evicted"), "pod step-1 cannot start: Evicted", False),
        (pod(terminated(143), deleted="now"), "pod step-1 was deleted while it ran", True),
    ],
)
def test_what_will_not_start_or_was_taken_away(step, seen, message, temporary):
    step.tell(seen)
    with pytest.raises(StepError, match=message) as caught:
        step.wait_for_completion()
    assert caught.value.temporary is temporary
    assert step.deleted == ["step-1"]


def test_a_pod_that_is_gone(step):
    step.events.put({"type": "DELETED", "object": pod(RUNNING)})
    with pytest.raises(StepError, match="was deleted while it ran"):
        step.wait_for_completion()


def test_a_watch_that_is_refused(step):
    step.events.put(ApiException(status=403, reason="Forbidden"))
    with pytest.raises(StepError, match="cannot watch pod step-1"):
        step.wait_for_completion()


def test_a_pod_that_does_not_start_in_time_says_why(step):
    step.session.pending_s = 0.3
    condition = client.V1PodCondition(type="PodScheduled", status="False", reason="Unschedulable", message="0/1 nodes")
    step.tell(pod(conditions=[condition]))
    with pytest.raises(StepError, match=r"pod step-1 found no room within 0\.3 s: 0/1 nodes") as caught:
        step.wait_for_completion()
    assert caught.value.temporary  # other pods may end


def test_sigterm_ends_the_step(step):
    step.session.clusters.stop()
    with pytest.raises(StepError, match="stopped"):
        step.wait_for_completion()
    assert step.deleted == ["step-1"]


def test_the_cluster_is_dismissed_as_soon_as_the_pod_has_ended(step):
    step.claim = Claim()
    step.tell(pod(RUNNING), pod(terminated(0, "Completed")))
    step.wait_for_completion()
    assert step.claim.dismissed


@pytest.mark.parametrize(
    ("ended", "code", "lost"),
    [(True, 1, "its Dask cluster eo.abc had been stopped"), (True, 0, ""), (False, 1, "")],
)
def test_a_cluster_that_ended_under_a_failed_step_is_the_reason(step, monkeypatch, ended, code, lost):
    monkeypatch.setattr(clusterwatch, "REPORTED_S", 0.05)
    step.claim = Claim()
    step.claim.ended = ended
    step.tell(pod(RUNNING), pod(terminated(code)))
    assert step.wait_for_completion().exit_code == code
    assert step.lost == lost
    assert step.claim.dismissed


def test_a_pod_that_cannot_be_deleted_stays_in_the_ledger(step, monkeypatch, caplog):
    def refuse(*_):
        raise ApiException(status=403, reason="Forbidden")

    monkeypatch.setattr(StepClient, "delete_pod_name", refuse)
    step.session.ledger.add("pod", "step-1")
    step.tell(pod(terminated(0)))
    step.wait_for_completion()
    assert step.session.ledger._left == {"pod step-1"}
    assert "pod step-1 may still run" in caplog.text


def test_a_refused_pod_is_told_in_kubernetes_own_words(step, monkeypatch):
    error = ApiException(status=403)
    error.body = json.dumps({"message": 'pods is forbidden: violates PodSecurity "restricted"'})

    def refuse(*_):
        raise error

    monkeypatch.setattr(KubernetesClient, "submit_pod", refuse)
    with pytest.raises(
        StepError, match='cannot create pod step-1: pods is forbidden: violates PodSecurity "restricted"'
    ):
        step.submit_pod({"metadata": {"name": "step-1"}})
    assert not step.session.ledger._left


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ApiException(status=403), False),
        (ApiException(status=404), False),
        (ApiException(status=409), False),
        (ApiException(status=429), True),
        (ApiException(status=503), True),
        (ApiException(status=0), True),
        (ProtocolError("broken"), True),
        (ValueError("x"), False),
    ],
)
def test_what_is_worth_another_try(error, expected):
    assert transient(error) is expected


def test_an_answer_without_a_sentence_is_told_as_it_is():
    assert reason(ProtocolError("broken")) == "broken"
