"""Run workflows with Calrissian's classes and a fake of its pods. Needs Calrissian's environment."""

import json

import pytest

pytest.importorskip("calrissian")

import calrissian.job
from calrissian.context import CalrissianRuntimeContext
from calrissian.k8s import CompletionResult
from calrissian.report import Reporter
from cwltool.context import LoadingContext
from cwltool.executors import SingleJobExecutor
from cwltool.load_tool import load_tool
from kubernetes import client

from cwl_dask.calrissian import steps
from cwl_dask.calrissian.guard import Ledger
from cwl_dask.calrissian.pod import Runner
from cwl_dask.calrissian.session import new_session
from cwl_dask.calrissian.watch import StepClient
from cwl_dask.core.output import Output
from cwl_dask.core.step import StepError

TOOL = {
    "class": "CommandLineTool",
    "id": "tool",
    "baseCommand": "true",
    "temporaryFailCodes": [75],
    "requirements": {
        "DockerRequirement": {"dockerPull": "app:1"},
        "ResourceRequirement": {"coresMin": "$(1 / 4)", "coresMax": 1, "ramMin": 256, "ramMax": 512},
        "InlineJavascriptRequirement": {},
    },
    "inputs": {},
    "outputs": {"result": {"type": "File", "outputBinding": {"glob": "result.txt"}}},
}
WORKFLOW = {
    "class": "Workflow",
    "id": "main",
    "inputs": {},
    "outputs": {"result": {"type": "File", "outputSource": "step/result"}},
    "steps": {"step": {"run": "#tool", "in": {}, "out": ["result"]}},
}


class Api:
    """Stand in for Kubernetes: the runner's volume is a folder of the test, and the test decides how the step ends."""

    ends: int | StepError
    folder: str
    submitted: dict
    step_log, why, lost = None, "no band", ""

    def get_current_pod(self):
        claim = client.V1PersistentVolumeClaimVolumeSource(claim_name="work")
        mount = client.V1VolumeMount(name="work", mount_path=self.folder)
        spec = client.V1PodSpec(
            containers=[client.V1Container(name="runner", volume_mounts=[mount])],
            volumes=[client.V1Volume(name="work", persistent_volume_claim=claim)],
        )
        pod = client.V1Pod(metadata=client.V1ObjectMeta(name="runner-1", uid="1"), spec=spec)
        self.runner = Runner.from_pod(pod)
        return pod

    def check(self):
        pass

    def submit_pod(self, pod):
        type(self).submitted = pod

    def wait_for_completion(self):
        if isinstance(self.ends, StepError):
            raise self.ends
        return CompletionResult(self.ends, "250m", "256Mi", None, None, [])


@pytest.fixture
def workflow(tmp_path, monkeypatch):
    """Run a workflow of one step that ends in the given way; return how the workflow ended."""
    monkeypatch.setattr(calrissian.job, "KubernetesClient", Api)
    session = new_session(Output(), Ledger(None))
    session.output.step_log = tmp_path / "step.log"
    monkeypatch.setattr(StepClient, "session", session, raising=False)
    monkeypatch.setattr(Api, "session", session, raising=False)
    monkeypatch.setattr(Reporter, "add_report", lambda _: None)  # there is one in Calrissian's `main` alone
    monkeypatch.setattr(Api, "folder", str(tmp_path), raising=False)

    def run(ends):
        monkeypatch.setattr(Api, "ends", ends, raising=False)
        package = tmp_path / "package.cwl"
        package.write_text(json.dumps({"cwlVersion": "v1.2", "$graph": [WORKFLOW, TOOL]}))
        process = load_tool(f"{package.as_uri()}#main", LoadingContext({"construct_tool_object": steps.make_tool}))
        folder = str(tmp_path / "part")
        context = {"outdir": str(tmp_path / "out"), "basedir": str(tmp_path), "tmpdir_prefix": folder}
        # As Calrissian's executor selects them: the most of everything.
        context["select_resources"] = lambda request, _: {"cores": request["coresMax"], "ram": request["ramMax"]}
        executor = SingleJobExecutor()
        executor.execute(process, {}, CalrissianRuntimeContext(context | {"tmp_outdir_prefix": folder}))
        return executor.final_status[-1]

    return run


@pytest.mark.parametrize(
    ("ends", "status"),
    [
        (75, "temporaryFail"),
        (1, "permanentFail"),
        (StepError("no cluster", temporary=True), "temporaryFail"),
        (StepError("no image"), "permanentFail"),
    ],
)
def test_a_workflow_ends_as_its_step(workflow, ends, status):
    assert workflow(ends) == status


def test_a_step_asks_for_the_least_and_may_use_the_most(workflow):
    workflow(1)
    assert Api.submitted["spec"]["containers"][0]["resources"] == {
        "requests": {"cpu": "0.25", "memory": "512Mi"},
        "limits": {"memory": "512Mi"},
    }


def test_the_reason_of_a_failed_step_is_recorded(workflow):
    workflow(75)
    failure = Api.session.clusters.failures.first
    assert failure.message == f"step {failure.step} failed with exit code 75: no band"
    assert (failure.kind, failure.step[:4], failure.code, failure.temporary) == ("step", "step", 75, True)


def test_a_step_that_failed_because_its_cluster_was_stopped_may_succeed_later(workflow, monkeypatch):
    monkeypatch.setattr(Api, "lost", "its Dask cluster eo.abc had been stopped")
    assert workflow(1) == "temporaryFail"
    failure = Api.session.clusters.failures.first
    assert failure.message == "failed with exit code 1 after its Dask cluster eo.abc had been stopped: no band"
    assert (failure.kind, failure.code, failure.temporary) == ("cluster", 1, True)


def test_a_steps_output_is_copied_to_a_file_on_the_volume(workflow, tmp_path):
    workflow(1)
    (container,) = Api.submitted["spec"]["containers"]
    assert container["args"][2] == "true"
    (mount,) = [mount for mount in container["volumeMounts"] if mount["mountPath"] == container["args"][3]]
    assert (tmp_path / mount["subPath"]).is_file()
    assert not mount["readOnly"]
