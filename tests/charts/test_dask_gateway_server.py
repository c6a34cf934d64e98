"""The configuration that the chart carries, loaded by the real dask-gateway-server."""

import asyncio
import http.server
import json
import os
import subprocess
import sys
import threading
from types import SimpleNamespace

import kubernetes_validate
import pytest
from dask_gateway_server.app import DaskGateway
from dask_gateway_server.backends.base import PublicException
from dask_gateway_server.backends.kubernetes import backend, controller, utils
from dask_gateway_server.models import User
from real_helm import CHARTS, find
from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader

CHART = CHARTS / "dask-gateway"
CI = [None, *sorted((CHART / "ci").glob("*-values.yaml"))]
UPSTREAM = sorted((CHARTS.parent / "tests" / "charts" / "data" / "upstream").glob("*.yaml"))
ERIC = User("eric")


@pytest.fixture
def server(render, tmp_path, monkeypatch):
    """`server(values)` -> the folder that the pods mount, with its modules importable."""

    def mount(values=None, **kwargs):
        forget()
        name = find_server(objects := render("dask-gateway", values, **kwargs))
        for file, text in find(objects, "ConfigMap", name)["data"].items():
            (tmp_path / file).write_text(text)
        return tmp_path

    def find_server(objects):
        return next(o["metadata"]["name"] for o in objects if o["metadata"]["name"].endswith("-server"))

    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield mount
    forget()


def forget():
    """Undo what importing the chart's modules did; each test has settings of its own."""
    backend.Informer = controller.Informer = utils.Informer
    for name in [name for name in sys.modules if name.startswith("gateway_")]:
        del sys.modules[name]


def load(folder) -> Config:
    return PyFileConfigLoader("gateway_config.py", path=str(folder)).load_config()


def api_server(folder):
    """Return the API server's backend, made as the server makes it."""
    app = DaskGateway(config=load(folder))
    return app.backend_class(parent=app, log=app.log), app


def the_controller(folder):
    config = load(folder)
    from gateway_controller import Controller  # noqa: PLC0415 - a module of the rendered folder

    return Controller(config=config)


def cluster_config(folder, **chosen):
    made, _ = api_server(folder)
    return asyncio.run(made.process_cluster_options(ERIC, chosen))[1]


@pytest.mark.parametrize("values", [*CI, *UPSTREAM], ids=lambda each: each.stem if each else "none")
def test_the_real_server_takes_the_configuration(server, values):
    made, app = api_server(server(values))
    assert type(made).__name__ == "Backend"
    assert made.gateway_instance
    assert app.authenticator_class
    with_defaults = asyncio.run(made.process_cluster_options(ERIC, {}))[1]
    assert with_defaults.scheduler_cmd == ["dask", "scheduler"]


@pytest.mark.parametrize("values", CI, ids=lambda each: each.stem if each else "none")
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
    env = {each["name"]: each.get("value") for each in pod["spec"]["containers"][0]["env"]}
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


async def start_later(made, user, options):
    """Stand in for KubeBackend.start_cluster: the new object arrives in the cache a little after the answer."""
    name = f"eric.{len(made.clusters)}"
    asyncio.get_running_loop().call_later(0.05, made.clusters.update, {name: SimpleNamespace(name=name)})
    return name


@pytest.fixture
def known_backend(server, monkeypatch):
    def make(values=None):
        made, _ = api_server(server(values))
        made.clusters = {}
        monkeypatch.setattr(backend.KubeBackend, "start_cluster", start_later)
        monkeypatch.setattr(type(made), "list_clusters", lambda self, name: asyncio.sleep(0, [*self.clusters]))
        return made

    return make


def test_a_cluster_is_known_when_its_name_is_told(known_backend):
    made = known_backend()

    async def stop_at_once():
        return await made.get_cluster(await made.start_cluster(ERIC, {}))

    assert asyncio.run(stop_at_once()) is not None


def test_a_user_has_no_more_clusters_than_allowed(known_backend):
    made = known_backend({"gateway": {"maxClustersPerUser": 2}})

    async def three():
        return await asyncio.gather(*(made.start_cluster(ERIC, {}) for _ in range(3)), return_exceptions=True)

    *good, refused = asyncio.run(three())
    assert all(isinstance(name, str) for name in good)
    assert str(refused) == "user eric has 2 clusters of 2 allowed: stop one first"


def worker(name, phase="Pending", **status):
    labels = {"gateway.dask.org/cluster": "c", "app.kubernetes.io/component": "dask-worker"}
    return {"metadata": {"namespace": "eric", "name": name, "labels": labels}, "status": {"phase": phase, **status}}


