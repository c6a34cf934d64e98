"""A run on Kubernetes as the command sees it: order, exit codes, endings. The API is a fake, the volume's script is real."""

import json
from contextlib import contextmanager

import pytest

from bai_kit.errors import ConnectionLost, JobFailed, RemoteError, SetupError, Stopped, UsageError, WaitTimeout
from bai_kit.job import inputs as inputs_module
from bai_kit.job import logs as logs_module
from bai_kit.job import run as run_module
from bai_kit.job.run import RunRequest, run_job
from bai_kit.job.state import Phase
from bai_kit.job.template import LONGEST_NAME, Template, new_name
from bai_kit.progress import Progress
from tests.bai_kit.fakes import FakeKube, LocalVolume, job_template, pod_object

PACKAGE = {"cwlVersion": "v1.2", "class": "Workflow", "inputs": {"url": "string"}, "outputs": [], "steps": []}
EVENT = {"kind": "step", "step": "map", "code": 7, "temporary": False, "message": "step map failed with exit code 7"}


class Recorder(Progress):
    def __init__(self):
        super().__init__()
        self.lines, self.phases = [], []

    def line(self, text):
        self.lines.append(text)

    def phase(self, phase, detail, *, quiet=False):
        self.phases.append(phase)


class World(FakeKube):
    """A namespace with a release, in which a job's runner says its lines and ends with the next of some exit codes."""

    def __init__(self, *codes):
        labels = {"app.kubernetes.io/part-of": "bai-kit", "app.kubernetes.io/instance": "bai"}
        job = {"metadata": {"name": "bai-job", "labels": labels}, "data": {"job.json": json.dumps(job_template())}}
        package = {"metadata": {"name": "bai-package"}, "data": {"app-package.json": json.dumps(PACKAGE)}}
        claim = {"metadata": {"name": "bai-data"}, "status": {"phase": "Bound"}}
        super().__init__(("configmaps", job), ("configmaps", package), ("persistentvolumeclaims", claim))
        self.codes = list(codes)
        self.said = [b"2026-11-22T10:00:01Z t | ERROR    | m:f:1 - a handled error of the application"]
        self.message = json.dumps(EVENT)
        self.hooks["create", "jobs"] = lambda _: self.run_job()

    @property
    def jobs(self):
        return [name for kind, name in self.objects if kind == "jobs"]

    def run_job(self):
        name, code = self.jobs[-1], self.codes.pop(0)
        self.objects["pods", f"{name}-x"] = pod_object(f"{name}-x", name, exit_code=code, phase="Failed")
        state = self.objects["pods", f"{name}-x"]["status"]["containerStatuses"][0]["state"]
        state["terminated"]["message"] = self.message if code else ""
        self.logs[f"{name}-x"] = self.said
        self.runs(name)
        condition = {"type": "Failed" if code else "Complete", "status": "True", "reason": "BackoffLimitExceeded"}
        condition["lastTransitionTime"] = "2026-11-22T10:01:00Z"
        self.objects["jobs", name]["status"] = {"conditions": [condition]}


@pytest.fixture(autouse=True)
def volume(tmp_path, monkeypatch):
    """Every helper pod is a process here that sees one directory."""
    local = LocalVolume(tmp_path / "volume")
    local.root.mkdir()
    local.opened = 0

    @contextmanager
    def opened(kube, template, *, write=False):
        local.opened += 1
        yield local

    def runs(name):
        results = local.root / name / "results"
        results.mkdir(parents=True, exist_ok=True)
        (results / "bai.tif").write_bytes(b"pixels")

    monkeypatch.setattr(World, "runs", staticmethod(runs), raising=False)
    for module in (run_module, logs_module, inputs_module):
        monkeypatch.setattr(module, "open_volume", opened)
    return local


def request(tmp_path, **changes):
    return RunRequest(**{"inputs": {"url": "http://a"}, "output_dir": tmp_path / "out", "name": "one"} | changes)


def test_a_good_run_leaves_its_results_here_and_nothing_there(tmp_path, volume):
    kube, seen = World(0), Recorder()
    outcome = run_job(kube, request(tmp_path), seen)
    assert (outcome.job, outcome.phase, outcome.exit_code) == ("one", Phase.COMPLETE, 0)
    assert (tmp_path / "out" / "bai.tif").read_bytes() == b"pixels"
    assert kube.jobs == []
    assert list(volume.root.iterdir()) == []
    assert seen.phases == ["checks", "runner", "runner", "results", "results"]


