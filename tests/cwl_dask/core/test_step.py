"""Test how a step ends, with any job class."""

import threading
from contextlib import contextmanager, nullcontext
from types import SimpleNamespace

import pytest

from cwl_dask.core import step as steps
from cwl_dask.core.clusters import Clusters
from cwl_dask.core.failure import NoRoomError
from cwl_dask.core.step import DaskStep, Step, StepError


class Job:
    """A fake of cwltool's job classes: the test decides how its run ends."""

    name, ends = "area", None

    def run(self, runtime_context, tmpdir_lock):
        if self.ends:
            raise self.ends

    def output_callback(self, outputs, status):
        self.ended = outputs, status


@pytest.fixture
def step():
    made = type("StepJob", (Step, Job), {"outputs": [{"id": "#area/result"}], "clusters": Clusters()})()
    made.context = SimpleNamespace(workflow_eval_lock=threading.Lock())
    return made


def test_a_step_without_a_failure_says_nothing(step):
    step.run(step.context)
    assert step.clusters.failures.first is None


@pytest.mark.parametrize(("temporary", "status"), [(True, "temporaryFail"), (False, "permanentFail")])
def test_a_failure_ends_the_step_and_is_recorded(step, temporary, status):
    step.ends = StepError("no place on any node", kind="kubernetes", temporary=temporary, code=7)
    step.run(step.context)
    assert step.ended == ({"result": None}, status)
    failure = step.clusters.failures.first
    assert (failure.kind, failure.step, failure.code) == ("kubernetes", "area", 7)
    assert (failure.temporary, failure.message) == (temporary, "no place on any node")


def test_any_other_error_is_not_hidden(step):
    step.ends = ValueError("a bug")
    with pytest.raises(ValueError, match="a bug"):
        step.run(step.context)


def test_a_step_without_room_claims_again_until_there_is_some(step, monkeypatch):
    attempts = []

    @contextmanager
    def claim(requirement, image):
        attempts.append(image)
        if len(attempts) < 3:
            raise NoRoomError("cluster x has no room for a worker", temporary=True)
        yield SimpleNamespace(name="x")

    monkeypatch.setattr(steps, "evaluate", lambda job: None)
    monkeypatch.setattr(steps, "NO_ROOM_PAUSE_S", (0, 0))
    made = type("DaskJob", (DaskStep, Job), {"outputs": [], "clusters": Clusters(room_s=60)})()
    made.environment, made.connected = {}, lambda claim: nullcontext()
    made.get_requirement = lambda name: ({"dockerPull": "app:1"}, True)
    monkeypatch.setattr(made.clusters, "claim", claim)
    made.run(step.context)
    assert attempts == ["app:1"] * 3
    assert made.environment == {"DASK_GATEWAY_CLUSTER": "x", "DASK_CLUSTER": "x"}
    assert made.clusters.failures.first is None
