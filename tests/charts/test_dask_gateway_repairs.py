"""Test the faults of dask-gateway-server that the chart fixes: lost stops, limits, scale-down, watching, failed starts."""

import asyncio
import http.server
import json
import os
import subprocess
import sys
import threading
from types import SimpleNamespace

import pytest
from aiohttp import web
from dask_gateway_server import models
from dask_gateway_server.backends.base import PublicException
from dask_gateway_server.backends.kubernetes import backend, controller
from real_server import ERIC, api_server, load, the_controller


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


class Scheduler:
    """Stand in for the session to a scheduler: fails so many times, then remembers what it was asked."""

    def __init__(self, failures):
        self.failures, self.urls = failures, []

    async def post(self, url, **_):
        if self.failures:
            self.failures -= 1
            raise OSError("Temporary failure in name resolution")
        self.urls.append(url)


@pytest.fixture
def forward(server, monkeypatch):
    """Return a function that forwards messages to a scheduler, and what was stopped."""

    def run(failures, *, status=models.ClusterStatus.RUNNING, patience=60.0, messages=1):
        made, _ = api_server(server())
        made.scheduler_patience = patience
        made.session, made.stopped, asked = Scheduler(failures), [], []
        cluster = SimpleNamespace(name="eric.c", status=status, token="t", api_address="http://dask-c.eric:8788")
        made.clusters = {"eric.c": cluster}
        monkeypatch.setattr(type(made), "stop_cluster", lambda self, name, **_: made.stopped.append(name))

        async def no_wait(_):
            pass

        async def resolve(_, cluster):
            asked.append(cluster.api_address)
            return "10.0.0.9"

        async def all_messages():
            for _ in range(messages):
                await made.forward_message_to_scheduler(cluster, {})

        monkeypatch.setattr(sys.modules["gateway_backend"].asyncio, "sleep", no_wait)
        monkeypatch.setattr(type(made), "_resolve", resolve)
        try:
            asyncio.run(all_messages())
        finally:
            monkeypatch.undo()
        return made, asked

    return run


def test_a_scheduler_that_does_not_answer_at_once_is_asked_again(forward):
    made, _ = forward(5)
    assert made.session.urls == ["http://10.0.0.9:8788/api/comm"]
    assert made.stopped == []


def test_a_name_server_is_asked_once_for_a_scheduler(forward):
    made, asked = forward(0, messages=3)
    assert len(made.session.urls) == 3
    assert asked == ["http://dask-c.eric:8788"]


def test_a_scheduler_that_never_answers_is_an_error_for_later_and_its_cluster_is_not_stopped(forward):
    with pytest.raises(web.HTTPServiceUnavailable, match=r"the scheduler of cluster eric\.c does not answer"):
        forward(10**9, patience=0)


def test_a_cluster_that_has_ended_is_said(forward):
    with pytest.raises(PublicException, match="is not running"):
        forward(0, status=models.ClusterStatus.STOPPED)


def test_the_last_lines_of_a_scheduler_that_ended_are_kept(server, monkeypatch, caplog):
    control = the_controller(server())
    state = {"terminated": {"reason": "OOMKilled", "exitCode": 137}}
    status = {"containerStatuses": [{"name": "dask-scheduler", "state": state}]}
    control.informers = {"pod": {"eric.dask-scheduler-c": {"status": status}}}

    class Core:
        async def read_namespaced_pod_log(self, name, namespace, tail_lines):
            return "first\nlast"

    async def cleanup(status, namespace):
        pass

    control.core_client, control.cleanup_cluster_resources = Core(), cleanup
    cluster = {"metadata": {"namespace": "eric", "name": "c"}, "spec": {}}
    cluster["status"] = {"phase": "Running", "schedulerPod": "dask-scheduler-c"}
    control.log.propagate = True
    with caplog.at_level("WARNING"):
        status, _ = asyncio.run(control.handle_running_cluster(cluster))
    assert status["phase"] == "Failed"
    assert "Pod eric.dask-scheduler-c ended: OOMKilled, exit code 137" in caplog.text
    assert "Pod eric.dask-scheduler-c: last" in caplog.text


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
