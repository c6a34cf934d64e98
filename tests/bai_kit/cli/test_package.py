"""Test `bai-kit package` as command lines, with the project's own package by default."""

import json

import pytest

from bai_kit.cli.app import main


@pytest.fixture
def run(capsys):
    """Run a command line; return its exit code and standard output."""

    def call(*words):
        with pytest.raises(SystemExit) as end:
            main(["package", *words])
        return end.value.code, capsys.readouterr().out

    return call


def test_the_projects_own_package_is_the_default(run):
    code, out = run("validate")
    assert code == 0
    assert "is valid CWL v1.2" in out


def test_convert_prints_one_line_of_json_or_writes_a_file(run, tmp_path):
    code, out = run("convert")
    assert code == 0
    assert json.loads(out)["cwlVersion"] == "v1.2"
    code, _ = run("convert", "-o", str(tmp_path / "p.json"))
    assert code == 0
    assert json.loads((tmp_path / "p.json").read_text()) == json.loads(out)