def test_keep_leaves_job_and_folder(tmp_path, volume):
    kube = World(0)
    run_job(kube, request(tmp_path, keep=True), Recorder())
    assert kube.jobs == ["one"]
    assert [path.name for path in volume.root.iterdir()] == ["one"]


def test_detach_returns_at_once_with_the_next_command(tmp_path, volume):
    kube = World(0)
    outcome = run_job(kube, request(tmp_path, detach=True), Recorder())
    assert outcome.phase is Phase.WAITING
    assert outcome.hint == "bai-kit logs one -f\nbai-kit results one\nbai-kit cancel one"
    assert outcome.__rich__() == "job one is submitted"
    assert (kube.jobs, volume.opened) == (["one"], 0)


@pytest.mark.parametrize("code", [1, 33, 75])
def test_a_failed_workflow_ends_with_its_own_code_and_the_runners_reason(tmp_path, code, volume):
    with pytest.raises(JobFailed, match=f"exit code {code}: step map failed with exit code 7") as caught:
        run_job(World(code), request(tmp_path), Recorder())
    assert caught.value.exit_code == code
    assert caught.value.hint == "bai-kit logs one"
    assert not (tmp_path / "out").exists()
    assert volume.opened == 0


def test_a_temporary_failure_is_tried_again_as_another_job(tmp_path):
    kube = World(75, 75, 0)
    outcome = run_job(kube, request(tmp_path, retries=2), Recorder())
    assert outcome.job == "one-try3"
    assert kube.jobs == ["one", "one-try2"]


@pytest.mark.parametrize(("codes", "retries"), [((75, 75), 1), ((75, 1), 5)])
def test_tries_end_when_they_are_used_up_or_the_failure_is_for_good(tmp_path, codes, retries):
    kube = World(*codes)
    with pytest.raises(JobFailed) as caught:
        run_job(kube, request(tmp_path, retries=retries), Recorder())
    assert (caught.value.exit_code, kube.codes) == (codes[-1], [])


def test_a_name_without_room_for_the_tries_is_refused_before_the_first(tmp_path):
    kube = World(75, 0)
    with pytest.raises(UsageError, match="n-try2' is not a valid job name"):
        run_job(kube, request(tmp_path, name="n" * 50, retries=1), Recorder())
    assert kube.jobs == []


def test_a_name_of_ours_has_room_for_the_tries():
    template = Template("r" * 53, job_template(), None)
    assert len(new_name(template, room=len("-try10")) + "-try10") == LONGEST_NAME


class PodGoes(Recorder):
    """Delete the pod while its log is read, and optionally the Job; the rest of the log is lost."""

    def __init__(self, kube, *kinds):
        super().__init__()
        self.kube, self.gone = kube, [("pods", "one-x"), *((kind, "one") for kind in kinds)]

    def line(self, text):
        for key in self.gone:
            self.kube.objects.pop(key, None)


def test_a_pod_that_is_deleted_while_its_log_is_read_does_not_fail_a_good_job(tmp_path):
    kube = World(0)
    assert run_job(kube, request(tmp_path), PodGoes(kube)).phase is Phase.COMPLETE
    assert (tmp_path / "out" / "bai.tif").exists()


def test_a_job_that_is_deleted_while_it_runs_has_failed(tmp_path):
    kube = World(0)
    with pytest.raises(JobFailed, match="job one was deleted") as caught:
        run_job(kube, request(tmp_path), PodGoes(kube, "jobs"))
    assert caught.value.exit_code == 1


def test_a_job_that_is_deleted_after_its_success_is_a_success(tmp_path, volume):
    kube = World(0)
    (volume.root / "one").mkdir()
    (volume.root / "one" / "output.json").write_text("{}")
    outcome = run_job(kube, request(tmp_path), PodGoes(kube, "jobs"))
    assert (outcome.phase, outcome.exit_code) == (Phase.COMPLETE, 0)
    assert not (volume.root / "one").exists()


@pytest.mark.parametrize(("temporary", "code"), [(False, 1), (True, 75)])
def test_a_job_that_is_deleted_after_its_failure_keeps_its_reason(tmp_path, volume, temporary, code):
    kube = World(1)
    (volume.root / "one").mkdir()
    (volume.root / "one" / "failure.json").write_text(json.dumps(EVENT | {"temporary": temporary}))
    with pytest.raises(JobFailed, match="step map failed with exit code 7") as caught:
        run_job(kube, request(tmp_path), PodGoes(kube, "jobs"))
    assert caught.value.exit_code == code


