"""Test claims at a gateway that simulates faults."""

import logging
import threading
import time

import dask
import pytest

from cwl_dask.core import claim as lifecycle
from cwl_dask.core.claim import Claim
from cwl_dask.core.clusters import Clusters
from cwl_dask.core.failure import ClaimError, NoRoomError
from cwl_dask.core.requirement import parse_requirement
from cwl_dask.core.waiting import Obstacle
from tests.cwl_dask.gateway import OPTIONS, FakeGateway

FIELDS = {
    "workerCores": 0.5,
    "workerCoresLimit": 1,
    "workerMemory": "512 M",
    "clusterMaxCores": 3,
    "clusterMaxMemory": "4G",
}


def wanted(**fields):
    return parse_requirement(FIELDS | fields)


@pytest.fixture
def gateway():
    with FakeGateway() as fake, dask.config.set({"gateway.address": fake.address}):
        yield fake


def eventually(condition, seconds=10):
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "not within the time"
        time.sleep(0.01)
    return value


def test_a_claim_submits_scales_and_dismisses_and_says_so(gateway, caplog):
    caplog.set_level(logging.INFO)
    with Claim(wanted(), "app:1") as claim:
        assert claim.name == "fake"
        claim.wait_running()
        assert claim.options == {
            "worker_cores": 0.5,
            "worker_cores_limit": 1,
            "worker_memory": "524288K",
            "image": "app:1",
        }
    assert gateway.submitted == claim.options
    assert 'POST /api/v1/clusters/fake/scale {"count": 3}' in gateway.calls
    said = [record.message for record in caplog.records if record.name == "cwl_dask.core.claim"]
    assert said[:5] == [
        f"procuring a Dask cluster at {gateway.address}",
        "claimed cluster fake",
        "cluster fake is running",
        "scaled cluster fake to 3 workers of 0.5 cores and 512 MiB memory",
        f"dashboard: {gateway.address}/clusters/fake/status",
    ]
    assert said[5].startswith("dismissed cluster fake after ")


def test_adaptive_adapts_between_one_and_the_maximum(gateway):
    with Claim(wanted(adaptive=True)) as claim:
        claim.wait_running()
    assert 'POST /api/v1/clusters/fake/adapt {"minimum": 1, "maximum": 3, "active": true}' in gateway.calls


@pytest.mark.parametrize(
    ("defined", "configured", "fields", "sent"),
    [
        (False, {}, {}, None),
        (True, {}, {}, 90),
        (True, {"idle_timeout": 30}, {}, 30),
        (True, {"idle_timeout": 30}, {"idleTimeout": 10}, 10),
    ],
)
def test_idle_timeout_is_the_requirements_or_the_configurations_or_ours(gateway, defined, configured, fields, sent):
    gateway.options = (*OPTIONS, *(["idle_timeout"] if defined else []))
    with dask.config.set({"gateway.cluster.options": configured}), Claim(wanted(**fields)):
        assert gateway.submitted.get("idle_timeout") == sent


def test_an_option_that_the_gateway_does_not_define_is_an_error_with_both_lists(gateway):
    gateway.options = ("worker_cores", "worker_memory")
    with pytest.raises(
        ClaimError, match=r"does not define image, worker_cores_limit; its options are worker_cores, wor"
    ):
        Claim(wanted(), "app:1").__enter__()
    assert gateway.submitted is None


@pytest.mark.parametrize(("status", "temporary"), [(401, False), (403, False), (422, False), (500, True), (503, True)])
def test_a_refusal_is_told_with_the_address_and_whether_to_try_again(gateway, status, temporary):
    gateway.refuses["POST"] = status
    with pytest.raises(ClaimError, match=f"no Dask cluster from {gateway.address}: ") as refusal:
        Claim(wanted(), claim_s=0).__enter__()
    assert refusal.value.temporary is temporary


def test_a_gateway_that_is_away_is_temporary():
    with (
        dask.config.set({"gateway.address": "http://127.0.0.1:9"}),
        pytest.raises(ClaimError, match=r"127\.0\.0\.1:9") as refusal,
    ):
        Claim(wanted(), claim_s=0).__enter__()
    assert refusal.value.temporary


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_gateway_that_is_away_for_a_moment_is_asked_again(gateway, monkeypatch, caplog, method):
    monkeypatch.setattr(lifecycle, "RETRY_S", 0.05)
    gateway.refuses[method] = 503
    threading.Timer(0.2, gateway.refuses.clear).start()
    with Claim(wanted()) as claim:
        claim.wait_running()
    assert gateway.calls.count(f"{method} /api/v1/{'options' if method == 'GET' else 'clusters/'}") > 1
    assert caplog.text.count("no answer from the gateway") == 1


