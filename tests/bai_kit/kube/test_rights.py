"""Permissions: which are missing, and the Role that grants them."""

import pytest

from bai_kit.errors import SetupError
from bai_kit.kube.rights import DEPLOY_RIGHTS, RIGHTS, check_rights_and_volume, grant, lacking, worded
from tests.bai_kit.fakes import FakeKube


def test_only_the_permissions_of_a_command_are_checked():
    kube = FakeKube()
    kube.forbidden = {("create", "jobs"), ("list", "jobs")}
    assert [worded(right) for right in lacking(kube, RIGHTS)] == ["create jobs (run)", "list jobs (list)"]
    assert [worded(right) for right in lacking(kube, RIGHTS, "run")] == ["create jobs (run)"]
    assert lacking(kube, DEPLOY_RIGHTS) == []


def test_permissions_of_one_resource_become_one_rule():
    role, binding = grant([("get", "pods", "", "log", "logs"), ("list", "pods", "", "", "run")], "ns", "eric")["items"]
    assert [rule["resources"] for rule in role["rules"]] == [["pods/log"], ["pods"]]
    assert binding["subjects"][0]["name"] == "eric"


def test_a_missing_volume_is_named_before_a_run():
    with pytest.raises(SetupError, match="volume claim bai-data does not exist in namespace ns"):
        check_rights_and_volume(FakeKube(), "bai-data")
