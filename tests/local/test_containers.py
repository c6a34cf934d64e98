"""Test steps and clusters in containers, with Podman and images that its storage holds.

BAI_KIT_TEST_IMAGES names the images, separated by spaces: the application's own, and others with Dask and dask-gateway
of other versions.
"""

import json
import os
import shutil
import signal
import subprocess

import pytest

from tests.local.steps import Run, eventually

IMAGES = os.environ.get("BAI_KIT_TEST_IMAGES", "").split()
pytestmark = [
    pytest.mark.skipif(not shutil.which("podman"), reason="Podman is not installed"),
    pytest.mark.skipif(not IMAGES, reason="BAI_KIT_TEST_IMAGES names no image"),
]
STEP = """
import os, sys, time
import dask
from dask_gateway import Gateway

def work(folder):
    with open(os.path.join(folder, "by-worker.txt"), "w") as file:
        file.write("written by the worker")
    return dask.__version__, os.getuid(), sorted(os.listdir("/opt"))

with Gateway() as gateway, gateway.connect(os.environ["DASK_CLUSTER"]) as cluster, cluster.get_client() as client:
    assert client.submit(work, os.getcwd()).result(60) == work(os.getcwd()), "client and worker differ"
    try:
        gateway.new_cluster()
    except ValueError as error:
        print("refused:", error, flush=True)
print("the step waits" * (sys.argv[1] != "0"), flush=True)
time.sleep(float(sys.argv[1]))
"""


def container_package(directory, image):
    tool = {
        "cwlVersion": "v1.2",
        "$namespaces": {"calrissian": "https://calrissian-cwl.github.io/schema#"},
        "class": "CommandLineTool",
        "baseCommand": ["python", "step.py"],
        "requirements": {
            "DockerRequirement": {"dockerPull": image},
            "InitialWorkDirRequirement": {"listing": [{"entryname": "step.py", "entry": STEP.replace("$", "\\$")}]},
            "calrissian:DaskGatewayRequirement": {
                "workerCores": 1,
                "workerCoresLimit": 1,
                "workerMemory": "512M",
                "clusterMaxCores": 1,
                "clusterMaxMemory": "512M",
            },
        },
        "inputs": {"seconds": {"type": "int", "inputBinding": {"position": 1}}},
        "outputs": {"result": {"type": "File", "outputBinding": {"glob": "by-worker.txt"}}},
    }
    (directory / "package.cwl").write_text(json.dumps(tool))
    return directory / "package.cwl"


def containers():
    command = ["podman", "ps", "--all", "--format", "{{.Names}}"]
    names = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return [name for name in names if name.startswith("cwl-dask-")]


@pytest.mark.parametrize("image", IMAGES)
def test_step_and_cluster_are_of_one_image_and_see_the_results_folder(tmp_path, image):
    run = Run(tmp_path, "--podman", "--dask-gateway", "local", container_package(tmp_path, image), "--seconds", 0)
    assert run.ended() == 0, run.said
    assert (tmp_path / "results/by-worker.txt").read_text() == "written by the worker"
    assert "refused: this gateway starts clusters for cwl-dask only" in run.said
    assert containers() == []
    assert run.left() == []


@pytest.mark.parametrize("how", ["interrupted", "killed"])
def test_no_container_is_left_after_ctrl_c_and_after_sigkill_of_both_processes(tmp_path, how):
    run = Run(tmp_path, "--podman", "--dask-gateway", "local", container_package(tmp_path, IMAGES[0]), "--seconds", 600)
    run.wait_for("the step waits")
    assert len(containers()) == 3
    if how == "killed":
        for process in (run.runner, run.process.pid):
            os.kill(process, signal.SIGKILL)
        run.process.wait()
    else:
        run.process.send_signal(signal.SIGINT)
        assert run.ended() == 128 + signal.SIGINT
    eventually(lambda: containers() == [])
