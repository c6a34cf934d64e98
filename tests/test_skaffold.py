"""Read skaffold.yaml as Skaffold does: every path, artifact, key and port that the file names exists."""

import copy
import json
import re
import subprocess
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from tests.charts.helm_wheels import ensure

ROOT = Path(__file__).parents[1]

CONFIG = yaml.safe_load((ROOT / "skaffold.yaml").read_text("utf-8"))
PROFILES = [None, *(entry["name"] for entry in CONFIG["profiles"])]


def patched(profile: str | None) -> dict:
    """Return the configuration with a profile's patches (RFC 6902: replace and remove) applied."""
    config = copy.deepcopy(CONFIG)
    for patch in next((entry.get("patches", []) for entry in CONFIG["profiles"] if entry["name"] == profile), []):
        *path, last = patch["path"].strip("/").split("/")
        node = config
        for part in path:
            node = node[int(part)] if isinstance(node, list) else node[part]
        assert last in node, f"{profile}: nothing at {patch['path']}"
        if patch["op"] == "remove":
            del node[last]
        else:
            node[last] = patch["value"]
    return config


def images(config: dict) -> dict[str, str]:
    """Return the values of Skaffold's image variables, as if each image were built with its own name and tag."""
    words = {}
    for artifact in config["build"]["artifacts"]:
        name = re.sub(r"[-/.:]", "_", artifact["image"])
        words |= {f"IMAGE_REPO_{name}": f"reg.example/{artifact['image']}", f"IMAGE_TAG_{name}": f"tag-{name}"}
    return words


def assignments_of(release: dict, words: dict[str, str]) -> list[str]:
    values = dict(release.get("setValues", {}))
    for key, template in release.get("setValueTemplates", {}).items():
        values[key] = re.sub(r"\{\{\s*\.(\w+)\s*\}\}", lambda match: words[match[1]], template)
    return [word for key, value in values.items() for word in ("--set", f"{key}={value}")]


@pytest.fixture(scope="module", params=PROFILES)
def deployed(request):
    """Render every release of a profile with the real Helm and the values that Skaffold would pass."""
    config = patched(request.param)
    objects = {}
    for release in config["deploy"]["helm"]["releases"]:
        command = [ensure("helm3") / "helm", "template", release["name"], ROOT / release["chartPath"]]
        options = ["--namespace", release["namespace"], *assignments_of(release, images(config))]
        done = subprocess.run([*command, *options], capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        objects[release["name"]] = [document for document in yaml.safe_load_all(done.stdout) if document]
    return config, objects


def test_every_artifact_has_its_dockerfile():
    missing = [
        artifact["image"]
        for artifact in CONFIG["build"]["artifacts"]
        if not (ROOT / artifact["context"] / "Dockerfile").is_file()
    ]
    assert missing == []


def test_releases_come_in_order_in_one_namespace():
    releases = CONFIG["deploy"]["helm"]["releases"]
    assert [release["name"] for release in releases] == ["dask-gateway", "bai"]
    assert releases[1]["dependsOn"] == ["dask-gateway"]
    assert len({release["namespace"] for release in releases}) == 1


def test_every_value_is_a_key_of_its_chart():
    for release in CONFIG["deploy"]["helm"]["releases"]:
        defaults = yaml.safe_load((ROOT / release["chartPath"] / "values.yaml").read_text("utf-8"))
        for key in [*release.get("setValues", {}), *release.get("setValueTemplates", {})]:
            node = defaults
            for part in key.split("."):
                assert part in node, f"{release['name']}: {key}"
                node = node[part]


def test_every_image_of_ours_is_the_one_that_was_built(deployed):
    _, objects = deployed
    text = json.dumps(objects)
    for name in ("bai", "runner", "gateway-server"):
        assert f"reg.example/{name}:tag-{name.replace('-', '_')}" in text
    assert "ghcr.io/bai-kit" not in text


def test_images_inside_configmaps_are_the_built_ones_too(deployed):
    _, objects = deployed
    data = {key: text for manifest in objects["bai"] for key, text in manifest.get("data", {}).items()}
    assert '"dockerPull":"reg.example/bai:tag-bai"' in data["app-package.json"]
    assert "reg.example/runner:tag-runner" in data["job.json"]


def test_the_runner_looks_for_the_gateway_where_it_is(deployed):
    config, objects = deployed
    (data,) = [manifest["data"] for manifest in objects["bai"] if "gateway.yaml" in manifest.get("data", {})]
    services = [manifest for manifest in objects["dask-gateway"] if manifest["kind"] == "Service"]
    namespace = config["deploy"]["helm"]["releases"][0]["namespace"]
    address = yaml.safe_load(data["gateway.yaml"])["gateway"]["address"]
    assert address in [f"http://{service['metadata']['name']}.{namespace}.svc.cluster.local:80" for service in services]


def test_the_forwarded_port_is_one_of_the_services(deployed):
    config, objects = deployed
    for forward in config.get("portForward", []):
        assert (forward["localPort"], forward["address"]) == (8001, "127.0.0.1")
        (service,) = [
            manifest
            for manifest in objects["dask-gateway"]
            if (manifest["kind"], manifest["metadata"]["name"]) == ("Service", forward["resourceName"])
        ]
        assert forward["port"] in [port["port"] for port in service["spec"]["ports"]]


def test_the_dashboards_are_forwarded_for_people_and_not_in_ci():
    assert "portForward" in patched("minikube")
    assert "portForward" not in patched("ci")


def test_the_verification_runs_in_a_restricted_pod_with_what_the_releases_made(deployed):
    config, objects = deployed
    (case,) = config["verify"]
    assert case["container"]["image"] in [artifact["image"] for artifact in config["build"]["artifacts"]]
    job = yaml.safe_load((ROOT / case["executionMode"]["kubernetesCluster"]["jobManifestPath"]).read_text("utf-8"))
    kubernetes_validate.validate(job, "1.34", strict=True)
    pod = job["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["name"] == case["container"]["name"]
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert job["metadata"]["namespace"] == config["deploy"]["helm"]["releases"][1]["namespace"]
    made = {(manifest["kind"], manifest["metadata"]["name"]) for manifest in objects["bai"]}
    assert ("ServiceAccount", pod["serviceAccountName"]) in made
    assert ("ConfigMap", pod["volumes"][1]["configMap"]["name"]) in made
    stored = next(
        json.loads(manifest["data"]["job.json"])
        for manifest in objects["bai"]
        if "job.json" in manifest.get("data", {})
    )
    (user,) = [
        variable
        for variable in stored["spec"]["template"]["spec"]["containers"][0]["env"]
        if variable["name"] == "USER"
    ]
    assert user in container["env"]


def test_the_verifications_program_is_python():
    compile(CONFIG["verify"][0]["container"]["args"][0], "verify", "exec")
