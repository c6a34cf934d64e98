"""The workflows for GitHub: pinned actions, few permissions, and only targets of the Makefile that exist."""

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yaml"))


def steps(path):
    return [step for job in yaml.safe_load(path.read_text())["jobs"].values() for step in job["steps"]]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_pinned_by_commit_with_their_version_beside_it(path):
    lines = [line for line in path.read_text().splitlines() if "uses:" in line]
    assert lines
    assert [line for line in lines if not re.search(r"uses: [\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line)] == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_may_read_and_only_the_jobs_that_publish_may_write(path):
    workflow = yaml.safe_load(path.read_text())
    assert workflow["permissions"] == {"contents": "read"}
    assert "pull_request_target" not in path.read_text()
    writes = {name: job["permissions"] for name, job in workflow["jobs"].items() if "permissions" in job}
    assert writes == {} or (
        path.name == "release.yaml"
        and writes
        == {
            "images": {"contents": "read", "packages": "write"},
            "charts": {"contents": "read", "packages": "write"},
            "package": {"id-token": "write"},
        }
    )


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_put_no_text_from_outside_into_a_shell(path):
    assert [step["run"] for step in steps(path) if "${{" in step.get("run", "")] == []


def test_every_make_target_of_a_workflow_exists():
    targets = set(re.search(r"^\.PHONY: (.*)", (ROOT / "Makefile").read_text(), re.MULTILINE)[1].split())
    called = {
        target
        for path in WORKFLOWS
        for step in steps(path)
        for target in re.findall(r"make ([a-z-]+)", step.get("run", ""))
    }
    assert called
    assert called <= targets


def test_the_version_is_one():
    version = re.search(r'^version = "(.*)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)[1]
    for chart in ("dask-gateway", "bai-chart"):
        about = yaml.safe_load((ROOT / "charts" / chart / "Chart.yaml").read_text())
        assert (about["version"], about["appVersion"]) == (version, version)
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"] == version
    assert f"\n## {version} (" in (ROOT / "CHANGELOG.md").read_text()


def test_what_is_run_a_second_time_is_printed_and_counted():
    text = (ROOT / ".ci" / "run").read_text()
    commands = [line for line in text.splitlines() if not line.strip().startswith(("#", "echo"))]
    assert sorted(re.findall(r"\bmake (\w+)", "\n".join(commands))) == ["demo", "e2e", "e2e", "test"]
    assert text.count("--last-failed") == 1
    assert "e2e: repeated %s tests" in text
