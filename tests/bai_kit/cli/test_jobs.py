"""Test the job commands as command lines: options reach the right call, results are shown as text and as JSON."""

import json
import os
from contextlib import contextmanager

import pytest

from bai_kit.cli.app import main
from bai_kit.cli.options import Common
from bai_kit.errors import Stopped
from bai_kit.job import clean, logs, results
from tests.bai_kit.fakes import FakeKube, LocalVolume, job_object, job_template, pod_object

LABELS = {"app.kubernetes.io/part-of": "bai-kit", "app.kubernetes.io/instance": "bai"}
RELEASE = {"metadata": {"name": "bai-job", "labels": LABELS}, "data": {"job.json": json.dumps(job_template())}}


@pytest.fixture
def kube(monkeypatch, tmp_path):
    found = FakeKube(
        ("configmaps", RELEASE),
        ("jobs", job_object("good", conditions=[("Complete", "")])),
        ("jobs", job_object("bad", conditions=[("Failed", "BackoffLimitExceeded")])),
        ("pods", pod_object("good-x", "good", exit_code=0, phase="Succeeded")),
        ("pods", pod_object("bad-x", "bad", exit_code=1, phase="Failed")),
    )
    found.logs["good-x"] = [b"2026-11-22T10:00:01Z hello"]
    monkeypatch.setattr(Common, "kube", lambda _: found)
    monkeypatch.setenv("BAI_KIT_CONFIG", str(tmp_path / "none"))
    (tmp_path / "none").touch()
    return found


@pytest.fixture
def kit(kube, capsys):
    def call(*words):
        with pytest.raises(SystemExit) as ended:
            main(words)
        shown = capsys.readouterr()
        return ended.value.code or 0, shown.out, shown.err

    return call


def test_list_shows_phases_and_codes(kit):
    code, out, _ = kit("list")
    rows = [line.split() for line in out.splitlines()]
    assert (code, rows[0][:2]) == (0, ["job", "phase"])
    assert sorted((row[0], row[1], row[-1]) for row in rows[1:]) == [("bad", "failed", "1"), ("good", "complete", "0")]


def test_status_is_news_and_no_failure_of_its_own(kit):
    code, out, _ = kit("status", "bad", "--output", "json")
    assert code == 0
    data = json.loads(out)["data"]
    assert (data["phase"], data["exit_code"], data["pod"]) == ("failed", 1, "bad-x")


def test_an_unknown_job_is_a_usage_error_with_a_way_on(kit):
    assert kit("status", "none") == (2, "", "error: no job none in namespace ns\nhint: bai-kit list\n")


def test_logs_are_lines_or_one_envelope(kit):
    assert kit("logs", "good")[:2] == (0, "hello\n")
    data = json.loads(kit("logs", "good", "--output", "json")[1])["data"]
    assert data == {"job": "good", "lines": ["hello"]}


def test_logs_follow_a_job_from_before_its_start(kit, kube):
    kube.objects["jobs", "new"] = job_object("new", active=1)
    looks = []

    def starts_at_the_third_look(kube):
        looks.append(1)
        if len(looks) == 3:
            kube.objects["pods", "new-x"] = pod_object("new-x", "new", exit_code=0)
            kube.logs["new-x"] = [b"2026-11-22T10:00:01Z late"]

    kube.hooks["list", "pods"] = starts_at_the_third_look
    assert kit("logs", "new", "-f")[:2] == (0, "late\n")


def test_following_a_job_that_cannot_start_says_why_and_leaves_it(kit, kube):
    kube.objects["jobs", "new"] = job_object("new", active=1)
    state = {"waiting": {"reason": "InvalidImageName", "message": "bad"}}
    kube.objects["pods", "new-x"] = pod_object("new-x", "new", containerStatuses=[{"name": "runner", "state": state}])
    code, _, err = kit("logs", "new", "-f")
    assert (code, err.partition("\n")[0]) == (4, "error: job new cannot start: container runner: InvalidImageName: bad")
    assert ("jobs", "new") in kube.objects


def test_logs_come_from_the_volume_when_job_and_pod_are_gone(kit, folders):
    assert kit("logs", "gone")[:2] == (0, "x\n")


def test_logs_of_no_job_and_of_a_job_without_one_are_told_apart(kit, kube, folders):
    assert kit("logs", "none") == (
        2,
        "",
        "error: no job none in namespace ns, and no folder of it on the volume\nhint: bai-kit list\n",
    )
    kube.objects["jobs", "new"] = job_object("new")
    assert kit("logs", "new") == (4, "", "error: job new is waiting and has no log\nhint: bai-kit logs new -f\n")


@pytest.fixture
def folders(monkeypatch, tmp_path):
    local = LocalVolume(tmp_path / "volume")

    @contextmanager
    def opened(*_, **__):
        yield local

    for module in (results, clean, logs):
        monkeypatch.setattr(module, "open_volume", opened)
    for name in ("bad", "gone"):
        (local.root / name / "tmp").mkdir(parents=True)
        (local.root / name / "run.log").write_text("x")
    for path in (local.root / "gone" / "tmp", local.root / "gone" / "run.log", local.root / "gone"):
        os.utime(path, (0, 0))
    return local.root


def test_clean_only_shows_until_it_is_told(kit, folders):
    shown = kit("clean")[1]
    assert "left behind: temporary files of bad" in shown
    assert "kept the results of gone" in shown
    assert (folders / "bad" / "tmp").exists()
    assert "removed temporary files of bad" in kit("clean", "--yes")[1]
    assert [path.name for path in (folders / "bad").iterdir()] == ["run.log"]
    assert "nothing was left behind" in kit("clean")[1]


def test_results_go_where_they_are_wanted(kit, folders, tmp_path):
    data = json.loads(kit("results", "bad", "-o", str(tmp_path / "here"), "--output", "json")[1])["data"]
    assert (data["files"], data["directory"]) == (1, str(tmp_path / "here"))
    assert (tmp_path / "here" / "run.log").read_text() == "x"


def test_results_of_a_job_that_runs_are_not_fetched(kit, kube, folders, tmp_path):
    kube.objects["jobs", "busy"] = job_object("busy", active=1)
    code, _, err = kit("results", "busy", "-o", str(tmp_path / "here"))
    assert code == 2
    assert "job busy is running" in err


def test_delete_removes_job_and_folder(kit, kube, folders):
    kube.hooks["delete", "jobs"] = lambda kube: kube.objects.pop(("pods", "bad-x"), None)
    assert kit("delete", "bad") == (0, "", "")
    assert ("jobs", "bad") not in kube.objects
    assert not (folders / "bad").exists()


@pytest.mark.parametrize(("interrupt", "code", "name"), [(KeyboardInterrupt(), 130, "INT"), (Stopped(15), 143, "TERM")])
def test_a_command_that_is_stopped_says_how_to_come_back(kit, monkeypatch, interrupt, code, name):
    def stop(*_, **__):
        raise interrupt

    monkeypatch.setattr(results, "fetch_results", stop)
    said = f"stopped by SIG{name}: the same command continues the download\n"
    assert kit("results", "good") == (code, "", said)
