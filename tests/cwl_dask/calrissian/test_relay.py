"""Test the relay between the runner and a local API server: requests, streams, refusals, and interruptions."""

import http.client
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest
from kubernetes import client, watch
from urllib3.exceptions import HTTPError

from cwl_dask.calrissian import api as connections
from cwl_dask.calrissian.podrules import Rules
from cwl_dask.calrissian.relay import Api, Relay
from cwl_dask.podlog import Reader, lines

pytestmark = pytest.mark.filterwarnings("ignore:HTTPResponse.getheaders")  # the client that Calrissian pins calls it

POD = {"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "p", "resourceVersion": "1"}}
LIST = {"kind": "PodList", "apiVersion": "v1", "metadata": {"resourceVersion": "1"}, "items": []}


class Kubernetes(BaseHTTPRequestHandler):
    """An API server that knows one pod."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.seen.append((self.command, self.path, self.headers["Authorization"]))
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if "watch=True" in self.path:
            self.stream([json.dumps({"type": "ADDED", "object": POD}).encode() + b"\n"])
        elif "/log" in self.path:
            self.stream([b"2026-01-01T00:00:00Z line %d\n" % number for number in range(3)])
        elif self.command == "POST":
            self.whole(body)
        else:
            self.whole(json.dumps(LIST).encode())

    do_POST = do_DELETE = do_GET  # noqa: N815

    def whole(self, body):
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def stream(self, pieces):
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for piece in pieces:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            self.server.next.wait(5)  # the client has the piece before the next one is sent
            self.server.next.clear()
            if self.server.breaks:
                self.close_connection = True
                return
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *_):
        pass


@pytest.fixture
def chain(tmp_path, monkeypatch):
    """Start an API server and a relay in front of it; return the server, the relay, and the client of the runner."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Kubernetes)
    server.daemon_threads = True
    server.seen, server.next, server.breaks = [], threading.Event(), False
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    (tmp_path / "token").write_text("secret\n")
    host = SimpleNamespace(port=server.server_port)
    connect = lambda: http.client.HTTPConnection("127.0.0.1", host.port, timeout=5)  # noqa: E731
    relay = Relay(Api(connect, "eo", token=tmp_path / "token"))
    monkeypatch.setattr(relay, "serve_forever", lambda _: ThreadingHTTPServer.serve_forever(relay, 0.01))
    relay.start(tmp_path)
    monkeypatch.setenv("CWL_DASK_GUARD", str(tmp_path))
    monkeypatch.setattr(connections, "ACCOUNT", tmp_path / "none")
    assert connections.connect() == "eo"
    yield SimpleNamespace(server=server, relay=relay, core=client.CoreV1Api(), host=host)
    client.Configuration.set_default(None)
    relay.shutdown()
    relay.server_close()
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_relay_adds_the_token_that_the_runner_does_not_have(chain):
    assert chain.core.list_namespaced_pod("eo", field_selector="metadata.name=p").items == []
    chain.core.delete_namespaced_pod("p", "eo")
    pods = "/api/v1/namespaces/eo/pods"
    assert chain.server.seen == [
        ("GET", f"{pods}?fieldSelector=metadata.name%3Dp", "Bearer secret"),
        ("DELETE", f"{pods}/p", "Bearer secret"),
    ]


def test_a_watch_and_a_log_arrive_piece_by_piece(chain):
    for event in watch.Watch().stream(chain.core.list_namespaced_pod, "eo", timeout_seconds=1):
        assert event["object"].metadata.name == "p"
        break
    chain.server.next.set()
    log = chain.core.read_namespaced_pod_log("p", "eo", _preload_content=False)
    read = []
    for line in Reader().read(lines(log.stream())):
        read.append(line.text)
        chain.server.next.set()
    assert read == ["line 0", "line 1", "line 2"]


def test_a_stream_that_breaks_is_no_end_of_the_stream(chain):
    chain.server.breaks = True
    chain.server.next.set()
    log = chain.core.read_namespaced_pod_log("p", "eo", _preload_content=False)
    with pytest.raises(HTTPError):
        list(log.stream())


def test_an_api_server_that_is_away_is_worth_another_try(chain):
    chain.host.port = 1
    with pytest.raises(client.ApiException, match="does not answer") as error:
        chain.core.list_namespaced_pod("eo")
    assert error.value.status == 503


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v1/namespaces/eo/secrets"),
        ("GET", "/api/v1/namespaces/other/pods"),
        ("GET", "/api/v1/namespaces/eo/pods/../secrets"),
        ("GET", "/api/v1/namespaces/eo/pods/p/exec"),
        ("POST", "/api/v1/namespaces/eo/pods/p/binding"),
        ("DELETE", "/api/v1/namespaces/eo/pods"),
        ("GET", "/"),
    ],
)
def test_the_relay_takes_nothing_but_what_the_runner_needs(chain, method, path):
    assert _ask(chain, method, path, {"Authorization": f"Bearer {chain.relay.api.key}"}) == 403
    assert chain.server.seen == []


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer x"}, {"Authorization": "Basic eDp5"}])
def test_a_download_by_a_package_does_not_reach_the_api(chain, headers):
    assert _ask(chain, "GET", "/api/v1/namespaces/eo/pods", headers) == 401
    assert chain.server.seen == []


@pytest.mark.parametrize("headers", [{"Content-Length": "99999999"}, {"Transfer-Encoding": "chunked"}])
def test_a_body_without_a_limit_is_refused(chain, headers):
    headers["Authorization"] = f"Bearer {chain.relay.api.key}"
    assert _ask(chain, "DELETE", "/api/v1/namespaces/eo/pods/p", headers) == 413
    assert chain.server.seen == []


def test_a_pod_that_is_no_steps_pod_is_not_created(chain):
    assert chain.core.create_namespaced_pod("eo", POD).metadata.name == "p"
    object.__setattr__(chain.relay.api, "rules", Rules("fire-1", "bai-steps", "bai-data"))
    with pytest.raises(client.ApiException, match="form of a step's pod") as error:
        chain.core.create_namespaced_pod("eo", POD)
    assert error.value.status == 403
    assert len(chain.server.seen) == 1


def _ask(chain, method, path, headers):
    connection = http.client.HTTPConnection("127.0.0.1", chain.relay.server_port, timeout=5)
    connection.putrequest(method, path)
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    status = connection.getresponse().status
    connection.close()
    return status
