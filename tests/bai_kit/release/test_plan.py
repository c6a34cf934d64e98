"""Test the values of both charts, and the releases that are made of them."""

import json
import re
import textwrap
from pathlib import Path

import pytest
import yaml

from bai_kit.errors import ValuesError
from bai_kit.release.plan import plan_releases
from bai_kit.release.render import values
from bai_kit.release.values import Overrides
from bai_kit.settings import Settings

ROOT = Path(__file__).parents[3]
FLAGS = re.DOTALL | re.MULTILINE


def planned(helm, *sets, settings=None, **options):
    """Return the gateway's and bai-chart's release for assignments."""
    return plan_releases(helm, settings or Settings(namespace="fire"), Overrides(sets=sets), **options)


def gateway_of(release):
    (text,) = [
        manifest["data"]["gateway.yaml"] for manifest in release.objects if "gateway.yaml" in manifest.get("data", {})
    ]
    return yaml.safe_load(text)["gateway"]


def services(release):
    return {manifest["metadata"]["name"] for manifest in release.objects if manifest["kind"] == "Service"}


def test_one_registry_is_for_all_images(helm):
    settings = Settings(registry="reg.example/eo", sources={"registry": "option"})
    text = json.dumps([release.objects for release in plan_releases(helm, settings, Overrides())])
    assert "reg.example/eo/traefik:v3" in text
    assert "reg.example/eo/bai:" in text
    assert "ghcr.io" not in text
    assert "docker.io" not in text


def test_the_values_on_the_pages_of_the_documentation_are_accepted(helm, write):
    pages = [*ROOT.glob("docs/*.md"), *ROOT.glob("charts/*/README.md"), ROOT / "README.md"]
    blocks = [block for page in pages for block in re.findall(r"^ *```yaml\n(.*?)^ *```", page.read_text(), FLAGS)]
    shown = [text for text in map(textwrap.dedent, blocks) if yaml.safe_load(text).keys() <= {"dask-gateway", "bai"}]
    assert len(shown) > 3
    for number, text in enumerate(shown):
        plan_releases(helm, Settings(), Overrides(files=(write(f"{number}.yaml", text),)))


def test_a_tool_that_renders_with_the_shown_values_applies_the_same_objects(helm):
    """Argo CD and `helm template` get the values that `bai-kit render values` prints, and each chart alone."""
    sets = ("dask-gateway.fullnameOverride=gw", "dask-gateway.gateway.prefix=/dask", "global.imageRegistry=reg.example")
    releases = planned(helm, *sets, settings=Settings(namespace="fire", registry="reg", tag="1"))
    printed = yaml.safe_load(values(releases).text)
    for release, key in zip(releases, ("dask-gateway", "bai"), strict=True):
        assert tuple(helm.render(release.name, release.chart, printed[key])) == release.objects
        assert not [found for found in release.objects if "helm.sh/hook" in str(found["metadata"].get("annotations"))]


def test_global_values_reach_both_charts(helm, write):
    file = write("v.yaml", "{global: {imageRegistry: reg.example/eo}, bai: {global: {team: fire}}}")
    releases = plan_releases(helm, Settings(), Overrides(files=(file,)))
    assert releases[1].values["global"] == {"imageRegistry": "reg.example/eo", "team": "fire"}
    text = json.dumps([release.objects for release in releases])
    assert "reg.example/eo/traefik:v3" in text
    assert "ghcr.io" not in text


def test_values_that_the_charts_refuse_are_named_with_where_they_come_from(helm, write):
    one = write("one.yaml", "bai: {storage: {size: 20 GB}, pvs: 1}")
    two = write("two.yaml", "dask-gateway: {gateway: {replicas: two}}")
    overrides = Overrides(files=(one, two), sets=("bai.runner.maxRam=8GB",))
    with pytest.raises(ValuesError) as caught:
        plan_releases(helm, Settings(), overrides)
    assert f"{two}: dask-gateway.gateway.replicas: " in caught.value.message
    assert f"{one}: bai.storage.size: " in caught.value.message
    assert f"{one}: bai: additional properties 'pvs' not allowed" in caught.value.message
    assert "--set: bai.runner.maxRam: " in caught.value.message


def allowed(release):
    """Return the images that the gateway's server allows in addition to its own."""
    return json.loads(release.data()["settings.json"])["clusterOptions"]["image"]["allow"]


def of_image(name):
    """Return a package of one tool, as JSON text."""
    tool = {"cwlVersion": "v1.2", "class": "CommandLineTool", "id": "main", "inputs": [], "outputs": []}
    return json.dumps(tool | {"hints": {"DockerRequirement": {"dockerPull": name}}})


def test_the_gateway_allows_the_images_of_another_package_beside_those_of_a_file(helm, write):
    file = write("v.yaml", "dask-gateway: {gateway: {clusterOptions: {image: {allow: [reg/mine:*]}}}}")
    overrides = Overrides(package=of_image("reg/other:1"), files=(file,))
    gateway, _ = plan_releases(helm, Settings(), overrides)
    assert allowed(gateway) == ["reg/mine:*", "reg/other:1"]
    assert gateway.values["gateway"]["clusterOptions"]["image"] == {"allow": ["reg/mine:*", "reg/other:1"]}


@pytest.mark.parametrize("where", ["bai.package.cwl", "bai.package.image.repository"])
def test_the_gateway_allows_the_images_of_a_package_that_the_values_set(helm, write, where):
    text = of_image("reg/other:1") if where.endswith("cwl") else "bai: {package: {image: {tag: '1'}}}"
    path = write("given", text)
    given = {"set_files": (f"{where}={path}",)} if where.endswith("cwl") else {"files": (path,)}
    sets = () if where.endswith("cwl") else (f"{where}=reg/other",)
    gateway, _ = plan_releases(helm, Settings(), Overrides(sets=sets, **given))
    assert allowed(gateway) == ["reg/other:1"]


