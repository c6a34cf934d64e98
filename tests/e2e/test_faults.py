"""Test faults during a run with the command: the reason is shown, and nothing remains."""

import json
import os
import signal
import subprocess
import threading

import pytest

from tests.e2e.api_relay import Relay
from tests.e2e.conftest import CLUSTER
from tests.e2e.kit import other_release, package, until

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("clean")]


def test_an_application_that_exits_7_after_writing_is_a_failure(kit, tmp_path):
    done = kit.run("run", "--package", package(kit), "--param", "mode=fail", "-o", str(tmp_path / "out"))
    assert done.code == 1
    assert "failed with exit code 7" in done.err
    assert "3 of 4 bands are missing" in done.err
    assert not (tmp_path / "out").exists()


def test_ctrl_c_detaches_and_the_job_runs_on_until_it_is_cancelled(kit, tmp_path):
    words = [
        "run",
        "--name",
        "left-alone",
        "--package",
        package(kit),
        "--param",
        "mode=sleep",
        "-o",
        str(tmp_path / "o"),
    ]
    process = kit.start(*words)
    kit.says("left-alone", "second 1")
    process.send_signal(signal.SIGINT)
    done = kit.finish(process, 20)
    assert done.code == 130
    assert "job left-alone goes on" in done.out
    assert "bai-kit logs left-alone -f" in done.out
    assert kit.result("status", "left-alone")["phase"] == "running"
    assert kit.result("cancel", "left-alone")["phase"] == "cancelled"
    assert kit.result("status", "left-alone")["phase"] == "cancelled"
    assert "dismissed cluster" in kit.run("logs", "left-alone").ok().out
    kit.run("delete", "left-alone").ok()


def test_ctrl_c_twice_cancels(kit, tmp_path):
    words = ["run", "--name", "twice", "--package", package(kit), "--param", "mode=sleep", "-o", str(tmp_path / "o")]
    process = kit.start(*words)
    kit.says("twice", "second 1")
    process.send_signal(signal.SIGINT)
    assert any("Ctrl-C again cancels" in line for line in process.stderr)
    process.send_signal(signal.SIGINT)
    done = kit.finish(process, 60)
    assert done.code == 130
    assert "job twice was cancelled" in done.err


def test_a_job_deleted_under_way_is_gone_in_seconds(kit):
    job = kit.result("run", "--detach", "--package", package(kit), "--param", "mode=sleep")["job"]
    kit.says(job, "second 1")
    kit.run("delete", job).ok()
    assert kit.run("status", job).code == 2


def test_two_runs_at_once_do_not_meet(kit, tmp_path):
    words = ["--package", package(kit), "--param", "mode=sum"]
    both = [kit.start("run", "--name", f"twin-{name}", *words, "-o", str(tmp_path / name)) for name in ("a", "b")]
    for process, name in zip(both, ("a", "b"), strict=True):
        assert "sum 499500" in kit.finish(process).ok().err
        assert (tmp_path / name / "out.txt").read_text() == "written\n"


def test_an_evicted_runner_is_a_temporary_failure_so_a_retry_completes(kit, tmp_path):
    words = ["--package", package(kit, cluster=False), "--param", "mode=short", "--retries", "1"]
    process = kit.start("run", "--name", "moved", *words, "-o", str(tmp_path / "o"))
    kit.says("moved", "second 1")
    (pod,) = [found["metadata"]["name"] for found in kit.kube.list("pods", labels="batch.kubernetes.io/job-name=moved")]
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": kit.namespace}}
    path = f"/api/v1/namespaces/{kit.namespace}/pods/{pod}/eviction"
    kit.kubectl("create", "--raw", path, "-f", "-", stdin=json.dumps(eviction))
    done = kit.finish(process).ok()
    assert "job moved failed with exit code 75: " in done.err
    assert "try 2 of 2" in done.err
    assert (tmp_path / "o" / "out.txt").read_text() == "written\n"
    assert kit.result("status", "moved")["exit_code"] == 75
    kit.run("delete", "moved").ok()


