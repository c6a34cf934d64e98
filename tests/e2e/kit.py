"""What the tests through the command need: `bai-kit` as a process, a scene in a pod, packages, and a look at what is left."""

import contextlib
import dataclasses
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import yaml

from bai_kit.kube.api import Kube

SCENE_SIZE = 512
"""Pixels: four tasks, so that the map is put together from several."""
GONE_S = 30.0
SCENE_LABELS = {"app": "scene"}


@dataclasses.dataclass
class Done:
    """A `bai-kit` that has ended."""

    code: int
    out: str
    err: str

    def ok(self) -> "Done":
        assert self.code == 0, f"exit code {self.code}\n{self.err}\n{self.out}"
        return self

    def data(self) -> Any:
        """The result in the JSON envelope."""
        return json.loads(self.out)["data"]


@dataclasses.dataclass
class Kit:
    """`bai-kit` for one namespace, and a direct way to look at it."""

    namespace: str
    registry: str
    tag: str
    work: Path

    def __post_init__(self):
        self.kube = Kube(namespace=self.namespace)

    @property
    def env(self):
        names = {"NAMESPACE": self.namespace, "REGISTRY": self.registry, "TAG": self.tag}
        return os.environ | {f"BAI_KIT_{name}": value for name, value in names.items()}

    @property
    def image(self):
        return f"{self.registry}/bai:{self.tag}"

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start a command and leave it running."""
        command = [sys.executable, "-m", "bai_kit", *words]
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(command, env=self.env, text=True, **pipes)

    def run(self, *words: str, timeout: float = 300) -> Done:
        """Run a command to its end."""
        return self.finish(self.start(*words), timeout)

    def finish(self, process: subprocess.Popen[str], timeout: float = 300) -> Done:
        """Wait for a command's end."""
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            raise AssertionError("".join(process.communicate())) from None
        return Done(process.returncode, out, err)

    def result(self, *words: str) -> Any:
        """Run a command that must succeed; return its result."""
        return self.run("--output", "json", *words).ok().data()

    def deploy(self, *more: str) -> Done:
        """Install or upgrade both releases, with values for a small, shared node."""
        values, package = self.work / "values.yaml", self.work / "bai.cwl"
        return self.run("deploy", "--profile", "minikube", "-f", str(values), "--package", str(package), *more)

    def kubectl(self, *words: str, stdin: str | None = None) -> str:
        """Run kubectl in the namespace."""
        command = ["kubectl", "--namespace", self.namespace, *words]
        return subprocess.run(command, input=stdin, capture_output=True, text=True, check=True, timeout=120).stdout

    def helm(self, *words: str) -> str:
        """Run helm in the namespace."""
        command = ["helm", "--namespace", self.namespace, *words]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout

    def says(self, job: str, text: str, seconds: float = 90) -> None:
        """Wait until a job's runner has said something."""

        def log() -> str:
            with contextlib.suppress(subprocess.CalledProcessError):
                return self.kubectl("logs", f"job/{job}", "-c", "runner")
            return ""

        until(lambda: text in log(), f"{text!r} from {job}", seconds, log)

    def left(self) -> dict[str, list[str]]:
        """What of jobs and clusters is there, but for Jobs and their runners' ended pods."""

        def names(kind: str, labels: str = "") -> list[str]:
            return [listed["metadata"]["name"] for listed in self.kube.list(kind, labels=labels)]

        clusters = self.kube.list("daskclusters")
        alive = [
            cluster["metadata"]["name"]
            for cluster in clusters
            if cluster.get("status", {}).get("phase") not in ("Stopped", "Failed")
        ]
        runners = self.kube.list("pods", labels="bai-kit/job,batch.kubernetes.io/job-name")
        found = {
            "step pods": names("pods", "bai-kit/step"),
            "helper pods": names("pods", "bai-kit/role"),
            "Dask pods": names("pods", "gateway.dask.org/cluster"),
            "clusters": alive,
            "running runners": [
                runner["metadata"]["name"] for runner in runners if runner["status"]["phase"] == "Running"
            ],
            "secrets": names("secrets", "gateway.dask.org/cluster"),
            "services": names("services", "gateway.dask.org/cluster"),
            "routes": names("ingressroutes", "gateway.dask.org/cluster"),
            "tcp routes": names("ingressroutetcps", "gateway.dask.org/cluster"),
        }
        return {key: value for key, value in found.items() if value}

    def wait_clean(self) -> None:
        """Wait until nothing is left."""
        until(lambda: not self.left(), "clean namespace", GONE_S, lambda: str(self.left()))


