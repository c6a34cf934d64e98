"""Test that Helm does not change the application package and the gateway's configuration."""

import json
from pathlib import Path

import dask.config
import pytest
import yaml
from dask_gateway.auth import get_auth

from bai_kit.package.document import convert, own_package

CHART = Path(__file__).parents[2] / "charts" / "bai-chart"
TOOL = {"class": "CommandLineTool", "id": "#tool", "inputs": [], "outputs": [], "baseCommand": "true"}


def package_of(objects):
    (found,) = [manifest["data"] for manifest in objects if "app-package.json" in manifest.get("data", {})]
    return found["app-package.json"]


def gateway_of(objects):
    (found,) = [manifest["data"] for manifest in objects if "gateway.yaml" in manifest.get("data", {})]
    return yaml.safe_load(found["gateway.yaml"])["gateway"]


def cwl(*requirements):
    tools = [{**TOOL, "id": f"#tool{i}", "requirements": requirement} for i, requirement in enumerate(requirements)]
    return json.dumps({"cwlVersion": "v1.2", "$graph": tools})


def docker(image):
    return [{"class": "DockerRequirement", "dockerPull": image}]


def test_the_charts_package_is_what_converting_the_one_of_the_application_gives():
    assert (CHART / "files" / "app-package.json").read_text("utf-8") == convert(own_package())


def test_the_package_travels_byte_for_byte(render):
    assert package_of(render("bai-chart")) == (CHART / "files" / "app-package.json").read_text("utf-8")


def test_a_package_that_looks_like_a_template_stays_as_it_is(render, tmp_path):
    text = json.dumps({"cwlVersion": "v1.2", **TOOL, "doc": 'a {{ .Values.x }} $(inputs.y) "q" <&> \u2028 é'})
    (tmp_path / "p.json").write_text(text, "utf-8")
    assert package_of(render("bai-chart", None, "--set-file", f"package.cwl={tmp_path / 'p.json'}")) == text


@pytest.mark.parametrize(
    "requirements",
    [docker("old:1"), {"DockerRequirement": {"dockerPull": "old:1"}}],
    ids=["list", "map"],
)
def test_an_image_goes_into_the_tools_of_the_package_and_nothing_else_changes(render, requirements):
    values = {"package": {"cwl": cwl(requirements), "image": {"repository": "reg/bai", "tag": "dev"}}}
    assert package_of(render("bai-chart", values)) != cwl(requirements)
    expected = json.loads(cwl(requirements).replace("old:1", "reg/bai:dev"))
    assert json.loads(package_of(render("bai-chart", values))) == expected


def test_an_image_without_a_tag_has_the_charts_version_and_a_digest_its_at_sign(render):
    def image(**image):
        return json.loads(package_of(render("bai-chart", {"package": {"cwl": cwl(docker("x")), "image": image}})))[
            "$graph"
        ][0]["requirements"][0]["dockerPull"]

    assert image(repository="reg/bai") == f"reg/bai:{yaml.safe_load((CHART / 'Chart.yaml').read_text())['appVersion']}"
    assert image(repository="reg/bai", tag="sha256:abc") == "reg/bai@sha256:abc"


def test_one_image_for_tools_of_different_images_is_refused_with_both_names(render):
    values = {"package": {"cwl": cwl(docker("a:1"), docker("b:1")), "image": {"repository": "reg/bai"}}}
    with pytest.raises(Exception, match=r"different images \(a:1, b:1\)"):
        render("bai-chart", values)


@pytest.mark.parametrize("text", ["cwlVersion: v1.2\n", "[]", '{"class": "Workflow"}', "{"])
def test_what_is_no_cwl_in_json_is_refused_with_the_command_that_makes_it(render, text):
    with pytest.raises(Exception, match="bai-kit package convert"):
        render("bai-chart", {"package": {"cwl": text}})


def test_a_package_too_large_for_a_configmap_is_refused(render):
    text = json.dumps({"cwlVersion": "v1.2", **TOOL, "doc": "x" * 1_000_000})
    with pytest.raises(Exception, match="a ConfigMap holds 1 MiB"):
        render("bai-chart", {"package": {"cwl": text}})


def test_the_gateways_address_is_the_walkthroughs_in_the_releases_namespace(render):
    found = gateway_of(render("bai-chart", namespace="ws-eric"))
    assert found["address"] == "http://traefik-dask-gateway.ws-eric.svc.cluster.local:80"
    assert found["auth"] == {"type": "basic", "kwargs": {"username": "ws-eric.bai-chart"}}


def test_a_password_is_named_and_never_written(render):
    objects = render("bai-chart", {"gateway": {"passwordSecret": {"name": "auth", "key": "pw"}}})
    assert gateway_of(objects)["auth"]["kwargs"]["password"] == "{DASK_GATEWAY_PASSWORD}"
    (job,) = [
        json.loads(manifest["data"]["job.json"]) for manifest in objects if "job.json" in manifest.get("data", {})
    ]
    for container in job["spec"]["template"]["spec"]["containers"]:
        (entry,) = [variable for variable in container["env"] if variable["name"] == "DASK_GATEWAY_PASSWORD"]
        assert entry["valueFrom"] == {"secretKeyRef": {"name": "auth", "key": "pw"}}


def test_dask_gateway_reads_the_configuration(render, monkeypatch):
    monkeypatch.setenv("DASK_GATEWAY_PASSWORD", "s3cret")
    values = {
        "gateway": {
            "passwordSecret": {"name": "auth"},
            "proxyAddress": "gateway://p:1",
            "publicAddress": "http://q",
            "clusterOptions": {"worker_memory": "4 G"},
        }
    }
    with dask.config.set({"gateway": gateway_of(render("bai-chart", values))}):
        auth = get_auth()
        assert (auth.username, auth.password) == ("eric.bai-chart", "s3cret")
        assert dask.config.get("gateway.proxy-address") == "gateway://p:1"
        assert dask.config.get("gateway.public-address") == "http://q"
        assert dask.config.get("gateway.cluster.options") == {"worker_memory": "4 G"}
