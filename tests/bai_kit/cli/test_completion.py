"""Test the completion of words, which a shell asks for with environment variables."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
import typer

from bai_kit import cluster
from bai_kit.cli import completion
from bai_kit.cli.options import Common
from bai_kit.errors import SetupError
from bai_kit.job import state


def complete(*words: str) -> list[str]:
    """Return what bash is offered for the last word."""
    variables = {
        "_BAI_KIT_COMPLETE": "complete_bash",
        "COMP_WORDS": " ".join(["bai-kit", *words]),
        "COMP_CWORD": str(len(words)),
    }
    command = [sys.executable, "-c", "import sys; from bai_kit.cli.app import main; sys.argv[0] = 'bai-kit'; main()"]
    done = subprocess.run(command, env=os.environ | variables, capture_output=True, text=True, check=False, timeout=30)
    return done.stdout.split()


def test_a_shell_completes_commands_and_profiles():
    assert "deploy" in complete("dep")
    assert complete("deploy", "--profile", "k") == ["kind"]


@pytest.fixture
def context(monkeypatch):
    """The options typed so far name a namespace; Kubernetes has one job and two clusters."""
    chosen = []
    monkeypatch.setattr(Common, "kube", lambda self: chosen.append(self.namespace) or "kube")
    job = SimpleNamespace(name="bai-1", created=datetime.now(UTC))
    clusters = [SimpleNamespace(full_name=f"fire.{name}", is_active=name == "a1") for name in ("a1", "b2")]
    monkeypatch.setattr(state, "list_jobs", lambda kube: [job])
    monkeypatch.setattr(cluster, "list_clusters", lambda kube: clusters)
    ctx = typer.Context(typer.core.TyperCommand("logs"))
    ctx.params = {"namespace": "fire"}
    return ctx, chosen


def test_jobs_and_active_clusters_of_the_namespace_are_offered(context):
    ctx, chosen = context
    assert list(completion.complete_job(ctx, "bai")) == ["bai-1"]
    assert list(completion.complete_job(ctx, "x")) == []
    assert list(completion.complete_cluster(ctx, "")) == ["fire.a1"]
    assert set(chosen) == {"fire"}


def test_nothing_is_offered_if_kubernetes_does_not_answer(context, monkeypatch):
    def refuse(kube):
        raise SetupError("cannot reach the API")

    monkeypatch.setattr(state, "list_jobs", refuse)
    monkeypatch.setattr(cluster, "list_clusters", refuse)
    assert list(completion.complete_job(context[0], "")) == []
    assert list(completion.complete_cluster(context[0], "")) == []