@dataclasses.dataclass(frozen=True)
class Scene:
    """The demo scene: for jobs, and for this machine."""

    pre: str
    post: str
    local_pre: str
    local_post: str

    @property
    def options(self) -> list[str]:
        return ["--pre-fire-url", self.pre, "--post-fire-url", self.post]


def until(probe, what: str, seconds: float, explain=str) -> Any:
    """Ask until the answer is true."""
    deadline = time.monotonic() + seconds
    while not (answer := probe()):
        assert time.monotonic() < deadline, f"no {what} within {seconds} s\n{explain()}"
        time.sleep(0.1)
    return answer


def write_small_package(work: Path, image: str) -> None:
    """Write the application's own package with less to ask for: two runs and two releases must fit on two cores."""
    cwl = yaml.safe_load((Path(__file__).parents[2] / "bai" / "bai.cwl").read_text())
    tool = next(process for process in cwl["$graph"] if process["class"] == "CommandLineTool")
    tool["requirements"]["ResourceRequirement"] = {"coresMin": 0.1, "coresMax": 0.2, "ramMin": 256, "ramMax": 512}
    tool["hints"]["DockerRequirement"]["dockerPull"] = image
    tool["hints"]["calrissian:DaskGatewayRequirement"] |= {
        "workerCores": 0.1,
        "workerMemory": "1G",
        "clusterMaxMemory": "2G",
    }
    (work / "bai.cwl").write_text(yaml.safe_dump(cwl, sort_keys=False))


def write_values(work: Path, registry: str, traefik_tag: str) -> None:
    """Write values for a small, shared node."""
    small = {"requests": {"cpu": "50m", "memory": "64Mi"}}
    values = {
        "dask-gateway": {
            "traefik": {"image": {"name": f"{registry}/traefik", "tag": traefik_tag}},
            "gateway": {"clusterOptions": {"image": {"allow": [f"{registry}/bai:*"]}}},
            # The gateway also takes requests from the namespaces that a platform makes for its jobs.
            "networkPolicy": {
                "clients": [
                    {"podSelector": {}},
                    {"namespaceSelector": {"matchLabels": {"platform.example/jobs": "true"}}},
                ]
            },
        },
        "bai": {"storage": {"size": "1Gi", "keep": False}, "runner": {"resources": small}},
    }
    (work / "values.yaml").write_text(yaml.safe_dump(values))


@contextlib.contextmanager
def other_release(kit: Kit, name: str, *sets: str, claim: str = "bai-data"):
    """Install bai-chart once more in the namespace, with something wrong, by default on the first release's volume."""
    words = [
        word for assignment in (*sets, f"storage.existingClaim={claim}") for word in ("--set", f"bai.{assignment}")
    ]
    # By Helm: a deploy would see what is wrong.
    shown = kit.run(
        "render", "values", "--release", name, "--profile", "minikube", "-f", str(kit.work / "values.yaml"), *words
    )
    values = json.dumps(yaml.safe_load(shown.ok().out)["bai"])
    chart = str(Path(__file__).parents[2] / "charts" / "bai-chart")
    command = ["helm", "--namespace", kit.namespace, "install", name, chart, "--values", "-"]
    subprocess.run(command, input=values, capture_output=True, text=True, check=True, timeout=120)
    try:
        yield
    finally:
        kit.helm("uninstall", name)


