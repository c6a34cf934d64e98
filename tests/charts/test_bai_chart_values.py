"""Values of bai-chart: the defaults render, bad ones are refused by name, every key does something."""

import copy
import json
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from charts.schema import generate as schema
from charts.schema.bai_chart import Values

CHART = Path(__file__).parents[2] / "charts" / "bai-chart"
CI = sorted((CHART / "ci").glob("*-values.yaml"))


def test_schema_readme_and_defaults_are_what_the_models_say():
    assert schema.drift("bai-chart") == []


def test_the_chart_lints_strictly_with_every_values_file(helm):
    for values in [CHART / "values.yaml", *CI]:
        helm.run("lint", "--strict", str(CHART), "--values", str(values))


def test_the_chart_packs(helm, tmp_path):
    helm.run("package", str(CHART), "--destination", str(tmp_path))
    assert [path.suffix for path in tmp_path.iterdir()] == [".tgz"]


@pytest.mark.parametrize("values", [None, *CI], ids=lambda path: path.stem if path else "defaults")
@pytest.mark.parametrize("version", ["1.29", "1.34"])
def test_kubernetes_knows_every_field(render, values, version):
    for found in render("bai-chart", values):
        kubernetes_validate.validate(found, version, strict=True)


@pytest.mark.parametrize("values", [None, *CI], ids=lambda path: path.stem if path else "defaults")
def test_every_object_is_found_by_its_labels(render, values):
    for found in render("bai-chart", values, release="bai"):
        labels = found["metadata"]["labels"]
        assert labels["app.kubernetes.io/part-of"] == "bai-kit"
        assert labels["bai-kit/release"] == labels["app.kubernetes.io/instance"] == "bai"
        assert found["metadata"]["namespace"] == "eric"


def test_two_releases_in_a_namespace_share_no_object(render):
    def names(release):
        values = {"job": {"enabled": True}}
        return {
            (manifest["kind"], manifest["metadata"]["name"])
            for manifest in render("bai-chart", values, release=release)
        }

    assert not names("one") & names("two")
    assert len(names("one")) == 12


def test_names_stay_within_kubernetes_limits(render):
    longest = "r" * 53
    for found in render("bai-chart", {"job": {"enabled": True}}, release=longest):
        assert len(found["metadata"]["name"]) <= 63
        assert all(len(value) <= 63 for value in found["metadata"]["labels"].values())


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({"pvs": {}}, "pvs"),
        ({"runner": {"maxRam": "8GB"}}, "runner/maxRam"),
        ({"runner": {"maxCores": 0}}, "runner/maxCores"),
        ({"runner": {"image": {"repository": ""}}}, "runner/image/repository"),
        ({"runner": {"resources": {"limits": {"memory": "1GB"}}}}, "runner/resources/limits/memory"),
        ({"storage": {"size": "20 GB"}}, "storage/size"),
        ({"storage": {"accessMode": "RWX"}}, "storage/accessMode"),
        ({"storage": {"existingClaim": "My_Claim"}}, "storage/existingClaim"),
        ({"gateway": {"address": "traefik:80"}}, "gateway/address"),
        ({"gateway": {"username": "a b"}}, "gateway/username"),
        ({"gateway": {"password": "x"}}, "password"),
        ({"job": {"ttlSecondsAfterFinished": "60"}}, "job/ttlSecondsAfterFinished"),
        ({"job": {"name": "UPPER"}}, "job/name"),
        ({"package": {"image": {"tag": "dev"}}}, "package/image/repository"),
        ({"commonLabels": {"a": 1}}, "commonLabels/a"),
    ],
)
def test_a_bad_value_is_refused_with_its_key(helm, values, key):
    with pytest.raises(Exception, match=key):
        helm.render("bai-chart", values)


OTHER = {str: "other", int: 7, float: 7, list: [{"name": "other"}], dict: {"other": "x"}}
SPECIAL = {
    "runner.maxRam": "7G",
    "runner.image.pullPolicy": "Always",
    "runner.extraArgs": ["--other"],
    "package.cwl": '{"cwlVersion": "v1.2"}',
    "global": {"imageRegistry": "other"},
    "gateway.optionNames": {"worker_cores_limit": {"name": ""}},
    "gateway.address": "http://other",
    "gateway.publicAddress": "http://other",
    "storage.size": "7Gi",
    "storage.storageClass": "other",
    "storage.accessMode": "ReadWriteOnce",
    "runner.resources.requests": {"cpu": "7m"},
    "runner.resources.limits": {"cpu": "7m"},
    "runner.guardResources.requests": {"cpu": "7m"},
    "runner.guardResources.limits": {"cpu": "7m"},
    "job.activeDeadlineSeconds": 7,
    "job.maxRunning": 7,
}
NEEDS = {
    "gateway.tokenSecret.key": {"gateway": {"tokenSecret": {"name": "hub"}}},
    "gateway.certificate.key": {"gateway": {"certificate": {"secretName": "tls"}}},
    "package.image.tag": {"package": {"image": {"repository": "reg/bai"}}},
    "gateway.passwordSecret.key": {"gateway": {"passwordSecret": {"name": "auth"}}},
}


def leaves(node, prefix=""):
    for key, value in node.items():
        if isinstance(value, dict) and value and f"{prefix}{key}" not in SPECIAL:
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def with_value(base, dotted, value):
    changed = copy.deepcopy(base)
    node = changed
    *path, last = dotted.split(".")
    for part in path:
        node = node.setdefault(part, {})
    node[last] = value
    return changed


@pytest.mark.parametrize(("key", "default"), [leaf for leaf in leaves(schema.defaults(Values)) if leaf[0] != "enabled"])
def test_every_key_changes_something(render, key, default):
    value = SPECIAL[key] if key in SPECIAL else not default if isinstance(default, bool) else OTHER[type(default)]
    base = NEEDS.get(key, {}) | ({} if key == "job.enabled" else {"job": {"enabled": True}})
    assert render("bai-chart", with_value(base, key, value)) != render("bai-chart", base)


@pytest.mark.parametrize("helm", ["helm4"], indirect=True)  # Helm 3 shows notes to a cluster only
def test_the_notes_give_commands_for_this_very_release(helm):
    values = json.dumps({"storage": {"existingClaim": "shared"}})
    text = helm.run(
        "install", "fire", str(CHART), "--dry-run=client", "--namespace", "eric", "--values", "-", stdin=values
    )
    notes = text.partition("NOTES:")[2]
    assert "helm test fire -n eric" in notes
    assert "bai-kit run -n eric --release fire" in notes
    assert "shared (existing)" in notes


def test_the_values_of_every_ci_file_are_taken_by_the_models():
    for path in CI:
        Values.model_validate(yaml.safe_load(path.read_text("utf-8")), strict=True)
