"""Test `bai-kit run` from two items to the downloaded map, and the commands around a run."""

import http.client
import json
import signal
import time
from contextlib import closing
from urllib.parse import urlsplit

import numpy as np
import pytest
import rasterio
from pytest_helm_charts.k8s.deployment import wait_for_deployments_to_run

from tests.e2e.kit import package, until

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("clean")]


def pixels(path):
    with rasterio.open(path) as raster:
        return raster.read()


@pytest.fixture(scope="module")
def map_at_home(kit, scene):
    """Return the map of a local run of the same scene."""
    directory = kit.work / "local"
    items = ["--pre-fire-url", scene.local_pre, "--post-fire-url", scene.local_post]
    kit.run("run", "--local", *items, "-o", str(directory)).ok()
    return directory


def test_the_map_of_the_cluster_is_bit_for_bit_that_of_this_machine(kit, scene, map_at_home, tmp_path):
    done = kit.run("run", *scene.options, "-o", str(tmp_path / "out")).ok()
    for name in ("bai.tif", "severity.tif"):
        ours, theirs = pixels(tmp_path / "out" / name), pixels(map_at_home / name)
        assert ours.dtype == theirs.dtype
        np.testing.assert_array_equal(ours.view(np.uint8), theirs.view(np.uint8))
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"catalog.json", "report.json", "bai.png", "run.log", "usage.json"} <= names
    for words in ("claimed cluster", "is running", "scaled cluster", "dashboard: ", "dismissed cluster"):
        assert words in done.err
    assert kit.result("list")["jobs"] == []


def test_the_first_application_line_is_here_within_a_second(kit):
    process = kit.start(
        "run", "--package", package(kit, cluster=False), "--param", "mode=write", "-o", str(kit.work / "line")
    )
    ages = [time.time() - float(line.split()[-1]) for line in process.stderr if "hello at" in line]
    kit.finish(process).ok()
    assert ages[0] < 1.0


def test_detached_job_its_log_its_results_and_its_end(kit, tmp_path):
    job = kit.result("run", "--detach", "--package", package(kit), "--param", "mode=sum")["job"]
    log = kit.run("logs", job, "-f").ok().out
    assert "sum 499500" in log
    assert '"class": "Directory"' not in log  # the outputs are in outputs.json
    until(lambda: kit.result("status", job)["phase"] == "complete", "end of the job", 30)
    assert kit.run("logs", job).ok().out == log
    kit.kubectl("delete", "pod", "-l", f"batch.kubernetes.io/job-name={job}")
    kept = [line for line in log.splitlines() if " | " in line]
    assert [line for line in kit.run("logs", job).ok().out.splitlines() if " | " in line] == kept
    found = kit.result("results", job, "-o", str(tmp_path / "out"))
    assert (tmp_path / "out" / "out.txt").read_text() == "written\n"
    assert found["files"] == len([path for path in (tmp_path / "out").rglob("*") if path.is_file()])
    kit.run("delete", job).ok()
    assert kit.run("status", job).code == 2
    assert kit.run("results", job).code == 4


UPLOADED = """
cwlVersion: v1.2
class: CommandLineTool
id: main
baseCommand: [sh, -c, 'cat "$0" "$1"/deep/b > out.txt']
hints: {DockerRequirement: {dockerPull: IMAGE}}
requirements: {ResourceRequirement: {coresMin: 0.1, coresMax: 0.1, ramMin: 64, ramMax: 128}}
inputs:
  one: {type: File, inputBinding: {position: 1}}
  many: {type: Directory, inputBinding: {position: 2}}
outputs: {out: {type: File, outputBinding: {glob: out.txt}}}
"""


def test_files_of_this_machine_are_uploaded_and_nothing_is_left_of_them(kit, tmp_path):
    (tmp_path / "many" / "deep").mkdir(parents=True)
    (tmp_path / "many" / "deep" / "b").write_text("second\n")
    (tmp_path / "a b.txt").write_text("first\n")
    (tmp_path / "tool.cwl").write_text(UPLOADED.replace("IMAGE", kit.image))
    words = ["run", "--package", str(tmp_path / "tool.cwl"), "--param", f"many={tmp_path / 'many'}"]
    kit.run(*words, "--param", f"one={tmp_path / 'a b.txt'}", "-o", str(tmp_path / "out")).ok()
    assert (tmp_path / "out" / "out.txt").read_text() == "first\nsecond\n"
    done = kit.run(*words, "--param", f"one={tmp_path / 'nothing'}", "-o", str(tmp_path / "no"))
    assert done.code == 2
    assert "nothing does not exist" in done.err
    assert kit.result("list")["jobs"] == []


def test_inputs_that_do_not_fit_create_nothing(kit):
    done = kit.run("run", "--pre-fire-url", "http://a", "--param", "colour=red")
    assert done.code == 2
    assert "post_fire_url is missing" in done.err
    assert "colour is not an input" in done.err
    assert kit.result("list")["jobs"] == []


def test_clusters_are_listed_shown_and_dismissed(kit):
    job = kit.result("run", "--detach", "--package", package(kit), "--param", "mode=sleep")["job"]
    kit.says(job, "is running")
    kit.says(job, "second 1")
    (cluster,) = kit.result("cluster", "list")["clusters"]
    assert cluster["phase"] == "Running"
    with kit.start("cluster", "dashboard", "--port", "18001") as shown:
        try:
            link = urlsplit(shown.stdout.readline().strip())
            assert link.path == f"/clusters/{cluster['namespace']}.{cluster['name']}/status"
            with closing(http.client.HTTPConnection(link.hostname, link.port, timeout=20)) as connection:
                connection.request("GET", link.path)
                reply = connection.getresponse()
                assert (reply.status, b"Dask" in reply.read()) == (200, True)
        finally:
            shown.send_signal(signal.SIGINT)
        assert shown.wait(10) == 130
    kit.run("cluster", "dismiss", cluster["name"]).ok()
    assert kit.result("cluster", "list")["clusters"] == []
    kit.run("delete", job).ok()


def test_a_healthy_deployment_has_nothing_broken(kit):
    findings = kit.result("doctor")["findings"]
    assert {finding["check"] for finding in findings} >= {
        "helm",
        "kubernetes",
        "permissions",
        "deploy",
        "volume",
        "image",
        "gateway",
        "versions",
    }
    assert [finding for finding in findings if finding["level"] == "broken"] == []


def test_clean_removes_what_dead_jobs_left_and_asks_first(kit):
    job = kit.result("run", "--detach", "--package", package(kit, cluster=False), "--param", "mode=fail")["job"]
    until(lambda: kit.result("status", job)["phase"] == "failed", "end of the job", 60)
    seen = kit.result("clean")
    assert job in seen["temporary"]
    assert seen["removed"] is False
    assert kit.result("clean", "--yes")["removed"] is True
    assert kit.result("clean")["temporary"] == {}
    kit.run("delete", job).ok()


def test_helm_and_another_client_find_the_deployment_healthy_too(kit, kube_cluster):
    releases = json.loads(kit.helm("list", "--output", "json"))
    assert {release["name"]: release["status"] for release in releases} == {
        "bai": "deployed",
        "dask-gateway": "deployed",
    }
    names = [f"{part}-dask-gateway" for part in ("api", "controller", "traefik")]
    found = wait_for_deployments_to_run(kube_cluster.kube_client, names, kit.namespace, timeout_sec=30)
    assert sorted(entry.name for entry in found) == names