def test_the_charts_own_package_needs_no_entry(helm):
    for settings in (Settings(), Settings(tag="dev"), Settings(registry="reg", sources={"registry": "option"})):
        assert allowed(plan_releases(helm, settings, Overrides())[0]) == []


def test_an_image_of_the_package_outside_the_registry_is_said(helm, caplog):
    settings = Settings(registry="reg.example", sources={"registry": "option"})
    plan_releases(helm, settings, Overrides(package=of_image("docker.io/other:1")))
    assert "image docker.io/other:1 of the package is not in registry reg.example" in caplog.text


def test_the_gateway_comes_first_and_may_be_left_out(helm):
    assert [planned_release.name for planned_release in planned(helm, settings=Settings(release="fire"))] == [
        "dask-gateway",
        "fire",
    ]
    assert [planned_release.chart.name for planned_release in planned(helm, gateway=False)] == ["bai-chart"]
    for release in planned(helm):
        assert yaml.safe_load((release.chart / "Chart.yaml").read_text())["name"] == release.chart.name


@pytest.mark.parametrize("release", ["dask-gateway", "dg", "my-dask-gateway", "r" * 53])
@pytest.mark.parametrize("sets", [(), ("dask-gateway.nameOverride=gate",), ("dask-gateway.fullnameOverride=gw",)])
def test_the_runners_address_is_the_service_that_the_gateways_chart_makes(helm, release, sets):
    gateway, bai = planned(helm, *sets, settings=Settings(namespace="fire", gateway_release=release))
    name = gateway_of(bai)["address"].removeprefix("http://").removesuffix(".fire.svc.cluster.local:80")
    assert name in services(gateway)


def test_port_prefix_tls_and_password_reach_the_runner(helm):
    _, bai = planned(
        helm,
        "dask-gateway.gateway.prefix=/dask",
        "dask-gateway.traefik.tls.enabled=true",
        "dask-gateway.traefik.tls.secretName=cert",
        "dask-gateway.traefik.service.ports.web.port=443",
        "dask-gateway.traefik.service.ports.tcp.port=8786",
        "dask-gateway.gateway.auth.simple.generatePassword=true",
    )
    found = gateway_of(bai)
    assert found["address"] == "https://traefik-dask-gateway.fire.svc.cluster.local:443/dask"
    assert found["proxy-address"] == "gateway://traefik-dask-gateway.fire.svc.cluster.local:8786"
    assert found["auth"]["kwargs"]["password"] == "{DASK_GATEWAY_PASSWORD}"
    assert bai.values["gateway"]["passwordSecret"] == {"name": "dask-gateway-auth", "key": "password"}
    assert bai.values["gateway"]["certificate"] == {"secretName": "cert", "key": "ca.crt"}


def test_values_of_the_runner_win_over_what_follows_from_the_gateway(helm):
    _, bai = planned(
        helm, "bai.gateway.address=https://dask.example", "dask-gateway.traefik.service.ports.tcp.port=8786"
    )
    assert gateway_of(bai)["address"] == "https://dask.example"
    assert "proxy-address" not in gateway_of(bai)


@pytest.mark.parametrize(
    ("sets", "message"),
    [
        (
            ("dask-gateway.gateway.auth.type=custom", "dask-gateway.gateway.auth.custom.class=a.B"),
            "auth.type is custom",
        ),
        (("dask-gateway.gateway.auth.type=jupyterhub",), "bai.gateway.tokenSecret.name names no Secret"),
        (("dask-gateway.traefik.installTraefik=false",), "installTraefik is false"),
    ],
)
def test_what_cannot_be_derived_is_refused_by_name(helm, sets, message):
    with pytest.raises(ValuesError, match=message) as caught:
        planned(helm, *sets)
    assert caught.value.hint.startswith("bai-kit deploy --set bai.gateway.")


def test_a_hubs_token_comes_from_its_secret(helm):
    _, bai = planned(helm, "dask-gateway.gateway.auth.type=jupyterhub", "bai.gateway.tokenSecret.name=hub-token")
    assert gateway_of(bai)["auth"] == {"type": "jupyterhub"}
    job = next(
        json.loads(manifest["data"]["job.json"]) for manifest in bai.objects if "job.json" in manifest.get("data", {})
    )
    env = job["spec"]["template"]["spec"]["containers"][0]["env"]
    token = {"secretKeyRef": {"name": "hub-token", "key": "token"}}
    assert {"name": "JUPYTERHUB_API_TOKEN", "valueFrom": token} in env


def test_an_installed_gateway_says_how_it_is_reached(helm):
    gateway, _ = planned(helm, "dask-gateway.fullnameOverride=gw", "dask-gateway.gateway.prefix=/dask")
    (bai,) = planned(helm, gateway=False, installed=gateway.objects)
    assert gateway_of(bai)["address"] == "http://traefik-gw.fire.svc.cluster.local:80/dask"


def test_no_fixed_user_of_the_gateway_is_none_of_the_runner(helm):
    nulls = "dask-gateway.gateway.podSecurityContext"
    releases = planned(helm, *(f"{nulls}.{key}=null" for key in ("runAsUser", "runAsGroup", "fsGroup")))
    job = next(
        json.loads(manifest["data"]["job.json"])
        for manifest in releases[1].objects
        if "job.json" in manifest.get("data", {})
    )
    assert {"runAsUser", "runAsGroup", "fsGroup"}.isdisjoint(job["spec"]["template"]["spec"]["securityContext"])
