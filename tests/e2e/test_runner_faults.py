"""Test what ends a step, a runner or a cluster too early, on a real Kubernetes: the reason is shown, nothing remains."""

import json
import os
import signal
import time
from pathlib import Path

import pytest

from tests.e2e.runner_bed import APP, tool, until

pytestmark = pytest.mark.e2e

GONE_S = 15
"""A cluster's pods on a loaded node, after the runner saw the cluster gone."""


def node_pid(pod: str, command: bytes = b"") -> int:
    """The pid, on this machine, of a pod's first process with `command` in its command line; skips on another node."""
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            inner = next(line for line in (entry / "status").read_text().splitlines() if line.startswith("NSpid"))
            environ, words = (entry / "environ").read_bytes().split(b"\0"), (entry / "cmdline").read_bytes()
        except (OSError, StopIteration):
            continue
        if inner.split()[-1] == "1" and f"HOSTNAME={pod}".encode() in environ and command in words:
            return int(entry.name)
    pytest.skip("the node is another machine")


def test_a_step_gets_a_cluster_and_computes_on_it(jobs):
    job = jobs.start("sum", tool(APP, cluster={}), mode="sum")
    end = job.wait()
    assert (end.end, end.code, end.guard_code) == ("Complete", 0, 0), end.log
    assert "sum 16000048000000" in end.log
    for words in ("claimed cluster ", "is running", "scaled cluster ", "dashboard: http", "dismissed cluster "):
        assert words in end.log
    assert jobs.clean(GONE_S) < GONE_S


def test_scattered_steps_have_a_cluster_each_and_wait_for_their_turn(jobs):
    step = {
        "id": "each",
        "run": tool(APP, cluster={"clusterMaxCores": 1}),
        "scatter": "mode",
        "in": {"mode": "modes"},
        "out": ["out"],
    }
    workflow = {
        "cwlVersion": "v1.2",
        "class": "Workflow",
        "requirements": {"ScatterFeatureRequirement": {}, "InlineJavascriptRequirement": {}},
        "inputs": {"modes": "string[]"},
        "outputs": {"all": {"type": "File[]", "outputSource": "each/out"}},
        "steps": [step],
    }

    def one_at_a_time(spec):
        spec["containers"][0]["args"].insert(0, "--max-clusters=1")

    end = jobs.start("scatter", workflow, change=one_at_a_time, modes=["sum", "sum"]).wait(180)
    assert end.code == 0, end.log
    assert end.log.count("sum 16000048000000") == 2
    first_end, second_start = end.log.index("dismissed cluster"), end.log.rindex("claimed cluster")
    assert first_end < second_start
    jobs.clean(GONE_S)


def test_a_failing_step_ends_with_its_own_code_and_its_last_lines(jobs):
    job = jobs.start("fail", tool(APP, cluster={}), mode="fail")
    end = job.wait()
    assert (end.end, end.code) == ("Failed", 1)
    assert "failed with exit code 7: cannot go on: 3 of 4 bands missing" in end.log
    assert end.log.count("hello from fail") == 1
    jobs.clean(GONE_S)


def test_a_burst_of_lines_is_kept_whole(jobs):
    burst = tool(APP, baseCommand=["seq", "400000"], inputs={"mode": "string"}, outputs={})
    job = jobs.start("burst", burst, mode="x")
    end = job.wait()
    assert end.code == 0, end.log[-1000:]
    assert jobs.run(["sh", "-c", "seq 400000 | cmp - /calrissian/step.log && echo whole"], job=job.name) == "whole\n"
    kept = jobs.run(
        ["sh", "-c", "grep -c '^[0-9]*$' /calrissian/run.log; grep skipped /calrissian/run.log || true"], job=job.name
    )
    shown = int(kept.split()[0])
    assert shown == 400_000 or f"{400_000 - shown:,} lines skipped, all 400,000 are in step.log" in kept


def test_a_temporary_failure_of_the_step_is_one_of_the_runner(jobs):
    assert jobs.start("busy", tool(APP), mode="busy").wait().code == 75


def test_a_step_that_eats_too_much_memory(jobs):
    end = jobs.start("eat", tool(APP, cluster={}), mode="eat").wait()
    assert end.code == 1
    assert "failed with exit code 137: OOMKilled: it may use 256Mi; ask for more with ramMin and ramMax" in end.log
    jobs.clean(GONE_S)


def test_a_step_whose_first_process_is_killed(jobs):
    job = jobs.start("kill", tool(APP, cluster={}), mode="sleep")
    job.says("second 1")
    (step,) = jobs.steps()
    os.kill(node_pid(step), signal.SIGKILL)
    end = job.wait()
    assert end.code == 1
    assert "failed with exit code 137" in end.log
    jobs.clean(GONE_S)


