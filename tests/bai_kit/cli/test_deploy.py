"""Test `bai-kit deploy` and `undeploy` as command lines."""

import pytest

from bai_kit.cli.app import main
from tests.charts.helm_wheels import ensure


@pytest.fixture(autouse=True)
def _environment(monkeypatch, tmp_path):
    for name in ("KUBECONFIG", "BAI_KIT_NAMESPACE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("BAI_KIT_HELM", str(ensure("helm3") / "helm"))


@pytest.fixture
def run(capsys):
    def call(*words):
        with pytest.raises(SystemExit) as ended:
            main(words)
        said = capsys.readouterr()
        return ended.value.code, said.out, said.err

    return call


def test_without_a_kubernetes_a_deploy_says_so(run, tmp_path):
    code, _, err = run("deploy", "--kubeconfig", str(tmp_path / "none"))
    assert code == 3
    assert err.startswith("error: ")
    assert "hint: " in err


def test_without_helm_a_deploy_says_where_to_get_it(run, monkeypatch):
    monkeypatch.setenv("BAI_KIT_HELM", "no-helm-of-this-name")
    code, _, err = run("deploy")
    assert code == 3
    assert "cannot run Helm" in err
