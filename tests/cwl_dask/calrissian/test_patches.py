"""Calrissian's command line with our parts, for packages that need no pod. Needs Calrissian's environment."""

import json
import os
import subprocess
import sys

import pytest

pytest.importorskip("calrissian")

SECRET = "a token of the runner"


@pytest.fixture
def run(tmp_path):
    """Run a package of one expression; returns exit code, log, and failure event."""
    (tmp_path / "secret").write_text(SECRET)
    for folder in ("job", "package"):
        (tmp_path / folder).mkdir()

    def run(expression, *options, **inputs):
        tool = {
            "cwlVersion": "v1.2",
            "class": "ExpressionTool",
            "requirements": {"InlineJavascriptRequirement": {}},
            "inputs": {"word": "string", **inputs},
            "outputs": {"found": "Any"},
            "expression": expression.replace("SECRET", (tmp_path / "secret").as_uri()),
        }
        (tmp_path / "package" / "tool.cwl").write_text(
            json.dumps(tool).replace("SECRET", (tmp_path / "secret").as_uri())
        )
        (tmp_path / "package" / "params.json").write_text('{"word": "hi"}')
        job = tmp_path / "job"
        command = [sys.executable, "-m", "cwl_dask.calrissian.main", "--max-ram=1G", "--max-cores=1", *options]
        command += [f"--outdir={job}/results", f"--tmp-outdir-prefix={job}/part-", f"--stdout={job}/output.json"]
        command += [f"--stderr={job}/run.log", "package/tool.cwl", "package/params.json"]
        environment = os.environ | {"CWL_DASK_FAILURE": str(job / "failure.json")}
        ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert ended.stderr == (job / "run.log").read_text()
        assert "Traceback" not in ended.stderr
        assert SECRET not in ended.stderr + ended.stdout
        event = job / "failure.json"
        return ended.returncode, ended.stdout, json.loads(event.read_text()) if event.exists() else None

    return run


def test_a_workflow_that_succeeds_has_no_failure(run):
    code, printed, failure = run("${return {found: inputs.word + typeof require};}", "--dask-gateway-url=http://gw")
    assert (code, json.loads(printed), failure) == (0, {"found": "hiundefined"}, None)


@pytest.mark.parametrize(
    ("expression", "inputs", "kind"),
    [
        ('${return {found: {"class": "File", "location": "SECRET"}};}', {}, "output"),
        (
            "${return {found: inputs.file.contents};}",
            {"file": {"type": "File", "loadContents": True, "default": {"class": "File", "location": "SECRET"}}},
            "input",
        ),
        (
            "${return {found: inputs.text};}",
            {"text": {"type": "string", "default": {"$include": "SECRET"}}},
            "package",
        ),
    ],
)
def test_a_file_of_the_runner_is_not_given_away(run, expression, inputs, kind):
    code, _, failure = run(expression, **inputs)
    assert (code, failure["kind"], failure["temporary"]) == (1, kind, False)
    assert "outside of the job's folders" in failure["message"]


def test_an_expression_that_fails_is_a_reason_without_a_traceback(run):
    code, _, failure = run("${return {found: missing};}")
    assert code == 1
    assert "ReferenceError: missing is not defined" in failure["message"]
