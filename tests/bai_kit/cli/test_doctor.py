"""`bai-kit doctor` as it is typed: its exit code, and fixes with the options of the command line."""

import json

import pytest

from bai_kit.cli.app import main
from bai_kit.cli.options import Common
from bai_kit.doctor.findings import Diagnosis, Finding, Level
from tests.bai_kit.fakes import FakeKube


@pytest.fixture
def kit(monkeypatch, capsys):
    monkeypatch.setattr(Common, "kube", lambda _: FakeKube())

    def call(*words):
        with pytest.raises(SystemExit) as ended:
            main(words)
        shown = capsys.readouterr()
        return ended.value.code or 0, shown.out, shown.err

    return call


@pytest.mark.parametrize(("level", "code"), [(Level.OK, 0), (Level.WARNING, 0), (Level.BROKEN, 3)])
def test_the_doctor_ends_with_0_only_when_nothing_is_broken(kit, monkeypatch, level, code):
    found = Diagnosis([Finding("volume", level, "seen")])
    monkeypatch.setattr("bai_kit.doctor.diagnose.diagnose", lambda *_, **__: found)
    ended, out, _ = kit("doctor", "--output", "json")
    assert ended == code
    envelope = json.loads(out)
    assert (envelope["exit_code"], envelope["status"]) == (code, "error" if code else "ok")


def test_fixes_act_on_the_objects_of_the_command_line(kit, monkeypatch):
    found = Diagnosis([Finding("volume", Level.WARNING, "seen", "kubectl describe pvc a")])
    monkeypatch.setattr("bai_kit.doctor.diagnose.diagnose", lambda *_, **__: found)
    assert kit("doctor", "-n", "ws", "--context", "kind")[1].endswith(
        "  fix: kubectl describe pvc a -n ws --context kind\n"
    )
