"""Load for `benchmarks.kubernetes --load`: many claims in a row, and more jobs at once than the node has room for."""

import json
import statistics
import threading
import time
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from tests.e2e import runner_bed
from tests.e2e.gateway_bed import Bed, kubectl, until

PARTS = ("api-", "controller-", "traefik-")
"""How the names of the gateway's pods begin."""
CHUNK = 10
"""Claims in one call of the client pod, which has two minutes."""
CLAIMS = """
with gateway() as g:
    taken = []
    for _ in range({number}):
        start = time.time()
        cluster = g.new_cluster(shutdown_on_close=False)
        taken.append(time.time() - start)
        cluster.shutdown()
print(json.dumps(taken))
"""
PROGRESS_S = 30
"""Seconds between two lines that say how many jobs are over."""


def row(what: str, values: Iterable[float]) -> None:
    """Print a line of the table: minimum, median, maximum and number of values."""
    figures = sorted(values)
    print(
        f"| {what} | {figures[0]:.1f} | **{statistics.median(figures):.1f}** | {figures[-1]:.1f} | {len(figures)} |",
        flush=True,
    )


def load(bed: Bed, runner: runner_bed.Bed, claims: int, jobs: Iterable[int]) -> None:
    """Claim and dismiss clusters in a row, then start so many jobs at once for each number; say what memory grows."""
    memory(bed, "at the start")
    if claims:
        many_claims(bed, claims)
        memory(bed, f"after {claims} claims")
    for number in jobs:
        at_once(runner, number)
        memory(bed, f"after {number} jobs at once")
    until(lambda: not bed.kubectl("get", "daskclusters", "-o", "name"), "removal of the records of ended clusters", 120)
    memory(bed, "at the end")
    left = [kind for kind in ("secrets", "services", "ingressroutes", "ingressroutetcps") if bed.names(kind)]
    print(f"| left of clusters: {', '.join(left) or 'nothing'} | | | | |", flush=True)


def many_claims(bed: Bed, number: int) -> None:
    """Claim and dismiss clusters one after another; what grows with their number is a leak."""
    taken: list[float] = []
    while len(taken) < number:
        taken += bed.python(CLAIMS.format(number=min(CHUNK, number - len(taken))))
    row("claims one after another", taken)
    bed.wait_clean()


def at_once(bed: runner_bed.Bed, number: int) -> None:
    """Start many jobs with a Dask step at once, and print how long they took and what they waited for."""
    for n in range(number):
        bed.start(f"load-{number}-{n}", runner_bed.tool(runner_bed.APP, cluster={}), mode="sum")
    said = time.monotonic()
    while len(over := _ends(bed, number)) < number:
        if time.monotonic() - said > PROGRESS_S:
            said = time.monotonic()
            print(f"  {len(over)} of {number} jobs are over", flush=True)
        threading.Event().wait(1)
    complete = [seconds for kind, seconds in over.values() if kind == "Complete"]
    for name, (kind, seconds) in sorted(over.items()):
        if kind != "Complete":
            print(f"  {name} {kind} after {seconds:.0f} s: {runner_bed.Job(bed, name, 0).log()[-600:]}", flush=True)
    row(f"{number} jobs at once, {len(complete)} complete: creation to end", [seconds for _, seconds in over.values()])
    logs = [runner_bed.Job(bed, name, 0).log() for name in over]
    print(f"  {sum(' waits: ' in log for log in logs)} of them said in their log what they waited for", flush=True)
    bed.clean(120)


def _ends(bed: runner_bed.Bed, number: int) -> dict[str, tuple[str, float]]:
    """Return for each job that is over its condition, and its seconds from creation to that condition."""
    found = {}
    for job in bed.batch.list_namespaced_job(bed.namespace).items:
        for condition in job.status.conditions or []:
            if condition.type in {"Complete", "Failed"} and job.metadata.name.startswith(f"load-{number}-"):
                seconds = (condition.last_transition_time - job.metadata.creation_timestamp).total_seconds()
                found[job.metadata.name] = (condition.type, seconds)
    return found


def memory(bed: Bed, when: str) -> None:
    """Print the working set of the gateway's pods in MB, and how many records of ended clusters there are."""
    until(lambda: all(_working_sets(bed.namespace)), "memory of the gateway's pods", 60)  # a new pod has none yet
    used = _working_sets(bed.namespace)
    records = len(bed.kubectl("get", "daskclusters", "-o", "name").split())
    figures = ", ".join(f"{part.rstrip('-')} {size / 1e6:.0f} MB" for part, size in zip(PARTS, used, strict=True))
    clock = datetime.now().astimezone().strftime("%H:%M:%S")
    print(f"| {clock}, memory {when} | {figures}; {records} DaskCluster objects | | | |", flush=True)


def _working_sets(namespace: str) -> list[int]:
    """Return the bytes that the kubelets report for each of `PARTS`."""
    pods: list[dict[str, Any]] = []
    for node in kubectl("get", "nodes", "-o", "jsonpath={.items[*].metadata.name}").split():
        pods += json.loads(kubectl("get", "--raw", f"/api/v1/nodes/{node}/proxy/stats/summary"))["pods"]
    own = [pod for pod in pods if pod["podRef"]["namespace"] == namespace]
    return [
        sum(pod.get("memory", {}).get("workingSetBytes", 0) for pod in own if pod["podRef"]["name"].startswith(part))
        for part in PARTS
    ]
