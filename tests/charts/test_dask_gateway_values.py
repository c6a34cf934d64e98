"""Values of the dask-gateway chart: defaults and upstream's files render, bad ones are refused by name, every key is read."""

import copy
import re
from pathlib import Path

import pytest
import yaml
from real_helm import CHARTS, HelmError, find

from charts.schema import generate as schema
from charts.schema.dask_gateway import Values

CHART = CHARTS / "dask-gateway"
CI = sorted((CHART / "ci").glob("*-values.yaml"))
UPSTREAM = sorted((Path(__file__).parent / "data" / "upstream").glob("*.yaml"))
BAD = {
    "gatway: {}": "gatway",
    "gateway: {replicas: two}": "replicas",
    "gateway: {backend: {worker: {memory: {request: 4Gi}}}}": "/gateway/backend/worker/memory/request",
    "gateway: {backend: {worker: {memory: {request: '1024'}}}}": "/gateway/backend/worker/memory/request",
    "gateway: {backend: {worker: {cores: {request: 0}}}}": "/gateway/backend/worker/cores/request",
    "gateway: {clusterOptions: {workerMemory: {max: 512MB}}}": "/gateway/clusterOptions/workerMemory/max",
    "gateway: {clusterMaxWorkers: -1}": "clusterMaxWorkers",
    "gateway: {idleTimeout: -1}": "idleTimeout",
    "gateway: {prefix: dask}": "prefix",
    "gateway: {auth: {type: none}}": "/gateway/auth/type",
    "gateway: {backend: {image: {nme: x}}}": "nme",
    "traefik: {service: {type: ExternalName}}": "/traefik/service/type",
    "traefik: {service: {ports: {web: {port: 70000}}}}": "/traefik/service/ports/web/port",
    "traefik: {additionalArguments: [5]}": "/traefik/additionalArguments/0",
    "traefik: {throttleDuration: 2}": "throttleDuration",
    "rbac: {scope: none}": "/rbac/scope",
    "networkPolicy: {clients: [all]}": "/networkPolicy/clients/0",
    "controller: {resources: {limits: {memory: much}}}": "/controller/resources/limits/memory",
}


def test_schema_readme_and_defaults_are_what_the_models_say():
    assert schema.drift("dask-gateway") == []


def test_the_chart_lints_strictly_with_every_values_file(helm):
    for values in [CHART / "values.yaml", *CI, *UPSTREAM]:
        helm.run("lint", "--strict", str(CHART), "--values", str(values))


def test_the_chart_packs_without_what_only_builds_need(helm, tmp_path):
    helm.run("package", str(CHART), "--destination", str(tmp_path))
    listed = helm.run("show", "chart", str(next(tmp_path.iterdir())))
    assert yaml.safe_load(listed)["name"] == "dask-gateway"


@pytest.mark.parametrize("bad", BAD)
def test_a_bad_value_is_refused_with_its_key(helm, bad):
    with pytest.raises(HelmError, match=re.escape(BAD[bad])):
        helm.render("dask-gateway", yaml.safe_load(bad))


def test_refused_keys_say_what_to_use_instead(render):
    refused = schema.refused_keys(Values)
    assert len(refused) >= 2
    for key, use in refused.items():
        values = {"said": True}
        for part in reversed(key.split(".")):
            values = {part: values}
        with pytest.raises(HelmError, match=re.escape(f"{key} is not supported: {use}")):
            render("dask-gateway", values)


def test_a_refused_key_of_upstreams_own_values_file_says_nothing(render):
    assert render("dask-gateway", {"gateway": {"auth": {"kerberos": {"keytab": None}}}})


@pytest.mark.parametrize(("tag", "used"), [("3.3.5", "v3.7.15"), ("v3.4.1", "v3.4.1"), ("edge", "edge")])
def test_a_traefik_that_is_too_old_is_replaced(render, tag, used):
    deployment = find(
        render("dask-gateway", {"traefik": {"image": {"tag": tag}}}), "Deployment", "traefik-dask-gateway"
    )
    assert deployment["spec"]["template"]["spec"]["containers"][0]["image"] == f"docker.io/traefik:{used}"


@pytest.mark.parametrize("helm", ["helm4"], indirect=True)  # Helm 3 shows notes to a cluster only
def test_the_notes_name_a_traefik_that_is_too_old(helm):
    words = ["--dry-run=client", "--set", "traefik.image.tag=3.3.5"]
    assert "3.3.5 is too old for this chart" in helm.run("install", "x", str(CHART), *words)


def test_the_version_that_replaces_an_old_traefik_is_the_default():
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert chart["annotations"]["traefik"] == schema.defaults(Values)["traefik"]["image"]["tag"]


def test_a_prefix_may_end_with_a_slash(render):
    plain, slashed = (render("dask-gateway", {"gateway": {"prefix": f"/services/dask{end}"}}) for end in ("", "/"))
    assert plain == slashed


def test_both_helms_render_the_same(helm, helm3):
    for values in (None, CHART / "ci" / "full-values.yaml"):
        ours, theirs = (program.render("dask-gateway", values) for program in (helm, helm3))
        for found in [*ours, *theirs]:  # a generated password is another one each time
            found.pop("data", None) if found["kind"] == "Secret" else None
        assert ours == theirs


def test_every_key_is_read_by_a_template():
    text = "".join(path.read_text() for path in (CHART / "templates").rglob("*") if path.is_file())
    whole = ("Probe.", "resources.", "gateway.clusterOptions.")  # parts that a template passes on as they are
    for key, field in schema._leaves(Values):
        name = key.rsplit(".", 1)[-1]
        if name in {"global", "enabled"} or schema._is_refused(field) or any(part in key for part in whole):
            continue
        assert re.search(rf"\b{name}\b", text), f"no template reads {key}"


def test_every_value_in_a_template_exists():
    values = schema.defaults(Values)
    used = set()
    for path in (CHART / "templates").rglob("*"):
        if path.is_file():
            used |= set(re.findall(r"\.Values((?:\.[a-zA-Z]+)+)", path.read_text()))
    for path in used - {".global.imageRegistry"}:  # of whichever chart has this one as a dependency
        node = copy.deepcopy(values)
        for part in path.strip(".").split("."):
            assert part in node, path
            node = node[part]
