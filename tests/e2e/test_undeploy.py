"""Test changes of the deployment during a run. The last file, because it removes what the others use."""

import subprocess

import pytest
import yaml

from tests.e2e.conftest import CLUSTER
from tests.e2e.kit import package

pytestmark = pytest.mark.e2e


def test_an_upgrade_leaves_a_run_alone(kit, tmp_path, clean):
    words = [
        "run",
        "--name",
        "upgraded",
        "--package",
        package(kit),
        "--param",
        "mode=wait",
        "-o",
        str(tmp_path / "out"),
    ]
    process = kit.start(*words)
    kit.says("upgraded", "second 1")
    kit.deploy("--set", "dask-gateway.gateway.idleTimeout=1300", "--set", "bai.runner.maxCores=3").ok()
    assert "sum 499500" in kit.finish(process).ok().err
    assert (tmp_path / "out" / "out.txt").read_text() == "written\n"


def test_undeploying_takes_a_running_job_with_its_cluster_along_and_no_right_was_for_nothing(kit):
    rights = granted(kit)
    job = kit.result("run", "--detach", "--package", package(kit), "--param", "mode=sleep")["job"]
    kit.says(job, "second 1")
    refused = kit.run("undeploy")
    assert refused.code == 2
    assert job in refused.err
    kit.run("undeploy", "--yes").ok()
    kit.wait_clean()
    assert kit.kube.list("jobs") == []
    assert [pod["metadata"]["name"] for pod in kit.kube.list("pods")] in ([], ["scene"])
    if CLUSTER.exists():
        used = seen(kit, {account for account, _, _ in rights})
        assert used - rights == set()
        assert rights - used - {right for right in rights if is_for_another_day(*right)} == set()


def granted(kit) -> set[tuple[str, str, str]]:
    """(service account, verb, group/resource) of the Roles that the releases install, those of their hooks too."""
    text = "\n---\n".join(
        kit.helm("get", part, name) for name in ("bai", "dask-gateway") for part in ("manifest", "hooks")
    )
    documents = [document for document in yaml.safe_load_all(text) if document]
    rules = {document["metadata"]["name"]: document["rules"] for document in documents if document["kind"] == "Role"}
    return {
        (subject["name"], verb, "/".join(filter(None, (group, resource))))
        for binding in documents
        if binding["kind"] == "RoleBinding"
        for subject in binding["subjects"]
        for rule in rules[binding["roleRef"]["name"]]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def seen(kit, accounts: set[str]) -> set[tuple[str, str, str]]:
    """Return the requests of all accounts to the API in the namespace, from the test cluster's audit log."""
    done = subprocess.run([CLUSTER, "audit", f"{kit.namespace}:"], capture_output=True, text=True, check=True)
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    return {(user.partition(":")[2], verb, what) for user, verb, what, *_ in rows if user.partition(":")[2] in accounts}


def is_for_another_day(account: str, verb: str, what: str) -> bool:
    """Return whether a short test run has no reason to use a permission."""
    # The controller forgets a cluster a day after its end.
    forgets = (verb, what) == ("delete", "gateway.dask.org/daskclusters") and account.startswith("controller")
    # Since 1.34 clients begin a watch without a list; older API servers want the list.
    lists = verb == "list" and account.startswith("traefik")
    # The controller reads the log of a scheduler that fails.
    reads = (verb, what) == ("get", "pods/log") and account.startswith("controller")
    return forgets or lists or reads
