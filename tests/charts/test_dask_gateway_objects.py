"""What the dask-gateway chart renders: valid, restricted, consistent objects with exact rights."""

from collections.abc import Iterator

import jsonschema
import kubernetes_validate
import pytest
import yaml
from real_helm import CHARTS, Object, find

CHART = CHARTS / "dask-gateway"
CI = [None, *sorted((CHART / "ci").glob("*-values.yaml")), CHART / "values.yaml"]
VALUES = pytest.mark.parametrize("values", CI, ids=lambda path: path.stem if path else "none")
FULL = CHART / "ci" / "full-values.yaml"
FOREIGN = {"IngressRoute", "Middleware", "ServiceMonitor", "PodMonitor"}


def pods(objects: list[Object]) -> Iterator[tuple[str, Object]]:
    """Yield (name, pod template) of everything that runs."""
    for found in objects:
        if found["kind"] in {"Deployment", "Job"}:
            yield found["metadata"]["name"], found["spec"]["template"]
        if found["kind"] == "Pod":
            yield found["metadata"]["name"], found


@VALUES
def test_kubernetes_knows_every_field(render, values):
    version = "1.34" if values == FULL else "1.29"  # the newest has to know what the oldest knew, once
    for found in render("dask-gateway", values):
        if found["kind"] not in FOREIGN:
            kubernetes_validate.validate(found, version, strict=True)


@VALUES
def test_every_pod_meets_restricted_pod_security(render, values):
    for name, template in pods(render("dask-gateway", values)):
        spec = template["spec"]
        assert spec["securityContext"]["runAsNonRoot"], name
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert {"hostNetwork", "hostPID", "hostIPC"}.isdisjoint(spec), name
        assert all(set(volume) & {"emptyDir", "configMap", "secret", "projected"} for volume in spec["volumes"]), name
        for container in spec["containers"]:
            context = container["securityContext"]
            assert context["readOnlyRootFilesystem"], name
            assert context["allowPrivilegeEscalation"] is False, name
            assert context["capabilities"] == {"drop": ["ALL"]}, name
            assert not container["image"].endswith(":latest"), name
            assert container["resources"]["requests"], name
            assert container["resources"]["limits"]["memory"], name


@VALUES
def test_what_pods_mount_and_selectors_select_exists(render, values):
    objects = render("dask-gateway", values)
    config_maps = {manifest["metadata"]["name"] for manifest in objects if manifest["kind"] == "ConfigMap"}
    accounts = {manifest["metadata"]["name"] for manifest in objects if manifest["kind"] == "ServiceAccount"}
    labels = [template["metadata"]["labels"].items() for _, template in pods(objects)]
    for name, template in pods(objects):
        for volume in template["spec"]["volumes"]:
            assert "configMap" not in volume or volume["configMap"]["name"] in config_maps, name
        mounts = {mount["name"] for container in template["spec"]["containers"] for mount in container["volumeMounts"]}
        assert mounts == {volume["name"] for volume in template["spec"]["volumes"]}, name
        account = template["spec"].get("serviceAccountName")
        assert not accounts or account is None or account in accounts, name
    for found in objects:
        selector = found.get("spec", {}).get("selector", {})
        if found["kind"] in {"Service", "Deployment", "PodDisruptionBudget"}:
            wanted = selector.get("matchLabels", selector)
            assert any(wanted.items() <= have for have in labels), found["metadata"]["name"]


@pytest.mark.parametrize("first", [("a", "eric"), ("dask-gateway", "eric")])
@pytest.mark.parametrize(
    "second", [("b", "eric"), ("dask-gateway-2", "eric"), ("a", "other"), ("dask-gateway", "other")]
)
@pytest.mark.parametrize("scope", ["namespace", "cluster"])
def test_releases_do_not_share_objects_or_clusters(render, first, second, scope):
    def names(release):
        values = {"rbac": {"scope": scope}, "createCRDs": False, "traefik": {"createCRDs": False}}
        objects = render("dask-gateway", values, release=release[0], namespace=release[1])
        settings = yaml.safe_load(find(objects, "ConfigMap", f"{full(release[0])}-server")["data"]["settings.json"])
        seen = "*" if scope == "cluster" else settings["namespace"]
        found = {(o["kind"], o["metadata"].get("namespace"), o["metadata"]["name"]) for o in objects}
        return found | {("clusters", seen, settings["instance"])}

    def full(name):
        return name if "dask-gateway" in name else f"{name}-dask-gateway"

    assert first == second or not names(first) & names(second)


def test_namespace_scope_needs_nothing_of_the_whole_cluster(render):
    values = {"createCRDs": False, "traefik": {"createCRDs": False}}
    kinds = {manifest["kind"] for manifest in render("dask-gateway", values)}
    assert not kinds & {"ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition"}


