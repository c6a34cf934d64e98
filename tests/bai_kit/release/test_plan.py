"""Test the plan of a deploy, and the precedence of values."""

import json

import pytest
import yaml

from bai_kit.errors import ValuesError
from bai_kit.release.helm import Helm
from bai_kit.release.plan import Overrides, plan_releases, plan_values
from bai_kit.settings import Settings
from tests.charts.helm_wheels import ensure


def write(path, text):
    path.write_text(text)
    return path


def test_files_go_over_the_profile_and_assignments_over_files(tmp_path):
    one = write(tmp_path / "1.yaml", "bai: {runner: {maxCores: 11, maxRam: 11G}, storage: {size: 11Gi}}")
    two = write(tmp_path / "2.yaml", "bai: {runner: {maxRam: 22G}, storage: {size: 22Gi}}")
    overrides = Overrides(files=(one, two), sets=("bai.storage.size=33Gi",), set_strings=("bai.runner.image.tag=007",))
    bai = plan_values(Settings(), overrides)["bai"]
    assert (bai["runner"]["maxCores"], bai["runner"]["maxRam"], bai["storage"]["size"]) == (11, "22G", "33Gi")
    assert bai["runner"]["image"]["tag"] == "007"
    assert bai["storage"]["accessMode"] == "ReadWriteMany"


def test_set_file_takes_the_content(tmp_path):
    path = write(tmp_path / "p.json", '{"cwlVersion": "v1.2"}')
    values = plan_values(Settings(), Overrides(set_files=(f"bai.package.cwl={path}",)))
    assert values["bai"]["package"]["cwl"] == '{"cwlVersion": "v1.2"}'


def test_null_is_kept_because_helm_applies_it_to_the_charts_defaults():
    values = plan_values(Settings(), Overrides(sets=("bai.runner.resources.limits.memory=null",)))
    assert values["bai"]["runner"]["resources"]["limits"] == {"memory": None}


def test_the_applications_image_is_replaced_only_where_the_images_are_elsewhere():
    assert "package" not in plan_values(Settings(), Overrides())["bai"]
    moved = plan_values(Settings(registry="reg", sources={"registry": "option"}), Overrides())
    assert moved["bai"]["package"]["image"] == {"repository": "reg/bai", "tag": ""}
    assert "image" not in plan_values(Settings(tag="dev"), Overrides(package="{}"))["bai"]["package"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("runner: {}", "'runner' is no chart of ours"),
        ("bai: 1", "bai is 1"),
        ("[1]", "holds no map"),
        ("a: [", "is not YAML"),
    ],
)
def test_a_bad_values_file_is_named(tmp_path, text, message):
    path = write(tmp_path / "v.yaml", text)
    with pytest.raises(ValuesError, match=message) as caught:
        plan_values(Settings(), Overrides(files=(path,)))
    assert str(path) in caught.value.message


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ValuesError, match=r"none\.yaml: cannot be read"):
        plan_values(Settings(), Overrides(files=(tmp_path / "none.yaml",)))
    with pytest.raises(ValuesError, match="none cannot be read"):
        plan_values(Settings(), Overrides(set_files=(f"bai.x={tmp_path / 'none'}",)))


def test_the_gateway_allows_the_images_of_another_package():
    tool = {"hints": {"DockerRequirement": {"dockerPull": "reg/other:1"}}}
    gateway = plan_values(Settings(), Overrides(package=json.dumps(tool)))["dask-gateway"]["gateway"]
    assert gateway["clusterOptions"]["image"] == {"allow": ["reg/other:1"]}
    assert gateway["image"]["name"] == "ghcr.io/bai-kit/gateway-server"


def test_the_gateway_comes_first_and_may_be_left_out():
    values = plan_values(Settings(), Overrides())
    assert [each.name for each in plan_releases(Settings(release="fire"), values)] == ["dask-gateway", "fire"]
    assert [each.chart.name for each in plan_releases(Settings(), values, gateway=False)] == ["bai-chart"]
    for release in plan_releases(Settings(), values):
        assert yaml.safe_load((release.chart / "Chart.yaml").read_text())["name"] == release.chart.name


@pytest.mark.parametrize("release", ["dask-gateway", "dg", "my-dask-gateway"])
def test_the_runners_address_of_the_gateway_is_the_service_that_the_gateways_chart_makes(release):
    helm = Helm("eric", executable=str(ensure("helm3") / "helm"))
    settings = Settings(namespace="eric", gateway_release=release)
    values = plan_values(settings, Overrides())
    gateway = plan_releases(settings, values)[0]
    services = [each for each in helm.render(gateway.name, gateway.chart, {}) if each["kind"] == "Service"]
    address = values["bai"]["gateway"]["address"]
    assert address in [f"http://{each['metadata']['name']}.eric.svc.cluster.local:80" for each in services]