def test_a_job_beyond_the_limit_waits_and_says_so(kit, tmp_path):
    with other_release(kit, "limited", "job.maxRunning=1"):
        words = ["run", "--release", "limited", "--package", package(kit, cluster=False)]
        first = kit.start(*words, "--name", "first", "--param", "mode=short", "-o", str(tmp_path / "first"))
        kit.says("first", "second 1")
        second = kit.run(*words, "--name", "second", "--param", "mode=write", "-o", str(tmp_path / "second")).ok()
        kit.finish(first).ok()
        assert "quota limited-jobs is used up (requested: pods=1, used: pods=1, limited: pods=1)" in second.err


def test_a_timeout_ends_the_job_on_the_cluster(kit, tmp_path):
    words = ["--package", package(kit), "--param", "mode=sleep", "--timeout", "15"]
    done = kit.run("run", "--name", "late", *words, "-o", str(tmp_path / "o"))
    assert done.code == 5
    assert "was ended after" in done.err
    kit.run("delete", "late").ok()


def test_an_image_that_the_gateway_does_not_allow_is_refused_with_the_reason(kit, tmp_path):
    forbidden = package(kit, image="registry.test/forbidden:1")
    done = kit.run("run", "--package", forbidden, "--param", "mode=sum", "-o", str(tmp_path / "o"))
    assert done.code == 1
    assert "registry.test/forbidden:1" in done.err


def test_an_image_of_the_runner_that_does_not_exist_is_said_before_anything_waits(kit, tmp_path):
    with other_release(kit, "no-image", "runner.image.tag=nowhere"):
        words = ["--release", "no-image", "--package", package(kit), "--param", "mode=sum"]
        done = kit.run("run", *words, "-o", str(tmp_path / "o"), timeout=60)
        assert done.code == 4
        assert "ErrImagePull" in done.err or "ImagePullBackOff" in done.err
        assert kit.result("list", "--release", "no-image")["jobs"] == []


@pytest.fixture
def tiny_claim(kit, tmp_path):
    """Create a claim on a volume of 4 MB; only possible if the node is this machine, as in the test cluster."""
    if not CLUSTER.exists() or os.geteuid() != 0:
        pytest.skip("the node is another machine")
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m,mode=1777", "tmpfs", disk], check=True)
    name = f"tiny-{kit.namespace}"
    common = {"storageClassName": name, "accessModes": ["ReadWriteMany"]}
    volume = common | {"capacity": {"storage": "4Mi"}, "hostPath": {"path": str(disk)}}
    kit.kube.create("persistentvolumes", {"metadata": {"name": name}, "spec": volume})
    claim = common | {"resources": {"requests": {"storage": "4Mi"}}, "volumeName": name}
    kit.kube.create("persistentvolumeclaims", {"metadata": {"name": "tiny"}, "spec": claim})
    yield "tiny"
    kit.kubectl("delete", "pvc", "tiny")
    kit.kube.delete("persistentvolumes", name)
    subprocess.run(["umount", disk], check=True)


def test_a_full_volume_fails_the_run_with_the_reason(kit, tiny_claim, tmp_path):
    with other_release(kit, "full", claim=tiny_claim):
        words = ["--release", "full", "--package", package(kit), "--param", "mode=fill"]
        done = kit.run("run", *words, "-o", str(tmp_path / "o"))
        assert done.code == 1
        assert "No space left on device" in done.err
        (job,) = kit.result("list", "--release", "full")["jobs"]
        kit.run("delete", "--release", "full", job["name"]).ok()


def test_a_gateway_that_cannot_be_reached_fails_the_run_and_makes_nothing(kit, tmp_path):
    with other_release(kit, "no-gateway", "gateway.address=http://nowhere.invalid"):
        words = ["--release", "no-gateway", "--package", package(kit), "--param", "mode=sum"]
        done = kit.run("run", *words, "-o", str(tmp_path / "o"), timeout=120)
        assert done.code in {1, 75}
        assert "nowhere.invalid" in done.err


@pytest.fixture
def relay(tmp_path):
    with Relay(tmp_path / "kubeconfig") as found:
        yield found
        found.shutdown()


