"""Command lines of tests: without the settings of the user who runs them, and with the Helm of the tests."""

import pytest

from bai_kit.cli.app import main
from tests.charts.helm_wheels import ensure


@pytest.fixture
def run(capsys, monkeypatch, tmp_path):
    """Return a function that runs a command line, and returns its exit code, standard output and standard error."""
    for name in ("KUBECONFIG", "BAI_KIT_NAMESPACE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("BAI_KIT_HELM", str(ensure("helm3") / "helm"))

    def call(*words):
        with pytest.raises(SystemExit) as ended:
            main(words)
        said = capsys.readouterr()
        return ended.value.code, said.out, said.err

    return call