def serve_scene(kit: Kit) -> Scene:
    """Make the demo scene in a pod that serves it, and the very same one here."""
    make = ["python", "-m", "bai.demo", "/data/scene", "--size", str(SCENE_SIZE)]
    serve = ["python", "-c", Path(__file__).with_name("range_server.py").read_text(), "/data/scene"]
    pre, post = "S2B_10TFK_20210713_0_L2A.json", "S2A_10TFK_20210718_0_L2A.json"
    restricted = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "readOnlyRootFilesystem": True}
    mounts = [{"name": "data", "mountPath": "/data"}, {"name": "tmp", "mountPath": "/tmp"}]  # noqa: S108 - in the pod
    base = {
        "image": kit.image,
        "imagePullPolicy": "IfNotPresent",
        "securityContext": restricted,
        "volumeMounts": mounts,
    }
    base["resources"] = {"requests": {"cpu": "10m", "memory": "64Mi"}}
    probe = {"httpGet": {"path": f"/{post}", "port": 8000}, "periodSeconds": 1}
    pod = {
        "securityContext": {"runAsUser": 1000, "runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 0,
        "initContainers": [base | {"name": "make", "command": make}],
        "containers": [base | {"name": "serve", "command": serve, "readinessProbe": probe}],
        "volumes": [{"name": "data", "emptyDir": {}}, {"name": "tmp", "emptyDir": {}}],
    }
    kit.kube.create("pods", {"metadata": {"name": "scene", "labels": SCENE_LABELS}, "spec": pod})
    ports = [{"port": 80, "targetPort": 8000}]
    kit.kube.create("services", {"metadata": {"name": "scene"}, "spec": {"selector": SCENE_LABELS, "ports": ports}})
    here = kit.work / "scene"
    subprocess.run([sys.executable, *make[1:3], str(here), *make[4:]], check=True, capture_output=True, timeout=120)
    kit.kubectl("wait", "--for=condition=Ready", "pod/scene", "--timeout=60s")
    address = f"http://scene.{kit.namespace}.svc.cluster.local"
    return Scene(f"{address}/{pre}", f"{address}/{post}", str(here / pre), str(here / post))


STEP = """
import os, sys, time
mode = sys.argv[1]
print("hello at", time.time(), file=sys.stderr, flush=True)
os.makedirs("results")
open("results/out.txt", "w").write("written\\n")
if mode == "fail":
    print("3 of 4 bands are missing", file=sys.stderr); sys.exit(7)
if mode == "sleep":
    for second in range(300): print("second", second, file=sys.stderr, flush=True); time.sleep(1)
if mode == "short":
    for second in range(15): print("second", second, file=sys.stderr, flush=True); time.sleep(1)
if mode == "wait":
    for second in range(25): print("second", second, file=sys.stderr, flush=True); time.sleep(1)
if mode == "fill":
    with open("results/big", "wb") as file:
        for _ in range(256): file.write(bytes(1 << 20))
if mode in ("sum", "wait"):
    from dask_gateway import Gateway
    with Gateway() as gateway:
        cluster = gateway.connect(os.environ["DASK_GATEWAY_CLUSTER"])
        with cluster.get_client() as client:
            print("sum", client.submit(sum, range(1000)).result(), file=sys.stderr, flush=True)
"""


def package(kit: Kit, *, image: str | None = None, cluster: bool = True) -> str:
    """Write a package of one tool that does what its input `mode` says; returns its path."""
    dask = {
        "workerCores": 0.1,
        "workerCoresLimit": 1,
        "workerMemory": "512M",
        "clusterMaxCores": 1,
        "clusterMaxMemory": "4G",
    }
    tool = {
        "cwlVersion": "v1.2",
        "$namespaces": {"calrissian": "https://calrissian-cwl.github.io/schema#"},
        "class": "CommandLineTool",
        "id": "main",
        "baseCommand": ["python", "-c", STEP],
        "requirements": {
            "NetworkAccess": {"networkAccess": True},
            "ResourceRequirement": {"coresMin": 0.1, "coresMax": 0.1, "ramMin": 128, "ramMax": 256},
        },
        "hints": {"DockerRequirement": {"dockerPull": image or kit.image}},
        "inputs": {"mode": {"type": "string", "inputBinding": {"position": 1}}},
        "outputs": {"results": {"type": "Directory", "outputBinding": {"glob": "results"}}},
    }
    if cluster:
        tool["hints"]["calrissian:DaskGatewayRequirement"] = dask
    path = kit.work / f"package-{'dask' if cluster else 'plain'}-{abs(hash(image)) % 10**6}.cwl"
    path.write_text(yaml.safe_dump(tool))
    return str(path)