def test_a_reason_is_read_from_the_volume_when_the_pod_has_none(tmp_path, volume):
    kube = World(1)
    kube.message = ""
    (volume.root / "one").mkdir()
    (volume.root / "one" / "failure.json").write_text(json.dumps(EVENT))
    with pytest.raises(JobFailed, match="exit code 1: step map failed with exit code 7"):
        run_job(kube, request(tmp_path), Recorder())


def test_a_pod_that_is_deleted_before_the_job_is_read_keeps_its_reason(tmp_path, monkeypatch):
    kube = World(1)
    known = run_module.wait_over

    def late(kube, name):
        kube.objects.pop(("pods", f"{name}-x"))
        return known(kube, name)

    monkeypatch.setattr(run_module, "wait_over", late)
    with pytest.raises(JobFailed, match="exit code 1: step map failed with exit code 7"):
        run_job(kube, request(tmp_path), Recorder())


def test_an_api_that_stays_away_after_the_creation_is_said_with_the_job_that_goes_on(tmp_path):
    kube = World(0)

    def away(kube):
        if kube.jobs:
            raise ConnectionLost("no API", hint="kubectl cluster-info")

    kube.hooks["list", "pods"] = away
    with pytest.raises(ConnectionLost, match="cannot follow job one, which goes on: no API") as caught:
        run_job(kube, request(tmp_path), Recorder())
    assert (caught.value.hint, kube.jobs) == ("bai-kit logs one -f", ["one"])


def test_lines_that_look_like_an_error_change_nothing(tmp_path):
    assert run_job(World(0), request(tmp_path), Recorder()).exit_code == 0


def never_over(kube):
    kube.run_job()
    kube.objects["jobs", "one"]["status"] = {"active": 1}


def test_results_that_are_here_are_a_success_whatever_the_job_does_then(tmp_path, monkeypatch, caplog):
    kube = World(0)
    kube.hooks["create", "jobs"] = never_over
    monkeypatch.setattr(run_module.wait_over, "__defaults__", (0.0,))
    assert run_job(kube, request(tmp_path), Recorder()).exit_code == 0
    assert "the results are here; job one is still running" in caplog.text


def test_a_folder_that_cannot_be_removed_is_a_warning_with_the_command(tmp_path, volume, caplog):
    def refuse(*_):
        raise RemoteError("Permission denied")

    volume.remove = refuse
    assert run_job(World(0), request(tmp_path), Recorder()).exit_code == 0
    assert "Permission denied; remove it with: bai-kit delete one -n ns" in caplog.text


@pytest.mark.parametrize("error", [ConnectionLost("no API"), RemoteError("pod cannot start")])
def test_a_fetch_that_fails_says_that_the_job_is_complete_and_how_to_fetch_again(tmp_path, volume, error):
    def refuse(*_):
        raise error

    volume.measure = refuse
    with pytest.raises(type(error), match="job one is complete, but its results are not fetched: ") as caught:
        run_job(World(0), request(tmp_path), Recorder())
    assert caught.value.hint == f"bai-kit results one -o {tmp_path / 'out'}"


def test_inputs_are_checked_before_anything_is_made(tmp_path):
    kube = World(0)
    with pytest.raises(UsageError, match="url is missing"):
        run_job(kube, request(tmp_path, inputs={}), Recorder())
    assert kube.jobs == []


