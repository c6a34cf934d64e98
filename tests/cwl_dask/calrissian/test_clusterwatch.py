"""Test what is known of a cluster that ends while a step uses it."""

from concurrent.futures import Future
from types import SimpleNamespace

import pytest
from kubernetes.client.rest import ApiException

from cwl_dask.calrissian import clusterwatch
from cwl_dask.calrissian.clusterwatch import ClusterWatch
from cwl_dask.core.step import StepError
from tests.local.steps import eventually

LOG = [b"2026-01-01T00:00:0%d.1Z line %d\n" % (number, number) for number in range(3)]


class Claim:
    """A fake of the claim on a cluster."""

    name, ended, asked = "eo.abc", False, 0

    def ask_ended(self):
        self.asked += 1
        answer = Future()
        answer.set_result(self.ended)
        return answer


class Api:
    """A fake of the Kubernetes API with one scheduler, which ends after its lines."""

    refuses = False

    def list_namespaced_pod(self, namespace, label_selector):
        if self.refuses:
            raise ApiException(status=403)
        assert label_selector == "gateway.dask.org/cluster=abc,app.kubernetes.io/component=dask-scheduler"
        return SimpleNamespace(items=[SimpleNamespace(metadata=SimpleNamespace(name="dask-scheduler-abc"))])

    def read_namespaced_pod_log(self, *_, **how):
        return SimpleNamespace(stream=lambda: LOG if how.get("follow") else [])


@pytest.fixture
def said():
    return []


@pytest.fixture
def watch(said):
    return ClusterWatch(Claim(), Api(), "eo", said.append)


def test_the_schedulers_last_lines_are_kept_and_shown_only_when_the_cluster_was_lost(watch, said):
    with watch:
        eventually(lambda: len(watch._lines) == 3)
        assert said == []
        watch._claim.ended = True
        assert watch.why_lost() == "its Dask cluster eo.abc had been stopped (its scheduler's last line: line 2)"
    assert said == ["scheduler | line 0", "scheduler | line 1", "scheduler | line 2"]


def test_a_step_that_fails_on_a_running_cluster_has_another_reason(watch, said, monkeypatch):
    monkeypatch.setattr(clusterwatch, "REPORTED_S", 0.1)
    with watch:
        assert watch.why_lost() == ""
    assert said == []
    assert watch._claim.asked > 1  # the gateway may report the end a moment later


@pytest.mark.parametrize("change", [{"refuses": True}, {}])
def test_a_scheduler_out_of_sight_has_no_lines(said, change):
    api = Api()
    vars(api).update(change)
    with ClusterWatch(Claim(), api, "eo" if change else "elsewhere", said.append) as watch:
        watch._claim.ended = True
        assert watch.why_lost() == "its Dask cluster eo.abc had been stopped"


def test_an_application_that_does_not_notice_the_end_is_ended(watch, monkeypatch, caplog):
    monkeypatch.setattr(clusterwatch, "ASK_S", 0)
    watch.look()
    watch.look()  # the answer: it runs
    watch._claim.ended = True
    watch.look()
    watch.look()
    assert "cluster eo.abc has ended while its step runs" in caplog.text
    watch.look()
    monkeypatch.setattr(clusterwatch, "ABANDONED_S", 0)
    with pytest.raises(StepError, match=r"did not end within 0 s after its Dask cluster eo\.abc") as error:
        watch.look()
    assert (error.value.temporary, error.value.kind) == (True, "cluster")
