"""The Python interface: the example notebook as a whole, and the calls that need a Kubernetes on a fake one."""

import json
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

import bai_kit
from bai_kit import notebook
from bai_kit.errors import UsageError
from bai_kit.job.run import RunOutcome
from bai_kit.job.state import Phase
from tests.bai_kit.fakes import FakeKube, job_object, job_template, pod_object

NOTEBOOK = Path(__file__).parents[2] / "examples" / "notebook.ipynb"


def test_the_example_notebook_shows_the_map(tmp_path, monkeypatch):
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    document = nbformat.read(NOTEBOOK, as_version=4)
    client = NotebookClient(document, timeout=120, kernel_name="python3", resources={"metadata": {"path": tmp_path}})
    client.execute()
    shown = [output for cell in document.cells if cell.cell_type == "code" for output in cell.outputs]
    assert any("image/png" in output.get("data", {}) for output in shown)
    assert any(" ha " in output.get("text", "") for output in shown)
    assert (tmp_path / "map" / "outputs.json").exists()


@pytest.fixture
def kube(monkeypatch, tmp_path):
    labels = {"app.kubernetes.io/part-of": "bai-kit", "app.kubernetes.io/instance": "bai"}
    release = {"metadata": {"name": "bai-job", "labels": labels}, "data": {"job.json": json.dumps(job_template())}}
    found = FakeKube(
        ("configmaps", release),
        ("jobs", job_object("good", conditions=[("Complete", "")])),
        ("pods", pod_object("good-x", "good", exit_code=0, phase="Succeeded")),
    )
    found.logs["good-x"] = [b"2026-11-22T10:00:01Z hello"]
    monkeypatch.setattr(notebook, "_kube", lambda _: found)
    monkeypatch.setenv("BAI_KIT_CONFIG", str(tmp_path / "none"))
    (tmp_path / "none").touch()
    return found


def test_the_functions_are_those_of_the_package():
    for name in ("run", "follow", "results", "clusters"):
        assert getattr(bai_kit, name) is getattr(notebook, name)
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        bai_kit.nothing  # noqa: B018


def test_a_jobs_log_is_followed(kube):
    assert list(bai_kit.follow("good")) == ["hello"]


def test_running_clusters_are_listed(kube):
    for name, phase in (("a", "Running"), ("b", "Stopped")):
        metadata = {"name": name, "namespace": "ns", "creationTimestamp": "2026-11-22T10:00:00Z"}
        kube.objects["daskclusters", name] = {"metadata": metadata, "status": {"phase": phase}}
    assert [cluster.full_name for cluster in bai_kit.clusters()] == ["ns.a"]


def test_a_run_takes_settings_as_the_command_does(kube, monkeypatch, tmp_path):
    asked = []
    outcome = RunOutcome("one", Phase.RUNNING, None, 1.0)
    monkeypatch.setattr(notebook, "run_job", lambda _, request, __: asked.append(request) or outcome)
    with pytest.raises(KeyboardInterrupt, match="job one goes on"):
        bai_kit.run({"url": "a"}, tmp_path / "out", release="fire", results_size="1k", retries=2)
    (request,) = asked
    assert (request.release, request.limits.bytes, request.retries) == ("fire", 1000, 2)
    with pytest.raises(UsageError, match="unknown setting 'colour'"):
        bai_kit.run({}, tmp_path / "out", colour="red")
