"""The API's answers, from a real HTTP server that stands in for it: objects, refusals, log streams."""

import json
import socket
import threading
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import yaml
from kubernetes.config import kube_config

from bai_kit.errors import RemoteError, SetupError
from bai_kit.kube import connection as kube_module
from bai_kit.kube.api import Kube


class Api(ThreadingHTTPServer):
    """Answers by (method, path); keeps what was asked."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers = {}
        self.asked = []

    def answer(self, method, path, status, body):
        self.answers[method, path] = (status, body if isinstance(body, bytes) else json.dumps(body).encode())


class Handler(BaseHTTPRequestHandler):
    def handle_one(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.asked.append((self.command, self.path, dict(self.headers), body and json.loads(body)))
        status, answer = self.server.answers.get(
            (self.command, self.path.partition("?")[0]), (404, b'{"message": "not found"}')
        )
        self.send_response(status)
        if status == 200 and "/log" in self.path:
            self.end_headers()  # no length: the stream ends with the connection
        else:
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
        self.wfile.write(answer)

    do_GET = do_POST = do_PATCH = do_DELETE = handle_one  # noqa: N815 - http.server's names

    def log_message(self, *_):
        pass


@pytest.fixture
def api():
    with closing_server(Api()) as server:
        yield server


class closing_server:  # noqa: N801 - reads as a verb
    def __init__(self, server):
        self.server = server
        self.thread = threading.Thread(target=server.serve_forever, args=(0.01,))

    def __enter__(self):
        self.thread.start()
        return self.server

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join(5)
        self.server.server_close()


def kubeconfig(tmp_path, url, **context):
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": url}}],
        "users": [{"name": "u", "user": {"token": "t0ken"}}],
        "contexts": [{"name": "one", "context": {"cluster": "c", "user": "u", **context}}],
        "current-context": "one",
    }
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    return str(path)


@pytest.fixture(autouse=True)
def _no_patience(monkeypatch):
    for name in ("FIRST_ANSWER_S", "OUTAGE_S", "RETRY_PAUSE_S"):
        monkeypatch.setattr(kube_module, name, 0.0)


@pytest.fixture
def kube(api, tmp_path):
    found = Kube(kubeconfig=kubeconfig(tmp_path, f"http://127.0.0.1:{api.server_port}"), namespace="ns")
    yield found
    found.connection.pool.clear()


def test_objects_are_read_at_their_own_addresses_with_the_users_token(api, kube):
    api.answer("GET", "/apis/batch/v1/namespaces/ns/jobs/a", 200, {"kind": "Job"})
    api.answer("GET", "/api/v1/nodes", 200, {"items": [{"kind": "Node"}]})
    assert kube.get("jobs", "a") == {"kind": "Job"}
    assert kube.get("jobs", "b") is None
    assert kube.list("nodes") == [{"kind": "Node"}]
    assert kube.list("daskclusters") == []  # the kind is not known here
    assert api.asked[0][2]["authorization"] == "Bearer t0ken"


def test_selectors_are_sent(api, kube):
    api.answer("GET", "/api/v1/namespaces/ns/pods", 200, {"items": []})
    kube.list("pods", labels="a=b,c", fields="x=y")
    assert api.asked[0][1].endswith("?labelSelector=a%3Db%2Cc&fieldSelector=x%3Dy")


def test_objects_are_made_changed_and_deleted(api, kube):
    api.answer("POST", "/api/v1/namespaces/ns/pods", 201, {"made": 1})
    api.answer("PATCH", "/apis/batch/v1/namespaces/ns/jobs/a", 200, {"changed": 1})
    api.answer("DELETE", "/api/v1/namespaces/ns/pods/p", 200, {})
    assert kube.create("pods", {"kind": "Pod"}) == {"made": 1}
    assert kube.patch("jobs", "a", {"spec": {}}) == {"changed": 1}
    assert kube.patch("jobs", "b", {"spec": {}}) is None
    assert kube.delete("pods", "p", grace_s=0) is True
    assert kube.delete("pods", "q") is False
    assert api.asked[1][2]["Content-Type"] == "application/merge-patch+json"
    assert api.asked[3][3] == {"propagationPolicy": "Background", "gracePeriodSeconds": 0}


def test_rights_are_asked_for_the_namespace(api, kube):
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    api.answer("POST", path, 201, {"status": {"allowed": True}})
    assert kube.can("create", "pods", subresource="exec")
    asked = api.asked[0][3]["spec"]["resourceAttributes"]
    assert asked == {"namespace": "ns", "verb": "create", "group": "", "resource": "pods", "subresource": "exec"}
    api.answer("POST", path, 201, {"status": {}})
    assert not kube.can("create", "pods")


@pytest.mark.parametrize(
    ("status", "body", "error", "said"),
    [
        (401, {"message": "Unauthorized"}, SetupError, r"does not accept the user of this kubeconfig \(401\)"),
        (
            403,
            {"message": 'pods is forbidden: User "u"'},
            SetupError,
            'no permission to create pods: pods is forbidden: User "u"',
        ),
        (409, {"message": "already exists"}, RemoteError, r"cannot create pods: already exists \(HTTP 409\)"),
        (422, {"message": "is invalid"}, RemoteError, r"cannot create pods: is invalid \(HTTP 422\)"),
        (500, b"<html>broken</html>", RemoteError, "broken"),
    ],
)
def test_a_refusal_is_one_line_with_verb_and_resource(api, kube, status, body, error, said):
    api.answer("POST", "/api/v1/namespaces/ns/pods", status, body)
    with pytest.raises(error, match=said) as caught:
        kube.create("pods", {})
    assert "\n" not in caught.value.message


def test_long_texts_of_the_api_are_cut(api, kube):
    api.answer("POST", "/api/v1/namespaces/ns/pods", 422, {"message": "secret " * 1000})
    with pytest.raises(RemoteError) as caught:
        kube.create("pods", {})
    assert len(caught.value.message) < kube_module.LONGEST_ERROR + 50


def test_an_api_that_is_not_there_is_named(tmp_path, monkeypatch):
    kube = Kube(kubeconfig=kubeconfig(tmp_path, "http://127.0.0.1:9"), namespace="ns")
    with pytest.raises(
        SetupError, match=r"cannot reach the Kubernetes API http://127.0.0.1:9: Connection refused$"
    ) as caught:
        kube.get("pods", "p")
    assert caught.value.hint == "kubectl cluster-info"


def test_the_namespace_is_the_option_then_the_contexts_then_default(tmp_path):
    path = kubeconfig(tmp_path, "http://x", namespace="mine")
    assert Kube(kubeconfig=path, namespace="given").namespace == "given"
    assert Kube(kubeconfig=path).namespace == "mine"
    assert Kube(kubeconfig=kubeconfig(tmp_path, "http://x")).namespace == "default"


def test_a_context_that_is_not_there_is_said_so(tmp_path):
    with pytest.raises(SetupError, match="cannot use kubeconfig"):
        Kube(kubeconfig=kubeconfig(tmp_path, "http://x"), context="two").namespace  # noqa: B018
    with pytest.raises(SetupError, match="cannot use kubeconfig"):
        Kube(kubeconfig=str(tmp_path / "nothing")).namespace  # noqa: B018


def test_without_any_kubeconfig_the_way_out_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", str(tmp_path / "none"))
    with pytest.raises(SetupError, match="no Kubernetes is configured") as caught:
        Kube().namespace  # noqa: B018
    assert "KUBECONFIG" in caught.value.hint


def test_the_api_says_who_we_are_and_the_kubeconfig_where(api, kube):
    api.answer(
        "POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", 201, {"status": {"userInfo": {"username": "eric"}}}
    )
    assert kube.user() == "eric"
    assert kube.context


def test_groups_that_the_api_has(api, kube):
    api.answer("GET", "/apis/traefik.io", 200, {"kind": "APIGroup"})
    assert (kube.has_group("traefik.io"), kube.has_group("gateway.dask.org")) == (True, False)


LOG = "/api/v1/namespaces/ns/pods/p/log"


def test_log_lines_come_with_their_time_also_the_last_without_newline(api, kube):
    api.answer("GET", LOG, 200, b"t1 a\nt2 b\nt3 c")
    assert list(kube.log("p", "runner", since="2026-11-22T10:00:00Z")) == [b"t1 a", b"t2 b", b"t3 c"]
    assert "container=runner&timestamps=true&sinceTime=2026-11-22T10%3A00%3A00Z&follow=true" in api.asked[0][1]


def test_a_log_that_is_not_there_yet_or_any_more_is_empty(api, kube):
    assert list(kube.log("p", "runner")) == []
    api.answer("GET", LOG, 400, {"message": "container is waiting to start"})
    assert list(kube.log("p", "runner")) == []


def test_a_log_that_one_may_not_read_is_an_error(api, kube):
    api.answer("GET", LOG, 403, {"message": "pods is forbidden"})
    with pytest.raises(SetupError, match="no permission to get pods/p/log"):
        list(kube.log("p", "runner"))


def test_a_whole_log_that_cannot_be_read_or_breaks_off_is_an_error_and_not_the_end(api, kube, tmp_path):
    api.answer("GET", LOG, 503, {"message": "busy"})
    with pytest.raises(SetupError, match="HTTP 503"):
        list(kube.log("p", "runner", follow=False))
    with closing(socket.create_server(("127.0.0.1", 0))) as server:

        def break_off():
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nt1 a\n")

        thread = threading.Thread(target=break_off)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        broken = Kube(kubeconfig=kubeconfig(tmp_path, url), namespace="ns")
        with pytest.raises(SetupError, match="broke off"):
            list(broken.log("p", "runner", follow=False))
        thread.join(5)
        broken.connection.pool.clear()


def test_silence_ends_the_stream_so_that_it_is_asked_for_again(tmp_path, monkeypatch):
    monkeypatch.setattr(kube_module, "READ_TIMEOUT_S", 0.2)
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:

        def answer():
            connection, _ = silent.accept()
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\nt1 a\n")
            held.append(connection)

        held = []
        thread = threading.Thread(target=answer)
        thread.start()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        kube = Kube(kubeconfig=kubeconfig(tmp_path, url), namespace="ns")
        assert list(kube.log("p", "runner")) == [b"t1 a"]
        thread.join(5)
        held[0].close()
        kube.connection.pool.clear()


class FlakyApi(Api):
    """Drops the connection of the next requests, after it did what they asked when `acts` says so."""

    drops, acts = 0, False

    def process_request(self, request, client_address):
        if self.drops:
            self.drops -= 1
            if self.acts:
                request.recv(65536)
                self.created = True
            self.shutdown_request(request)
        else:
            super().process_request(request, client_address)


@pytest.fixture
def flaky(tmp_path, monkeypatch):
    with closing_server(FlakyApi()) as server:
        kube = Kube(kubeconfig=kubeconfig(tmp_path, f"http://127.0.0.1:{server.server_port}"), namespace="ns")
        server.answer("GET", "/api/v1/namespaces/ns/pods/p", 200, {"kind": "Pod"})
        kube.get("pods", "p")
        kube.connection.pool.clear()
        monkeypatch.setattr(kube_module, "OUTAGE_S", 10.0)
        yield server, kube
        kube.connection.pool.clear()


def test_an_api_that_was_there_is_asked_again_and_told_once(flaky, caplog):
    server, kube = flaky
    server.drops = 3
    assert kube.get("pods", "p") == {"kind": "Pod"}
    assert caplog.text.count("no answer from the API yet, trying again") == 1


def test_an_api_that_is_busy_is_asked_again(flaky, monkeypatch):
    server, kube = flaky
    server.answer("GET", "/api/v1/namespaces/ns/pods/p", 503, {"message": "starting"})
    pauses = []

    def recovers(_):
        pauses.append(1)
        server.answer("GET", "/api/v1/namespaces/ns/pods/p", 200, {"kind": "Pod"})

    monkeypatch.setattr(kube_module.time, "sleep", recovers)
    assert (kube.get("pods", "p"), pauses) == ({"kind": "Pod"}, [1])


def test_an_object_whose_creation_was_not_answered_is_found_again(flaky):
    server, kube = flaky
    server.drops, server.acts = 1, True
    mine = {"metadata": {"name": "p", "annotations": {"a": "1"}}}
    server.answer("POST", "/api/v1/namespaces/ns/pods", 409, {"message": "already exists"})
    server.answer("GET", "/api/v1/namespaces/ns/pods/p", 200, mine)
    assert kube.create("pods", mine) == mine
    with pytest.raises(RemoteError, match="already exists"):  # the first request was answered
        kube.create("pods", mine)


def test_a_kubeconfig_that_is_not_yaml_is_an_error_of_one_line(tmp_path):
    for text in ("{", "- a\n- b", "just text", "contexts: 3", "contexts: [{name: x}]\ncurrent-context: x"):
        (tmp_path / "bad").write_text(text)
        with pytest.raises(SetupError, match="cannot use kubeconfig") as caught:
            Kube(kubeconfig=str(tmp_path / "bad")).namespace  # noqa: B018
        assert "\n" not in caught.value.message
