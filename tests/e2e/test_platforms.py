"""Test the charts and the runner's image with the programs of platforms: pycalrissian, and a queue of jobs."""

import json
import os
import secrets
import subprocess
import venv
from pathlib import Path

import pytest

from tests.e2e.conftest import PREFIX
from tests.e2e.kit import other_release, package, until

pytestmark = pytest.mark.e2e
HERE = Path(__file__).parent
PYCALRISSIAN = "pycalrissian==0.8.3"
SUM = "sum 499500"


@pytest.fixture(scope="module")
def pycalrissian() -> Path:
    """Return the Python of an environment with pycalrissian, made in `.cache` when there is none."""
    home = HERE.parents[1] / ".cache" / "pycalrissian"
    python = home / "bin" / "python"
    if not (home / "complete").exists():
        venv.create(home, clear=True, with_pip=True)
        install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:"]
        subprocess.run([*install, PYCALRISSIAN], check=True, timeout=300)
        (home / "complete").touch()
    return python


def test_pycalrissian_runs_a_package_with_the_runners_image_in_a_namespace_of_its_own(kit, pycalrissian):
    namespace = f"{PREFIX}-pycalrissian-{secrets.token_hex(3)}"
    converted = kit.work / "platform.json"
    kit.run("package", "convert", package(kit), "-o", str(converted)).ok()
    address = f"http://traefik-dask-gateway.{kit.namespace}.svc.cluster.local:80"
    command = [pycalrissian, HERE / "pycalrissian_run.py", namespace, converted, json.dumps({"mode": "sum"}), address]
    env = {**os.environ, "CALRISSIAN_IMAGE": f"{kit.registry}/runner:{kit.tag}"}
    try:
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=180)
    finally:
        kit.kubectl("delete", "namespace", namespace, "--ignore-not-found", "--wait=false")
    assert done.returncode == 0, done.stdout + done.stderr
    assert SUM in done.stdout
    assert "dismissed cluster" in done.stdout
    kit.wait_clean()


def test_a_job_of_a_queue_starts_when_the_queue_admits_the_job(kit):
    """Kueue labels its jobs and resumes them; here the test does what Kueue does."""
    with other_release(kit, "queued", "job.queue=eo"):
        words = ["run", "--detach", "--release", "queued", "--package", package(kit, cluster=False)]
        job = kit.result(*words, "--param", "mode=write")["job"]
        found = json.loads(kit.kubectl("get", "job", job, "-o", "json"))
        assert found["spec"]["suspend"] is True
        assert found["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "eo"
        status = kit.result("status", job, "--release", "queued")
        assert status["phase"] == "queued"
        assert "suspended until its queue admits it" in status["reason"]
        assert not kit.kubectl("get", "pods", "-l", f"bai-kit/job={job}", "-o", "name")
        kit.kubectl("patch", "job", job, "--patch", '{"spec": {"suspend": false}}')
        until(lambda: kit.result("status", job, "--release", "queued")["phase"] == "complete", "end of the job", 60)
        kit.run("delete", job, "--release", "queued").ok()
