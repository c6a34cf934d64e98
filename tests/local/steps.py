"""Write small packages for `cwl-dask`, run them, and list what a run leaves behind."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

CWL_DASK = [sys.executable, "-m", "cwl_dask.local.main"]
FIELDS = {
    "workerCores": 1,
    "workerCoresLimit": 1,
    "workerMemory": "256M",
    "clusterMaxCores": 1,
    "clusterMaxMemory": "1 Gi",
}
SUM = """
import os, sys
from dask_gateway import Gateway
assert os.environ["DASK_CLUSTER"] == os.environ["DASK_GATEWAY_CLUSTER"]
with Gateway() as gateway, gateway.connect(os.environ["DASK_CLUSTER"]) as cluster, cluster.get_client() as client:
    client.wait_for_workers(int(sys.argv[1]), timeout=60)
    total = client.submit(sum, range(101)).result(timeout=60)
    workers = len(client.scheduler_info()["workers"])
open("result.txt", "w").write(f"{os.environ['DASK_CLUSTER']} {total} {workers}")
"""
END = """
import os, sys
if sys.argv[1] != "75":
    open("result.txt", "w").write("written before the end")
os.kill(os.getpid(), 9) if sys.argv[1] == "-9" else sys.exit(int(sys.argv[1]))
"""
WAIT = """
import signal
print("the step waits", flush=True)
signal.pause()
"""


def package(directory, script, *, where="hints", scatter=False, **fields):
    """Write a workflow of one step that runs `script` with the input `number`; returns its path."""
    (directory / "step.py").write_text(script)
    tool = {
        "class": "CommandLineTool",
        "id": "tool",
        "baseCommand": [sys.executable, str(directory / "step.py")],
        "temporaryFailCodes": [75],
        where: {"calrissian:DaskGatewayRequirement": FIELDS | fields},
        "inputs": {"number": {"type": "int", "inputBinding": {"position": 1}}},
        "outputs": {"result": {"type": "File", "outputBinding": {"glob": "result.txt"}}},
    }
    step = {"run": "#tool", "in": {"number": "number"}, "out": ["result"]} | ({"scatter": "number"} if scatter else {})
    many = "[]" if scatter else ""
    workflow = {
        "class": "Workflow",
        "id": "main",
        "requirements": {"ScatterFeatureRequirement": {}},
        "inputs": {"number": f"int{many}"},
        "outputs": {"result": {"type": f"File{many}", "outputSource": "step/result"}},
        "steps": {"step": step},
    }
    head = {"cwlVersion": "v1.2", "$namespaces": {"calrissian": "https://calrissian-cwl.github.io/schema#"}}
    path = directory / "package.cwl"
    path.write_text(json.dumps(head | {"$graph": [workflow, tool]}))
    return path


class Run:
    """A `cwl-dask` process with its own temporary folder."""

    def __init__(self, directory, *arguments, **environment):
        self.directory = directory
        self.temporary = directory / "tmp"
        self.temporary.mkdir()
        (directory / "err").touch()
        with (directory / "out").open("w") as out, (directory / "err").open("w") as err:
            self.process = subprocess.Popen(
                [*CWL_DASK, "--outdir", str(directory / "results"), *map(str, arguments)],
                stdout=out,
                stderr=err,
                stdin=subprocess.DEVNULL,
                cwd=directory,
                env=os.environ | {"TMPDIR": str(self.temporary)} | environment,
            )

    @property
    def said(self):
        return (self.directory / "err").read_text()

    @property
    def output(self):
        return json.loads((self.directory / "out").read_text())

    @property
    def runner(self):
        """The process that runs cwltool: the only child of the one that supervises it."""
        (child,) = (pid for pid in map(int, _pids()) if _parent(pid) == self.process.pid)
        return child

    def wait_for(self, words, seconds=120):
        eventually(lambda: words in self.said or self.process.poll() is not None, seconds)
        assert words in self.said, self.said

    def ended(self, seconds=120):
        """Wait for the end; returns the exit code."""
        return self.process.wait(seconds)

    def left(self):
        """List processes and files that the run left; its processes name its temporary folder in their arguments."""
        files = list(map(str, self.temporary.iterdir()))
        return [words for pid in _pids() if str(self.temporary) in (words := _words(pid))] + files


def eventually(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "not within the time"
        time.sleep(0.02)
    return value


def _pids():
    return [entry.name for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _words(pid):
    try:
        process = Path("/proc", str(pid))
        return " ".join((process / name).read_text().replace("\0", " ") for name in ("cmdline", "environ"))
    except OSError:
        return ""


def _parent(pid):
    try:
        return int(Path("/proc", str(pid), "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return None
