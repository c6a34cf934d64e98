"""A namespace with the release that jobs need, and jobs in it, for the tests of the runner alone (no `bai-kit`)."""

import contextlib
import dataclasses
import json
import os
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client, config, watch

CHARTS = Path(__file__).parents[2] / "charts"
REGISTRY = os.environ.get("BAI_E2E_REGISTRY", "registry.test")
TAG = os.environ.get("BAI_E2E_TAG", "dev")
APP = f"{REGISTRY}/bai:{TAG}"
RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}


@dataclasses.dataclass
class Bed:
    """One namespace, one release of bai-chart."""

    namespace: str
    app_image: str
    api: client.CoreV1Api
    batch: client.BatchV1Api
    job: dict[str, Any]
    """The Job as the release describes it."""

    def start(
        self, name: str, tool: dict[str, Any], *, change: Callable[[dict[str, Any]], None] | None = None, **params: Any
    ) -> "Job":
        """Create a Job for a tool, as `bai-kit run --package` does."""
        body = json.loads(json.dumps(self.job).replace('"subPath": "JOB"', f'"subPath": "{name}"'))
        pod = body["spec"]["template"]
        body["metadata"]["name"] = name
        for labels in (body["metadata"]["labels"], pod["metadata"]["labels"]):
            labels["bai-kit/job"] = name
        pod["metadata"]["annotations"] |= {"bai-kit/params": json.dumps(params), "bai-kit/package": json.dumps(tool)}
        args = pod["spec"]["containers"][0]["args"]
        args[args.index("/package/app-package.json")] = "/job/app-package.json"
        if change:
            change(pod["spec"])
        self.batch.create_namespaced_job(self.namespace, body)
        return Job(self, name, time.monotonic())

    def run(self, command: list[str], uid: int = 1000, job: str = "JOB") -> str:
        """Run a command of the runner's image in a job's folder, read-only and restricted; returns what it wrote."""
        pod = json.loads(
            json.dumps(self.job["spec"]["template"]["spec"]).replace('"subPath": "JOB"', f'"subPath": "{job}"')
        )
        pod["containers"] = [pod["containers"][0] | {"command": command, "args": []}]
        pod["securityContext"] |= {"runAsUser": uid, "runAsGroup": uid}
        pod["containers"][0]["env"] = []
        metadata = {"name": f"run-{uuid.uuid4().hex[:6]}", "annotations": {"bai-kit/params": "{}"}}
        self.api.create_namespaced_pod(self.namespace, {"metadata": metadata, "spec": pod})
        name = metadata["name"]

        def phase() -> str | None:
            found: str = self.api.read_namespaced_pod(name, self.namespace).status.phase
            return found if found in ("Succeeded", "Failed") else None

        end = until(phase, f"end of {name}", 60)
        text = str(self.api.read_namespaced_pod_log(name, self.namespace))
        self.api.delete_namespaced_pod(name, self.namespace)
        assert end == "Succeeded", text
        return text

    def steps(self) -> list[str]:
        """Names of the step pods that exist."""
        return self.names("bai-kit/step")

    def dask(self) -> list[str]:
        """Names of the pods of Dask clusters that exist."""
        return self.names("gateway.dask.org/cluster")

    def clusters(self) -> list[str]:
        """Names of the Dask clusters that have not been stopped."""
        found = client.CustomObjectsApi().list_namespaced_custom_object(
            "gateway.dask.org", "v1alpha1", self.namespace, "daskclusters"
        )
        return [
            one["metadata"]["name"]
            for one in found["items"]
            if one.get("status", {}).get("phase") not in ("Stopped", "Failed")
        ]

    def clean(self, seconds: float) -> float:
        """Wait until nothing of any job is left but its runner's ended pod; returns the seconds it took."""
        start = time.monotonic()
        until(
            lambda: not (self.steps() or self.dask() or self.clusters()),
            "clean namespace",
            seconds,
            lambda: f"{self.steps()} {self.dask()} {self.clusters()}",
        )
        return time.monotonic() - start

    def names(self, selector: str) -> list[str]:
        """Names of the pods that a label selector finds."""
        return [
            pod.metadata.name for pod in self.api.list_namespaced_pod(self.namespace, label_selector=selector).items
        ]


