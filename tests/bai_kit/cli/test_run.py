"""`bai-kit run` as it is typed: options to the right request, and the question after Ctrl-C."""

import json

import pytest

from bai_kit.cli import run
from bai_kit.cli.app import main
from bai_kit.cli.options import Common
from bai_kit.job.run import RunOutcome
from bai_kit.job.state import Phase
from tests.bai_kit.fakes import FakeKube


def test_options_and_settings_become_one_request(monkeypatch, tmp_path, capsys):
    asked = []

    def run_job(kube, request, progress, *, wants_cancel):
        asked.append(request)
        return RunOutcome("one", Phase.WAITING, None, 0.0, hint="bai-kit logs one -f\nbai-kit cancel one")

    monkeypatch.setattr("bai_kit.job.run.run_job", run_job)
    monkeypatch.setattr(Common, "kube", lambda _: FakeKube())
    monkeypatch.setenv("BAI_KIT_RESULTS_SIZE", "2Gi")
    (tmp_path / "inputs.json").write_text(json.dumps({"a": 1, "b": 2}))
    words = [
        "run",
        "--params",
        str(tmp_path / "inputs.json"),
        "--param",
        "b=3",
        "--detach",
        "--retries",
        "2",
        "-n",
        "ws",
    ]
    with pytest.raises(SystemExit) as ended:
        main(words)
    (request,) = asked
    assert (ended.value.code, request.inputs["a"], request.inputs["b"]) == (0, 1, "3")
    assert (request.detach, request.retries, request.limits.bytes) == (True, 2, 2 << 30)
    assert capsys.readouterr().out == (
        "job one is submitted\nnext: bai-kit logs one -f -n ws\n      bai-kit cancel one -n ws\n"
    )


class Terminal:
    def __init__(self, is_there):
        self.isatty = lambda: is_there


@pytest.mark.parametrize(("answer", "cancels"), [("c", True), ("Cancel", True), ("d", False), ("", False)])
def test_ctrl_c_on_a_terminal_asks(monkeypatch, answer, cancels):
    monkeypatch.setattr(run.sys, "stdin", Terminal(True))
    monkeypatch.setattr("builtins.input", lambda: answer)
    assert run._wants_cancel("one") is cancels


@pytest.mark.parametrize(("ends", "cancels"), [(KeyboardInterrupt, True), (EOFError, None)])
def test_ctrl_c_again_cancels_and_no_answer_detaches(monkeypatch, ends, cancels):
    def no_answer():
        raise ends

    monkeypatch.setattr(run.sys, "stdin", Terminal(True))
    monkeypatch.setattr("builtins.input", no_answer)
    assert run._wants_cancel("one") is cancels


@pytest.mark.parametrize("again", [False, True])
def test_without_a_terminal_it_detaches_unless_it_is_pressed_again(monkeypatch, again):
    def pressed(_):
        if again:
            raise KeyboardInterrupt

    monkeypatch.setattr(run.sys, "stdin", Terminal(False))
    monkeypatch.setattr(run.time, "sleep", pressed)
    assert run._wants_cancel("one") is (again or None)