@pytest.mark.parametrize("moment", ["job away created", "hello at", "results: "])
def test_an_api_that_is_away_for_seconds_harms_no_run(kit, relay, tmp_path, moment):
    words = ["--package", package(kit, cluster=False), "--param", "mode=write", "-o", str(tmp_path / "o")]
    process = kit.start("run", "--kubeconfig", relay.kubeconfig, "--name", "away", *words)
    seen = []
    for line in process.stderr:
        seen.append(line)
        if moment in line and len(seen) < 1000:
            with relay.cut():
                threading.Event().wait(6)
            seen += [""] * 1000
    done = kit.finish(process)
    assert done.code == 0, "".join(seen)
    assert "no answer from the API yet, trying again" in "".join(seen)
    assert (tmp_path / "o" / "out.txt").read_text() == "written\n"
    assert kit.result("list")["jobs"] == [], done.err


def test_a_job_that_kubernetes_deletes_at_its_end_is_a_success_or_a_failure_with_its_reason(kit, tmp_path):
    with other_release(kit, "at-once", "job.ttlSecondsAfterFinished=0"):
        words = ["run", "--release", "at-once", "--package", package(kit, cluster=False)]
        kit.run(*words, "--param", "mode=write", "-o", str(tmp_path / "good")).ok()
        assert (tmp_path / "good" / "out.txt").exists()
        done = kit.run(*words, "--name", "bad-one", "--param", "mode=fail", "-o", str(tmp_path / "bad"))
        assert done.code == 1
        assert "error: job bad-one failed with exit code 1: " in done.err
        assert "was deleted" not in done.err
        kit.run("delete", "--release", "at-once", "bad-one").ok()


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_command_and_not_the_job(kit, tmp_path, signum):
    words = ["--package", package(kit, cluster=False), "--param", "mode=sleep", "-o", str(tmp_path / "o")]
    process = kit.start("run", "--name", "goes-on", *words)
    kit.says("goes-on", "second 1")
    process.send_signal(signum)
    done = kit.finish(process, 20)
    assert (done.code, "Traceback" in done.err) == (128 + signum, False)
    assert "job goes-on goes on" in done.out
    assert kit.result("status", "goes-on")["phase"] == "running"
    kit.run("delete", "goes-on").ok()


def test_a_signal_during_a_fetch_leaves_no_helper_pod(kit, tmp_path):
    words = ["--package", package(kit, cluster=False), "--param", "mode=fill"]
    job = kit.result("run", "--detach", *words)["job"]
    kit.run("logs", job, "-f").ok()
    until(lambda: kit.result("status", job)["phase"] == "complete", "end of the job", 30)
    process = kit.start("results", job, "-o", str(tmp_path / "o"))
    until(lambda: list(tmp_path.glob(".o.*.part")), "start of the fetch", 60)
    process.send_signal(signal.SIGTERM)
    done = kit.finish(process, 30)
    assert (done.code, done.err) == (143, "stopped by SIGTERM: the same command continues the download\n")
    assert kit.kube.list("pods", labels="bai-kit/role") == []
    kit.run("results", job, "-o", str(tmp_path / "o")).ok()
    kit.run("delete", job).ok()


def test_results_beyond_the_limits_are_refused_before_anything_is_written(kit, tmp_path, monkeypatch):
    job = kit.result("run", "--detach", "--package", package(kit, cluster=False), "--param", "mode=write")["job"]
    kit.run("logs", job, "-f").ok()
    until(lambda: kit.result("status", job)["phase"] == "complete", "end of the job", 30)
    monkeypatch.setenv("BAI_KIT_RESULTS_SIZE", "10")
    done = kit.run("results", job, "-o", str(tmp_path / "o"))
    assert done.code == 4
    assert "the limits are" in done.err
    assert list(tmp_path.iterdir()) == []
    monkeypatch.delenv("BAI_KIT_RESULTS_SIZE")
    kit.run("results", job, "-o", str(tmp_path / "o")).ok()
    kit.run("delete", job).ok()