@dataclasses.dataclass
class Job:
    """One run of the runner."""

    bed: Bed
    name: str
    since: float

    def pod(self) -> Any:
        """The runner's pod."""

        def found() -> Any:
            pods = self.bed.api.list_namespaced_pod(
                self.bed.namespace, label_selector=f"bai-kit/job={self.name},!bai-kit/step"
            ).items
            return pods[0] if pods else None

        return until(found, f"a pod of {self.name}", 20)

    def wait(self, seconds: float = 120) -> "Outcome":
        """Wait for the Job's end."""
        selector = {"field_selector": f"metadata.name={self.name}"}
        for event in watch.Watch().stream(
            self.bed.batch.list_namespaced_job, self.bed.namespace, timeout_seconds=int(seconds), **selector
        ):
            ends = [
                c.type
                for c in event["object"].status.conditions or []
                if c.status == "True" and c.type in ("Complete", "Failed")
            ]
            if ends:
                took = time.monotonic() - self.since
                state = self.pod().status.container_statuses
                codes = {status.name: status.state.terminated.exit_code for status in state}
                return Outcome(ends[0], codes["runner"], codes["guard"], took, self.log(), self.log("guard"))
        raise AssertionError(f"{self.name} has not ended after {seconds} s\n{self.log()}")

    def log(self, container: str = "runner") -> str:
        """What a container has written so far."""
        with contextlib.suppress(client.ApiException):
            return str(
                self.bed.api.read_namespaced_pod_log(self.pod().metadata.name, self.bed.namespace, container=container)
            )
        return ""

    def says(self, text: str, seconds: float = 60) -> str:
        """Wait until the runner has said something; returns its log."""
        return until(
            lambda: log if text in (log := self.log()) else None, f"{text!r} from {self.name}", seconds, self.log
        )

    def delete(self) -> None:
        """`kubectl delete job`."""
        self.bed.batch.delete_namespaced_job(self.name, self.bed.namespace, propagation_policy="Background")


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How a Job ended."""

    end: str
    """Complete or Failed."""
    code: int
    guard_code: int
    seconds: float
    log: str
    guard_log: str


def until(probe: Callable[[], Any], what: str, seconds: float, explain: Callable[[], str] = str) -> Any:
    """Ask until the answer is true."""
    deadline = time.monotonic() + seconds
    while not (answer := probe()):
        if time.monotonic() > deadline:
            raise AssertionError(f"no {what} within {seconds} s\n{explain()}")
        time.sleep(0.1)
    return answer


@contextlib.contextmanager
def bed(namespace: str, app_image: str, bai: dict[str, Any], gateway: dict[str, Any]) -> Iterator[Bed]:
    """Make a namespace (Pod Security restricted) with both releases; remove all of it in the end.

    Args:
        namespace: the name of the namespace.
        app_image: image of steps, schedulers and workers.
        bai: values of bai-chart.
        gateway: values of the dask-gateway chart.
    """
    api = client.CoreV1Api()
    api.create_namespace({"metadata": {"name": namespace, "labels": RESTRICTED}})
    here = ("--namespace", namespace)
    try:
        helm(
            "install",
            "dask-gateway",
            str(CHARTS / "dask-gateway"),
            *here,
            "--values",
            "-",
            "--wait",
            stdin=json.dumps(gateway),
        )
        helm("install", "bai", str(CHARTS / "bai-chart"), *here, "--values", "-", stdin=json.dumps(bai))
        job = json.loads(api.read_namespaced_config_map("bai-job", namespace).data["job.json"])
        yield Bed(namespace, app_image, api, client.BatchV1Api(), job)
    finally:
        helm("uninstall", "dask-gateway", *here, "--ignore-not-found", "--wait")
        api.delete_namespace(namespace, propagation_policy="Background")


@pytest.fixture(scope="session", name="jobs")
def runner_jobs(images: Any) -> Iterator[Bed]:
    """A namespace with both releases, for all tests of the runner alone; `images` has put the images on the node."""
    config.load_kube_config()

    def image(name: str, key: str = "repository", tag: str = TAG) -> dict[str, str]:
        return {key: f"{REGISTRY}/{name}", "tag": tag}

    bai = {"runner": {"image": image("runner")}, "storage": {"keep": False, "size": "1Gi"}}
    gateway = {
        "gateway": {
            "image": image("gateway-server", "name"),
            "backend": {"image": image("bai", "name")},
            "clusterOptions": {"image": {"allow": [f"{REGISTRY}/*"]}},
        },
        "traefik": {"image": image("traefik", "name", os.environ.get("BAI_E2E_TRAEFIK_TAG", TAG))},
    }
    with bed(f"r-{uuid.uuid4().hex[:6]}", APP, bai, gateway) as made:
        yield made


def helm(*arguments: str, stdin: str | None = None) -> str:
    """Run helm."""
    done = subprocess.run(["helm", *arguments], input=stdin, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


STEP = """
import os, sys, time
mode = sys.argv[1]
print("hello from", mode, file=sys.stderr, flush=True)
def write():
    with open("out.txt", "w") as file:
        file.write("written\\n")
if mode == "fail":
    write(); print("cannot go on: 3 of 4 bands missing", file=sys.stderr); sys.exit(7)
if mode == "busy":
    sys.exit(75)
if mode == "eat":
    hoard = []
    while True: hoard.append(bytearray(1 << 24))
if mode == "sleep":
    for second in range(600): print("second", second, flush=True); time.sleep(1)
if mode == "hold":
    from dask_gateway import Gateway
    with Gateway() as gateway:
        with gateway.connect(os.environ["DASK_GATEWAY_CLUSTER"]).get_client() as client:
            future = client.submit(time.sleep, 600)
            print("holding", flush=True)
            future.result()
if mode == "sum":
    from dask_gateway import Gateway
    with Gateway() as gateway:
        cluster = gateway.connect(os.environ["DASK_GATEWAY_CLUSTER"])
        with cluster.get_client() as client:
            print("sum", sum(client.gather(client.map(lambda n: sum(range(n, n + 2_000_000)), range(8)))), flush=True)
write()
"""


def tool(image: str, *, cluster: dict[str, Any] | None = None, memory: int = 256, **more: Any) -> dict[str, Any]:
    """A package of one tool that does what its input `mode` says."""
    dask = {
        "workerCores": 0.1,
        "workerCoresLimit": 1,
        "workerMemory": "512M",
        "clusterMaxCores": 2,
        "clusterMaxMemory": "4G",
    }
    hints = {"calrissian:DaskGatewayRequirement": {**dask, **cluster}} if cluster is not None else {}
    return {
        "cwlVersion": "v1.2",
        "class": "CommandLineTool",
        "$namespaces": {"calrissian": "https://calrissian-cwl.github.io/schema#"},
        "requirements": {
            "DockerRequirement": {"dockerPull": image},
            "ResourceRequirement": {"coresMin": 0.1, "coresMax": 0.1, "ramMin": memory, "ramMax": memory},
        },
        "hints": hints,
        "baseCommand": ["python", "-c", STEP],
        "inputs": {"mode": {"type": "string", "inputBinding": {"position": 1}}},
        "outputs": {"out": {"type": "File", "outputBinding": {"glob": "out.txt"}}},
        "temporaryFailCodes": [75],
        **more,
    }
