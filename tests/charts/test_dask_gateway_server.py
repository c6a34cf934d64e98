"""Load the chart's configuration into the real dask-gateway-server: clusters, options, users."""

import asyncio

import kubernetes_validate
import pytest
from dask_gateway_server.backends.base import PublicException
from real_helm import CHARTS
from real_server import ERIC, api_server, cluster_config, the_controller

CHART = CHARTS / "dask-gateway"
CI = [None, *sorted((CHART / "ci").glob("*-values.yaml"))]
UPSTREAM = sorted((CHARTS.parent / "tests" / "charts" / "data" / "upstream").glob("*.yaml"))


@pytest.mark.parametrize("values", [*CI, *UPSTREAM], ids=lambda path: path.stem if path else "none")
def test_the_real_server_takes_the_configuration(server, values):
    made, app = api_server(server(values))
    assert type(made).__name__ == "Backend"
    assert made.gateway_instance
    assert app.authenticator_class
    with_defaults = asyncio.run(made.process_cluster_options(ERIC, {}))[1]
    assert with_defaults.scheduler_cmd == ["dask", "scheduler"]


@pytest.mark.parametrize("values", CI, ids=lambda path: path.stem if path else "none")
def test_dasks_pods_are_valid_and_restricted(server, values):
    folder = server(values)
    config = cluster_config(folder)
    for is_worker in (False, True):
        pod = the_controller(folder).make_pod("eric", "a" * 32, config, is_worker=is_worker)
        kubernetes_validate.validate(pod, "1.34", strict=True)
        spec, (container,) = pod["spec"], pod["spec"]["containers"]
        assert spec["securityContext"]["runAsNonRoot"]
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert spec["automountServiceAccountToken"] is False
        assert container["securityContext"]["readOnlyRootFilesystem"]
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert "readinessProbe" not in container or container["readinessProbe"]["periodSeconds"] == 1


def test_what_the_values_add_to_dasks_pods_is_added(server):
    folder = server(CHART / "ci" / "full-values.yaml")
    pod = the_controller(folder).make_pod("eric", "a" * 32, cluster_config(folder), is_worker=True)
    assert {volume["name"] for volume in pod["spec"]["volumes"]} == {"dask-credentials", "tmp", "scratch"}
    env = {variable["name"]: variable.get("value") for variable in pod["spec"]["containers"][0]["env"]}
    assert env["BIG"] == "1000000"
    assert (env["OMP_NUM_THREADS"], env["MKL_NUM_THREADS"]) == ("2", "1")  # theirs before ours
    assert pod["metadata"]["labels"]["team"] == "eo"
    assert pod["metadata"]["labels"]["seen"] == "second"  # extraConfig has the last word
    assert pod["spec"]["imagePullSecrets"] == [{"name": "images"}, {"name": "registry"}]


def test_a_users_choice_becomes_the_clusters_configuration(server):
    folder = server({"gateway": {"clusterOptions": {"image": {"allow": ["registry.test/eo/*:*"]}}}})
    chosen = {
        "image": "registry.test/eo/bai:1", "worker_cores": 2, "worker_memory": "524288K", "idle_timeout": 90,
    }  # fmt: skip
    config = cluster_config(folder, **chosen)
    assert (config.image, config.worker_cores, config.idle_timeout) == ("registry.test/eo/bai:1", 2.0, 90)
    assert config.worker_cores_limit == 2.0  # the default limit of 1 would make a pod that Kubernetes refuses
    assert config.worker_memory == config.worker_memory_limit == 512 * 2**20


@pytest.mark.parametrize("text", ["4 G", "4G", "4Gi", "4096M", 4 * 2**30])
def test_memory_is_read_in_every_usual_form(server, text):
    assert cluster_config(server(), worker_memory=text).worker_memory == 4 * 2**30


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"image": "evil/miner:1"}, "image 'evil/miner:1' is not allowed here; allowed: ghcr.io/bai-kit/bai:0.1.0"),
        ({"image": "ghcr.io/bai-kit/bai:0.1.0.evil"}, "is not allowed here"),
        ({"image": "ghcr.io/bai-kit/bai:0.1.0\nevil"}, "is not allowed here"),
        ({"worker_memory": "much"}, "'much' is not an amount of memory"),
        ({"worker_memory": "32 G"}, "worker_memory must be between 128 M and 16 G, got 32 G"),
        ({"worker_memory": True}, "True is not an amount of memory"),
        ({"worker_cores": 100}, "worker_cores must be <= 8"),
        ({"worker_cores": 0.01}, "worker_cores must be >= 0.1"),
        ({"idle_timeout": 0}, "idle_timeout must be >= 30"),
        ({"idle_timeout": 1.5}, "idle_timeout must be an integer"),
        ({"wrkers": 1}, "Unknown fields ['wrkers']"),
    ],
)
def test_a_choice_beyond_the_limits_is_refused_in_words(server, chosen, message):
    with pytest.raises(PublicException) as refused:
        cluster_config(server(), **chosen)
    assert message in str(refused.value)


def test_a_pattern_does_not_cross_a_slash(server):
    folder = server({"gateway": {"clusterOptions": {"image": {"allow": ["registry.test/*:*"]}}}})
    with pytest.raises(PublicException, match="not allowed"):
        cluster_config(folder, image="registry.test/other/bai:1")


def test_limits_of_clusters_reach_the_server(server):
    config = cluster_config(server(CHART / "ci" / "full-values.yaml"))
    assert (config.cluster_max_cores, config.cluster_max_memory, config.cluster_max_workers) == (16.0, 64 * 2**30, 10)
    assert cluster_config(server()).idle_timeout == 1200


def test_the_password_comes_from_the_environment_and_is_in_no_log(server, monkeypatch, capfd):
    monkeypatch.setenv("DASK_GATEWAY_PASSWORD", "s3cret")
    _, app = api_server(server({"gateway": {"loglevel": "DEBUG"}}))
    assert app.authenticator_class(parent=app, log=app.log).password == "s3cret"
    assert "s3cret" not in "".join(capfd.readouterr())