def test_a_directory_in_use_is_refused_before_anything_is_asked(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").touch()
    kube = World(0)
    with pytest.raises(UsageError, match="not empty"):
        run_job(kube, request(tmp_path), Recorder())
    assert kube.calls == []


def test_missing_rights_are_named_before_anything_is_made(tmp_path):
    kube = World(0)
    kube.forbidden = {("create", "jobs"), ("get", "pods")}
    with pytest.raises(
        SetupError,
        match=r"no permission to create jobs \(run\), get pods \(run, logs\), get pods/log \(run, logs\) in namespace ns",
    ):
        run_job(kube, request(tmp_path), Recorder())
    assert kube.jobs == []


@pytest.mark.parametrize(
    ("claim", "said"), [(None, "does not exist in namespace"), ({"phase": "Lost"}, "has lost its volume")]
)
def test_a_volume_that_is_not_there_is_said_before_anything_is_made(tmp_path, claim, said):
    kube = World(0)
    if claim:
        kube.objects["persistentvolumeclaims", "bai-data"]["status"] = claim
    else:
        del kube.objects["persistentvolumeclaims", "bai-data"]
    with pytest.raises(SetupError, match=said):
        run_job(kube, request(tmp_path), Recorder())
    assert kube.jobs == []


def test_a_job_that_cannot_start_is_deleted_and_the_reason_is_said(tmp_path):
    kube = World(0)
    state = {"waiting": {"reason": "InvalidImageName", "message": "bad"}}

    def never_starts(kube):
        kube.objects["pods", "one-x"] = pod_object(
            "one-x", "one", containerStatuses=[{"name": "runner", "state": state}]
        )

    kube.hooks["create", "jobs"] = never_starts
    with pytest.raises(RemoteError, match="cannot start and was deleted: container runner: InvalidImageName: bad"):
        run_job(kube, request(tmp_path), Recorder())
    assert kube.jobs == []


def test_the_limit_of_time_is_kubernetes_to_keep_and_shows_as_such(tmp_path):
    kube = World(0)

    def too_late(kube):
        kube.run_job()
        job = kube.objects["jobs", "one"]
        assert job["spec"]["activeDeadlineSeconds"] == 9
        job["status"]["conditions"][0] |= {"type": "Failed", "reason": "DeadlineExceeded"}
        kube.objects["pods", "one-x"] = pod_object("one-x", "one", exit_code=143, phase="Failed")

    kube.hooks["create", "jobs"] = too_late
    with pytest.raises(WaitTimeout, match="ended after 60 s, its time limit"):
        run_job(kube, request(tmp_path, timeout_s=9), Recorder())


def interrupted(tmp_path, *, answer, interrupt=KeyboardInterrupt):
    """Run a job that goes on, with an interrupt at its first line."""
    kube, asked = World(0), []
    recorder = Recorder()

    def line(_):
        raise interrupt

    def ends(kube):
        condition = {"type": "Failed", "status": "True", "reason": "DeadlineExceeded"}
        condition["lastTransitionTime"] = "2026-11-22T10:01:00Z"
        kube.objects["jobs", "one"]["status"] = {"conditions": [condition]}

    recorder.line = line
    kube.hooks |= {("create", "jobs"): never_over, ("patch", "jobs"): ends}
    try:
        return run_job(kube, request(tmp_path), recorder, wants_cancel=lambda job: asked.append(job) or answer), asked
    finally:
        assert kube.jobs == ["one"]


@pytest.mark.parametrize(("answer", "code"), [(False, 0), (None, 130)])
def test_ctrl_c_asks_and_detaching_is_no_error(tmp_path, answer, code):
    outcome, asked = interrupted(tmp_path, answer=answer)
    assert (outcome.command_exit_code, asked) == (code, ["one"])
    assert outcome.__rich__() == "job one goes on"
    assert outcome.hint.startswith("bai-kit logs one -f\n")


def test_a_yes_after_ctrl_c_cancels(tmp_path):
    with pytest.raises(JobFailed, match="job one was cancelled after 60 s") as caught:
        interrupted(tmp_path, answer=True)
    assert caught.value.exit_code == 130


def test_sigterm_asks_nobody_and_says_how_to_come_back(tmp_path):
    outcome, asked = interrupted(tmp_path, answer=True, interrupt=Stopped(15))
    assert (outcome.command_exit_code, asked) == (143, [])
    assert "bai-kit results one" in outcome.hint


def test_ctrl_c_after_the_end_neither_asks_nor_cancels(tmp_path):
    recorder = Recorder()
    recorder.phase = lambda phase, *_, **__: (_ for _ in ()).throw(KeyboardInterrupt) if phase == "results" else None
    with pytest.raises(JobFailed, match="interrupted; job one is complete") as caught:
        run_job(World(0), request(tmp_path), recorder, wants_cancel=lambda _: pytest.fail("asked"))
    assert caught.value.hint == f"bai-kit results one -o {tmp_path / 'out'}"


def test_an_interrupt_before_the_job_exists_is_only_an_interrupt(tmp_path):
    kube = World(0)

    def interrupt(kube):
        del kube.objects["jobs", "one"]
        raise KeyboardInterrupt

    kube.hooks["create", "jobs"] = interrupt
    with pytest.raises(KeyboardInterrupt):
        run_job(kube, request(tmp_path), Recorder())


def test_detaching_does_not_mind_a_directory_in_use(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").touch()
    assert run_job(World(0), request(tmp_path, detach=True), Recorder()).phase is Phase.WAITING
