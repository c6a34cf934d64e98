"""Test what a deploy would change."""

import base64
import json
from pathlib import Path

from bai_kit.release.diff import Changes, find_changes, new_namespace
from bai_kit.release.plan import Release
from tests.bai_kit.fake_helm import FakeHelm
from tests.bai_kit.fakes import FakeKube


def config(name, **data):
    return {"kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def changes(before, after):
    helm = FakeHelm(FakeKube(), {"bai": before})
    if before:
        helm._add("bai", "deployed")
    return find_changes(helm, [Release("bai", Path("bai-chart"), {"objects": after})])


def test_made_changed_and_removed_objects_are_told_apart_and_the_rest_is_left_out():
    found = changes(
        [config("a", x="1"), config("b", x="1"), config("c")], [config("a", x="2"), config("c"), config("d")]
    )
    assert [(entry.object, entry.what) for entry in found] == [
        ("ConfigMap/a", "change"),
        ("ConfigMap/b", "delete"),
        ("ConfigMap/d", "create"),
    ]
    assert "-  x: '1'\n+  x: '2'" in found[0].diff
    assert Changes("ns", found).__rich__().startswith("change ConfigMap/a\n--- ConfigMap/a (now)")


def test_a_changed_secret_shows_that_it_changed_and_not_to_what():
    def secret(text):
        return {
            "kind": "Secret",
            "metadata": {"name": "s"},
            "data": {"password": base64.b64encode(text.encode()).decode()},
        }

    (found,) = changes([secret("hunter2")], [secret("hunter3")])
    assert found.diff.count("(hidden, ") == 2
    assert base64.b64encode(b"hunter2").decode() not in found.diff
    assert changes([secret("same")], [secret("same")]) == ()


def test_nothing_to_change_is_said():
    assert Changes("ns", ()).__rich__() == "nothing to change in namespace ns"


def test_json_in_a_config_map_is_compared_value_by_value():
    old = {"clusterConfig": {"idle_timeout": 1200, "cores": [1, 2]}, "same": {"a": [1]}}
    new = {"clusterConfig": {"idle_timeout": 60, "cores": [1, 3], "more": None}, "same": {"a": [1]}}
    (found,) = changes([config("s", settings=json.dumps(old))], [config("s", settings=json.dumps(new, indent=2))])
    assert found.diff.splitlines() == [
        "settings: clusterConfig.cores[1]: 2 -> 3",
        "settings: clusterConfig.idle_timeout: 1200 -> 60",
        "settings: clusterConfig.more: (none) -> null",
    ]


def test_a_new_namespace_is_a_change_with_its_labels():
    change = new_namespace("ns", {"a": "b"})
    assert (change.what, change.object) == ("create", "Namespace/ns")
    assert "+    a: b" in change.diff