@pytest.mark.parametrize("status", [500, 502, 409])
def test_a_submission_that_may_have_arrived_is_not_repeated(gateway, status):
    gateway.refuses["POST"] = status
    with pytest.raises(ClaimError):
        Claim(wanted()).__enter__()
    assert gateway.calls.count("POST /api/v1/clusters/") == 1


def test_a_stop_that_was_lost_is_said_again(gateway):
    gateway.lost_stops = 1
    with Claim(wanted()):
        pass
    assert gateway.status == "STOPPED"
    assert gateway.calls.count("DELETE /api/v1/clusters/fake") == 2


def test_a_cluster_that_fails_ends_the_wait(gateway):
    gateway.becomes = "FAILED"
    with Claim(wanted()) as claim:
        with pytest.raises(ClaimError, match="cluster fake is failed: its scheduler did not start") as failure:
            claim.wait_running()
        assert not failure.value.temporary


def test_a_cluster_that_the_gateway_stops_after_it_ran_is_temporary(gateway):
    def scale(method, path, body, answer=gateway.answer):
        if path.endswith("/scale"):
            gateway.status = "STOPPED"
            return 409, {"error": "cluster fake is not running"}
        return answer(method, path, body)

    gateway.answer = scale
    with Claim(wanted()) as claim, pytest.raises(ClaimError, match="the gateway stopped it although it ran") as failure:
        claim.wait_running()
    assert failure.value.temporary


def test_a_cluster_that_never_runs_is_dismissed_as_temporary(gateway):
    gateway.becomes = "PENDING"
    with (
        Claim(wanted(), start_s=0.3) as claim,
        pytest.raises(ClaimError, match=r"has not started after 0\.3 s") as failure,
    ):
        claim.wait_running()
    assert failure.value.temporary
    assert gateway.status == "STOPPED"


def test_a_cluster_that_does_not_go_is_an_error_in_the_log(gateway, caplog):
    with Claim(wanted(), dismiss_s=0.3):
        gateway.refuses["DELETE"] = 503
    assert [record.levelname for record in caplog.records if "cluster fake may still run: " in record.message] == [
        "ERROR"
    ]


def test_dismiss_begins_at_once_and_ends_a_wait(gateway):
    gateway.becomes = "PENDING"
    clusters, ended = Clusters(), []

    def step():
        with pytest.raises(ClaimError, match="stopped"), clusters.claim(wanted(), None):
            pass
        ended.append(gateway.status)

    thread = threading.Thread(target=step)
    thread.start()
    eventually(lambda: any("?wait" in call for call in gateway.calls))
    clusters.stop()
    thread.join(10)
    assert ended == ["STOPPED"]


@pytest.mark.parametrize(("status", "ended"), [("RUNNING", False), ("STOPPED", True), ("FAILED", True), (503, False)])
def test_the_end_of_a_cluster_in_use_is_known(gateway, status, ended):
    with Claim(wanted()) as claim:
        claim.wait_running()
        if status == 503:
            gateway.refuses["GET"] = status
        else:
            gateway.status = status
        assert claim.ask_ended().result() is ended
        gateway.refuses.clear()


def test_a_lease_that_cannot_be_had_is_one_warning(gateway, caplog):
    with Claim(wanted()) as claim:
        claim.wait_running()
        eventually(lambda: "no lease on cluster fake" in caplog.text)
    assert gateway.status == "STOPPED"


def test_a_cluster_without_room_for_a_worker_is_given_back(gateway, monkeypatch):
    monkeypatch.setattr(lifecycle, "GIVE_BACK_S", 0.1)
    monkeypatch.setattr(lifecycle, "LOOK_S", 0.05)
    obstacle = Obstacle("0 of 2 workers run; worker: Insufficient cpu", room=True)
    with Claim(wanted(), watch=lambda _: obstacle) as claim, pytest.raises(NoRoomError, match="no room for a worker"):
        claim.wait_running()
    assert gateway.status == "STOPPED"


def test_a_fault_of_the_schedulers_pod_ends_the_claim_at_once(gateway):
    gateway.becomes = "PENDING"
    with (
        Claim(wanted(), watch=lambda _: Obstacle("scheduler: ImagePullBackOff: no such image", fault=True)) as claim,
        pytest.raises(ClaimError, match="cluster fake cannot start: scheduler: ImagePullBackOff") as failure,
    ):
        claim.wait_running()
    assert not failure.value.temporary


def test_a_cluster_that_the_gateway_stops_for_lack_of_room_is_claimed_again(gateway, monkeypatch):
    monkeypatch.setattr(lifecycle, "LOOK_S", 0.05)
    gateway.becomes = "PENDING"
    with Claim(wanted(), watch=lambda _: Obstacle("scheduler: Insufficient cpu", room=True)) as claim:
        threading.Timer(0.3, setattr, (gateway, "status", "STOPPED")).start()
        with pytest.raises(NoRoomError, match="Insufficient cpu"):
            claim.wait_running()
