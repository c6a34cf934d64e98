"""Options that commands share: one group each, and hints that act on the objects that the options name."""

import inspect
from dataclasses import dataclass
from typing import Annotated

import pytest
import typer

from bai_kit.cli.options import Common, with_options
from bai_kit.errors import UsageError

GIVEN = Common(namespace="ws eric", context="kind", kubeconfig="/k", release="fire")


@dataclass(frozen=True)
class Next:
    hint: str


@with_options
def command(common: Common, job: str, *, fails: Annotated[bool, typer.Option(help="Fail.")] = False):
    """Do something."""
    if fails:
        raise UsageError(f"no job {job}", hint="bai-kit list")
    return Next(f"bai-kit logs {job} -f")


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch, tmp_path):
    monkeypatch.setenv("BAI_KIT_CONFIG", str(tmp_path / "none"))
    (tmp_path / "none").touch()


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        ("bai-kit list", "bai-kit list -n 'ws eric' --context kind --kubeconfig /k --release fire"),
        (
            "bai-kit results j  # continues",
            "bai-kit results j -n 'ws eric' --context kind --kubeconfig /k --release fire  # continues",
        ),
        (
            "bai-kit list --release NAME",
            "bai-kit list --release NAME -n 'ws eric' --context kind --kubeconfig /k",
        ),
        ("kubectl get pods", "kubectl get pods -n 'ws eric' --context kind --kubeconfig /k"),
        ("bai-kit package validate", "bai-kit package validate"),
        ("export KUBECONFIG=FILE", "export KUBECONFIG=FILE"),
    ],
)
def test_a_command_gets_the_options_as_they_were_given(words, completed):
    assert GIVEN.complete(words) == completed


def test_a_command_stays_short_when_nothing_was_given(monkeypatch):
    assert Common().complete("bai-kit list") == "bai-kit list"
    monkeypatch.setenv("BAI_KIT_NAMESPACE", "ws")  # bai-kit reads that again, kubectl does not
    assert Common().complete("bai-kit list") == "bai-kit list"
    assert Common().complete("kubectl get pods") == "kubectl get pods -n ws"


def test_a_group_of_options_becomes_one_option_a_field_after_the_commands_own():
    assert list(inspect.signature(command).parameters) == [
        "job", "fails", "namespace", "context", "kubeconfig", "release",
    ]  # fmt: skip


def test_hints_of_results_and_errors_are_completed():
    given = {"namespace": "ws", "context": None, "kubeconfig": None, "release": None}
    assert command(job="a", fails=False, **given).hint == "bai-kit logs a -f -n ws"
    with pytest.raises(UsageError) as caught:
        command(job="a", fails=True, **given)
    assert caught.value.hint == "bai-kit list -n ws"


def test_an_option_goes_before_the_environment(monkeypatch):
    monkeypatch.setenv("BAI_KIT_RELEASE", "ice")
    assert (Common().named_release(), GIVEN.named_release()) == ("ice", "fire")
    assert GIVEN.settings(tag="7").tag == "7"
