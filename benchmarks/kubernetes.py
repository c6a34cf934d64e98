"""Measure on a real Kubernetes how long a user waits for installation, clusters, jobs and deletions.

    make e2e                                   # once: puts the images on the test cluster's node
    .venv/bin/python -m benchmarks.kubernetes [--claims 10] [--jobs 5]
    .venv/bin/python -m benchmarks.kubernetes --load 200 20 50     # 200 claims in a row, 20 and 50 jobs at once
    .venv/bin/python -m benchmarks.kubernetes --load 0 50 --limit 5   # only the jobs, with job.maxRunning=5

KUBECONFIG names the Kubernetes; the images are those of the tests (BAI_E2E_REGISTRY, BAI_E2E_TAG). Everything happens
in one new namespace with Pod Security `restricted`, which is removed at the end. The Dask step is a sum on two workers.
"""

import argparse
import json
import os
import re
import time
from datetime import datetime

from kubernetes import client, config

from benchmarks.load import load, row
from tests.e2e import runner_bed
from tests.e2e.gateway_bed import CHART, Bed, kubectl, until

REGISTRY = os.environ.get("BAI_E2E_REGISTRY", "registry.test")
TAG = os.environ.get("BAI_E2E_TAG", "dev")
ANSWER = """
import urllib.request
end = time.time() + 120
while time.time() < end:
    try:
        urllib.request.urlopen("http://traefik-dask-gateway/api/health", timeout=1).close()
        break
    except OSError:
        time.sleep(0.05)
print(json.dumps(time.time()))
"""
CLAIM = """
with gateway() as g:
    start = time.time()
    cluster = g.new_cluster(shutdown_on_close=False)
    claimed = time.time() - start
    cluster.scale(2)
    with cluster.get_client() as c:
        c.wait_for_workers(2)
    workers = time.time() - start - claimed
    stopped = time.time()
    cluster.shutdown()
    print(json.dumps([claimed, workers, stopped]))
"""
MARKS = {
    "runner runs": "step] start|procuring",
    "cluster claimed": "claimed cluster",
    "scheduler runs": "is running",
    "application's first line": "hello from",
    "application done": "sum 16",
    "cluster dismissed": "dismissed cluster",
}
"""Marks in a job's log; the time of each is the one that Kubernetes wrote in front of the line."""


def install(bed: Bed) -> None:
    """Measure from `helm install` until a pod in the namespace gets an answer through Traefik."""
    started = time.time()
    bed.helm("install", "dask-gateway", str(CHART), "--values", "-", values=bed.values)
    row("install to the first answer", [bed.python(ANSWER) - started])


def claims(bed: Bed, number: int) -> None:
    """Measure claims, scaling to two workers and dismissals of clusters, one after another."""
    taken: list[tuple[float, float, float]] = []
    for _ in range(number):
        claimed, workers, stopped = bed.python(CLAIM)
        bed.wait_clean()
        taken.append((claimed, workers, time.time() - stopped))
    for what, values in zip(
        ("claim", "two workers more", "pods gone after dismissal"), zip(*taken, strict=True), strict=True
    ):
        row(what, values)


def seconds_of(job: runner_bed.Job, created: float) -> dict[str, float]:
    """Return the seconds from the Job's creation to each mark in the runner's log."""
    words = ("logs", job.pod().metadata.name, "-c", "runner", "--timestamps", "-n", job.bed.namespace)
    found: dict[str, float] = {}
    for line in kubectl(*words).splitlines():
        stamp, _, text = line.partition(" ")
        for mark, pattern in MARKS.items():
            if mark not in found and re.search(pattern, text):
                found[mark] = datetime.fromisoformat(stamp[:26] + "+00:00").timestamp() - created
    return found


def jobs(bed: runner_bed.Bed, number: int, clusters: bool) -> None:
    """Measure Jobs from creation to Complete."""
    requirement = {} if clusters else None
    taken, marks = [], []
    for n in range(number):
        created = time.time()
        job = bed.start(
            f"bench-{'dask' if clusters else 'plain'}-{n}",
            runner_bed.tool(runner_bed.APP, cluster=requirement),
            mode="sum" if clusters else "ok",
        )
        end = job.wait()
        if end.end != "Complete":
            raise SystemExit(end.log)
        taken.append(end.seconds)
        marks.append(seconds_of(job, created))
        bed.clean(60)
    row(f"a job {'with' if clusters else 'without'} Dask, creation to Complete", taken)
    for mark in MARKS:
        if values := [job_marks[mark] for job_marks in marks if mark in job_marks]:
            row(f"- {mark}, after", values)


def deletions(bed: runner_bed.Bed, number: int) -> None:
    """Measure from `kubectl delete job` of a running job until step and runner's pod are gone."""
    taken = []
    for n in range(number):
        job = bed.start(f"bench-delete-{n}", runner_bed.tool(runner_bed.APP, cluster={}), mode="sleep")
        job.says("second 1")
        started = time.time()
        job.delete()
        until(lambda job=job: not bed.names(f"bai-kit/job={job.name}"), "deleted job", 60)
        taken.append(time.time() - started)
        bed.clean(60)
    row("deletion of a running job", taken)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--claims", type=int, default=10)
    parser.add_argument("--jobs", type=int, default=5)
    load_help = "only the load: the first number is of claims in a row, each further one of jobs at once"
    parser.add_argument("--load", type=int, nargs="+", default=[], metavar="N", help=load_help)
    parser.add_argument("--limit", type=int, default=5, help="with --load: value job.maxRunning; 0 is no limit")
    args = parser.parse_args()
    config.load_kube_config()
    bed = Bed((REGISTRY, TAG), os.environ.get("BAI_E2E_TRAEFIK_TAG", TAG), "bench")
    bed.values["gateway"]["clusterOptions"]["image"] = {"allow": [f"{REGISTRY}/*"]}
    bai = {
        "runner": {"image": {"repository": f"{REGISTRY}/runner", "tag": TAG}},
        "storage": {"keep": False, "size": "1Gi"},
        "job": {"maxRunning": args.limit or None} if args.load else {},
    }
    bed.make_namespace()
    try:
        bed.client()
        print("| what, in seconds | min | median | max | runs |\n|---|---|---|---|---|")
        install(bed)
        if not args.load:
            claims(bed, args.claims)
        bed.helm("install", "bai", str(CHART.with_name("bai-chart")), "--values", "-", values=bai)
        api = client.CoreV1Api()
        template = json.loads(api.read_namespaced_config_map("bai-job", bed.namespace).data["job.json"])
        runner = runner_bed.Bed(bed.namespace, runner_bed.APP, api, client.BatchV1Api(), template)
        if args.load:
            load(bed, runner, args.load[0], args.load[1:])
            return
        jobs(runner, args.jobs, clusters=True)
        jobs(runner, args.jobs, clusters=False)
        deletions(runner, 3)
    finally:
        bed.helm("uninstall", "dask-gateway", "--ignore-not-found", "--wait")
        kubectl("delete", "namespace", bed.namespace, "--wait=false")


if __name__ == "__main__":
    main()
