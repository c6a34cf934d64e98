"""`bai-kit cluster` as it is typed: names are complete, and lines fit into 80 columns."""

import pytest

from bai_kit.cli.app import main
from bai_kit.cli.options import Common
from tests.bai_kit.fakes import FakeKube


def cluster(name, phase):
    metadata = {"name": name, "namespace": "ns", "creationTimestamp": "2026-11-22T10:00:00Z"}
    spec = {"username": "dask-gateway.bai", "replicas": 2, "options": {"image": "registry.test/" + "i" * 60}}
    return ("daskclusters", {"metadata": metadata, "spec": spec, "status": {"phase": phase}})


@pytest.fixture
def kit(monkeypatch, capsys):
    kube = FakeKube(cluster("a" * 32, "Running"), cluster("b" * 32, "Stopped"))
    monkeypatch.setattr(Common, "kube", lambda _: kube)
    monkeypatch.setenv("COLUMNS", "40")

    def call(*words):
        with pytest.raises(SystemExit) as ended:
            main(words)
        return ended.value.code or 0, capsys.readouterr().out, kube

    return call


def test_names_are_never_cut_and_are_those_that_dismiss_takes(kit):
    code, out, _ = kit("cluster", "list")
    header, row = out.splitlines()
    assert (code, header.split()) == (0, ["cluster", "user", "phase", "workers", "age"])
    assert row.split()[:4] == ["a" * 32, "dask-gateway.bai", "Running", "2"]
    assert max(len(header), len(row)) <= 80
    assert kit("cluster", "list", "--all")[1].count("\n") == 3
    code, _, kube = kit("cluster", "dismiss", row.split()[0])
    assert (code, kube.objects["daskclusters", "a" * 32]["spec"]["active"]) == (0, False)