def scaled_down(control, delta):
    """Return the workers that the controller deletes when `delta` (negative) too many are there."""
    deleted = []

    class Core:
        async def delete_namespaced_pod(self, name, namespace):
            deleted.append(name)

    control.core_client = Core()
    cluster = {"metadata": {"namespace": "eric", "name": "c"}}
    asyncio.run(control.handle_scale_down(cluster, None, control.cluster_info["eric.c"], 0, delta))
    return deleted


@pytest.mark.parametrize(("pending", "delta", "gone"), [(5, -5, 5), (5, -2, 2), (2, -4, 2), (3, 0, 0)])
def test_scale_down_removes_workers_that_no_node_has_taken(server, pending, delta, gone):
    control = the_controller(server())
    control.cluster_info = {"eric.c": controller.ClusterInfo()}
    control.stopped_clusters, control.queue = {}, SimpleNamespace(put=lambda key: None)
    control.cluster_info["eric.c"].set_expectations(creates=pending)
    for number in range(pending):
        control.on_pod_update(worker(f"w{number}"))
    assert control.cluster_info["eric.c"].expectations_fulfilled()
    assert len(scaled_down(control, delta)) == gone


def test_a_stop_before_the_status_is_known_removes_the_pod(server):
    control = the_controller(server())
    removed = []

    async def cleanup(status, namespace):
        removed.append(status["schedulerPod"])

    control.cleanup_cluster_resources = cleanup
    cluster = {"metadata": {"namespace": "eric", "name": "abc"}, "spec": {"active": False}}
    status, _ = asyncio.run(control.handle_cluster(cluster))
    assert removed == ["dask-scheduler-abc"]
    assert status["phase"] == "Stopped"


@pytest.mark.parametrize(("method", "there"), [("list_cluster_custom_object", "list_namespaced_custom_object"), ("list_pod_for_all_namespaces", "list_namespaced_pod"), ("list_endpoints_for_all_namespaces", "list_namespaced_endpoints")])  # fmt: skip
@pytest.mark.parametrize("scope", ["namespace", "cluster"])
def test_only_the_cluster_scope_looks_beyond_the_namespace(server, method, there, scope):
    load(server({"rbac": {"scope": scope}}))
    from gateway_informer import Informer  # noqa: PLC0415 - a module of the rendered folder

    asked = there if scope == "namespace" else method
    client = SimpleNamespace(api_client=None, **{asked: None})
    made = Informer(
        parent=None, name="x", client=client, method=method, method_kwargs={}, on_update=print, on_delete=print
    )
    assert made.method == asked
    assert made.method_kwargs == ({"namespace": "eric"} if scope == "namespace" else {})


@pytest.fixture
def refusing_kubernetes():
    """A Kubernetes API that refuses everything with one status; `status` can be changed."""

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            body = json.dumps({"kind": "Status", "message": "may not", "code": api.status}).encode()
            self.send_response(api.status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    asked = []
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer) as api:
        api.status, api.asked, api.daemon_threads = 403, asked, True
        thread = threading.Thread(target=api.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield api
        api.shutdown()
        thread.join()


@pytest.mark.parametrize(("status", "advice"), [(403, "set rbac.enabled: true"), (404, "Set createCRDs: true")])
@pytest.mark.parametrize("process", ["api", "controller"])
def test_a_broken_start_ends_with_one_clear_line(server, refusing_kubernetes, tmp_path, status, advice, process):
    folder, refusing_kubernetes.status = server(), status
    kubeconfig = {
        "clusters": [{"name": "k", "cluster": {"server": f"http://127.0.0.1:{refusing_kubernetes.server_port}"}}],
        "contexts": [{"name": "k", "context": {"cluster": "k", "user": "k"}}],
        "users": [{"name": "k", "user": {}}], "current-context": "k", "apiVersion": "v1", "kind": "Config",
    }  # fmt: skip
    (tmp_path / "kubeconfig").write_text(json.dumps(kubeconfig))
    start = {
        "api": "from dask_gateway_server.app import main",
        "controller": "from gateway_controller import Controller; main = Controller.launch_instance",
    }
    code = f"import gateway_informer as g; g.START_S, g.PAUSE_S = 0.5, 0.1; {start[process]}; main()"
    env = {**os.environ, "PYTHONPATH": str(folder), "KUBECONFIG": str(tmp_path / "kubeconfig"), "NO_PROXY": "*"}
    done = subprocess.run(
        [sys.executable, "-c", code, "--config", str(folder / "gateway_config.py")],
        env=env, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert done.stderr.count("giving up") == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("dask-gateway: giving up: cannot list ")
    assert advice in done.stderr
    assert len(refusing_kubernetes.asked) < 60