def test_cluster_scope_has_the_same_verbs(render):
    def rules(scope):
        objects = render("dask-gateway", {"rbac": {"scope": scope}})
        return [manifest["rules"] for manifest in objects if manifest["kind"] in {"Role", "ClusterRole"}]

    assert rules("namespace") == rules("cluster")


def test_rights_are_listed_verb_by_verb(render):
    for role in [manifest for manifest in render("dask-gateway") if manifest["kind"] == "Role"]:
        for rule in role["rules"]:
            assert "*" not in [*rule["verbs"], *rule["resources"], *rule["apiGroups"]]


def test_the_test_pod_runs_where_the_api_server_may(render):
    values = {"gateway": {"tolerations": [{"operator": "Exists"}], "nodeSelector": {"pool": "eo"}}}
    spec = find(render("dask-gateway", values), "Pod", "dask-gateway-test")["spec"]
    assert (spec["tolerations"], spec["nodeSelector"]) == ([{"operator": "Exists"}], {"pool": "eo"})


def test_the_walkthroughs_address_holds(render):
    service = find(render("dask-gateway", release="dask-gateway"), "Service", "traefik-dask-gateway")
    assert [port["port"] for port in service["spec"]["ports"]] == [80]
    assert service["spec"]["type"] == "ClusterIP"  # `--wait` ends


@pytest.mark.parametrize("auth", [{"password": "s3cret"}, {"generatePassword": True}, {"existingSecret": "mine"}])
def test_a_password_is_only_ever_in_a_secret(render, auth):
    objects = render("dask-gateway", {"gateway": {"auth": {"simple": auth}}}, release="dask-gateway")
    assert "s3cret" not in yaml.safe_dump([manifest for manifest in objects if manifest["kind"] != "Secret"])
    variables = find(objects, "Deployment", "api-dask-gateway")["spec"]["template"]["spec"]["containers"][0]["env"]
    wanted = auth.get("existingSecret", "dask-gateway-auth")
    assert {"name": wanted, "key": "password"} in [
        variable.get("valueFrom", {}).get("secretKeyRef") for variable in variables
    ]
    assert [manifest["metadata"]["name"] for manifest in objects if manifest["kind"] == "Secret"] == (
        [] if "existingSecret" in auth else ["dask-gateway-auth"]
    )


def test_a_changed_setting_makes_new_pods_and_a_changed_traefik_does_not(render):
    def sums(values):
        objects = render("dask-gateway", values, release="dask-gateway")
        names = ("api", "controller", "traefik")
        return [find(objects, "Deployment", f"{n}-dask-gateway")["spec"]["template"]["metadata"] for n in names]

    before, after = sums({}), sums({"gateway": {"idleTimeout": 60}})
    assert [old == new for old, new in zip(before, after, strict=True)] == [False, False, True]


@VALUES
def test_custom_resources_match_their_own_definitions(render, values):
    definitions = {
        manifest["spec"]["names"]["kind"]: manifest["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
        for manifest in render("dask-gateway")
        if manifest["kind"] == "CustomResourceDefinition"
    }
    assert len(definitions) == 11
    for found in render("dask-gateway", values):
        if found["kind"] in definitions:
            jsonschema.validate(found, definitions[found["kind"]])


def test_the_definition_of_clusters_refuses_nonsense(render):
    schema = find(render("dask-gateway"), "CustomResourceDefinition", "daskclusters.gateway.dask.org")
    schema = schema["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    jsonschema.validate({"spec": {"username": "eric", "options": {}, "config": {"image": "x"}}}, schema)
    for bad in ({"spec": {"replicas": -1}}, {"spec": {"active": "no"}}, {"status": {"phase": "Gone"}}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(bad, schema)


def test_definitions_stay_when_the_release_goes(render):
    for manifest in render("dask-gateway"):
        if manifest["kind"] == "CustomResourceDefinition":
            assert manifest["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"


def test_the_clean_up_runs_before_the_release_is_removed(render):
    job = find(render("dask-gateway", release="dask-gateway"), "Job")
    assert job["metadata"]["annotations"]["helm.sh/hook"] == "pre-delete"


def test_private_networks_are_closed_to_clusters_by_default(render):
    policy = find(render("dask-gateway", release="dask-gateway"), "NetworkPolicy", "dask-gateway-dask")
    (block,) = [
        peer["ipBlock"] for rule in policy["spec"]["egress"] for peer in rule.get("to", ()) if "ipBlock" in peer
    ]
    assert {"10.0.0.0/8", "169.254.0.0/16"} <= set(block["except"])


def test_a_full_release_of_the_longest_name_keeps_the_limits(render):
    for found in render("dask-gateway", FULL, release="r" * 53, namespace="n" * 51):
        assert len(found["metadata"]["name"]) <= 63 or found["kind"] in {"ClusterRole", "ClusterRoleBinding"}
        for value in found["metadata"].get("labels", {}).values():
            assert len(value) <= 63