def test_a_deleted_step_is_a_temporary_failure(jobs):
    job = jobs.start("drain", tool(APP, cluster={}), mode="sleep")
    job.says("second 1")
    (step,) = jobs.steps()
    jobs.api.delete_namespaced_pod(step, jobs.namespace)
    end = job.wait()
    assert end.code == 75
    assert f"pod {step} was deleted while it ran" in end.log
    jobs.clean(GONE_S)


def kill_scheduler(jobs, cluster):
    (name,) = jobs.names(f"gateway.dask.org/cluster={cluster},app.kubernetes.io/component=dask-scheduler")
    jobs.api.delete_namespaced_pod(name, jobs.namespace, grace_period_seconds=0)


def dismiss(jobs, cluster):
    user = next(
        entry["value"]
        for entry in jobs.job["spec"]["template"]["spec"]["containers"][0]["env"]
        if entry["name"] == "USER"
    )
    code = (
        "from dask_gateway import BasicAuth, Gateway; Gateway(auth=BasicAuth(*sys.argv[1:2])).stop_cluster(sys.argv[2])"
    )
    jobs.run(["python", "-c", f"import sys; {code}", user, f"{jobs.namespace}.{cluster}"])


@pytest.mark.parametrize("end_cluster", [kill_scheduler, dismiss])
def test_a_step_whose_cluster_is_stopped_is_a_temporary_failure_with_the_schedulers_last_line(jobs, end_cluster):
    job = jobs.start(end_cluster.__name__.replace("_", "-"), tool(APP, cluster={}), mode="hold")
    job.says("holding")
    (cluster,) = jobs.clusters()
    end_cluster(jobs, cluster)
    end = job.wait()
    assert end.code == 75, end.log
    assert (
        f"failed with exit code 1 after its Dask cluster {jobs.namespace}.{cluster} had been stopped (its scheduler's last"
        in end.log
    )
    assert "scheduler | " in end.log
    failure = json.loads(jobs.run(["cat", "/calrissian/failure.json"], job=job.name))
    assert (failure["kind"], failure["code"], failure["temporary"]) == ("cluster", 1, True)
    jobs.clean(GONE_S)


@pytest.mark.parametrize("moment", ["claimed cluster ", "second 1"])
def test_deleting_the_job_takes_everything_along_in_seconds(jobs, moment):
    job = jobs.start(f"delete-{moment[0]}", tool(APP, cluster={}), mode="sleep")
    job.says(moment)
    start = time.monotonic()
    job.delete()
    until(lambda: not jobs.names(f"bai-kit/job={job.name}"), "end of the runner and its step", 15)
    took = time.monotonic() - start
    print(f"runner and step gone after {took:.1f} s")
    jobs.clean(GONE_S)
    print(f"everything gone after {time.monotonic() - start:.1f} s")
    assert took < 8, took


def test_a_killed_runner_is_settled_by_the_guard_and_keeps_its_log(jobs):
    job = jobs.start("shot", tool(APP, cluster={}), mode="sleep")
    job.says("second 2")
    os.kill(node_pid(job.pod().metadata.name, b"cwl-dask-calrissian"), signal.SIGKILL)
    start = time.monotonic()
    end = job.wait()
    jobs.clean(GONE_S)
    print(f"cleaned up after {time.monotonic() - start:.1f} s")
    assert (end.end, end.code, end.guard_code) == ("Failed", 137, 0)
    assert "second 2" in end.log
    assert "the runner ended before its work was removed" in end.guard_log
    assert "deleted the step's pod" in end.guard_log
    assert "dismissed cluster" in end.guard_log
    kept = jobs.run(["cat", "/calrissian/run.log"], job=job.name)
    assert set(end.log.splitlines() + end.guard_log.splitlines()) == set(kept.splitlines())


def test_a_cluster_outlives_its_idle_timeout_under_a_living_step_but_not_its_runner(jobs):
    """Runner and guard are killed at once, as with a lost node: the garbage collector and the lease have to do."""
    job = jobs.start("lease", tool(APP, cluster={"idleTimeout": 30}), mode="sleep")
    job.says("second 40", 90)
    (cluster,) = jobs.clusters()
    pod = job.pod().metadata.name
    for command in (b"cwl-dask-guard", b"cwl-dask-calrissian"):
        os.kill(node_pid(pod, command), signal.SIGKILL)
    start = time.monotonic()
    job.wait()
    job.delete()  # by a person, or the time-to-live of ended jobs
    until(lambda: not jobs.steps(), "end of the step", 30)
    until(lambda: cluster not in jobs.clusters(), "end of the cluster", 90)
    print(f"cluster ended {time.monotonic() - start:.1f} s after its runner")
    jobs.clean(GONE_S)
