"""Test the guard's requests to Kubernetes, with a local API server that has two pods."""

import asyncio
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

import dask
import pytest
from kubernetes import client, config

from cwl_dask.calrissian import api, cleanup

PODS = {"ours": "runner-1", "theirs": "runner-2"}


@pytest.fixture
def calls(tmp_path, monkeypatch):
    """Start an API server that answers 403 to the paths in `refused`; return the requests it receives."""
    seen, refused = [], []

    class Handler(BaseHTTPRequestHandler):
        def answer(self):
            seen.append(f"{self.command} {unquote(self.path)}")
            owners = [{"apiVersion": "v1", "kind": "Pod", "uid": "1"}]
            items = [{"metadata": {"name": n, "ownerReferences": [owners[0] | {"name": o}]}} for n, o in PODS.items()]
            body = json.dumps({"kind": "PodList", "items": items} if self.command == "GET" else {}).encode()
            self.send_response(403 if self.command in refused else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_DELETE = answer  # noqa: N815

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    host = client.Configuration(host=f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setattr(config, "load_incluster_config", lambda: client.Configuration.set_default(host))
    monkeypatch.setattr(api, "ACCOUNT", tmp_path)
    (tmp_path / "namespace").write_text("eo")
    yield seen, refused
    client.Configuration.set_default(None)
    server.shutdown()
    thread.join()
    server.server_close()


def test_only_the_pods_of_this_runner_are_deleted(calls):
    seen, _ = calls
    assert cleanup.delete_steps("runner-1") == []
    assert seen == [
        "GET /api/v1/namespaces/eo/pods?labelSelector=bai-kit/step",
        "DELETE /api/v1/namespaces/eo/pods/ours",
    ]


@pytest.mark.parametrize("verb", ["GET", "DELETE"])
def test_a_refusal_is_a_problem_that_is_told(calls, verb):
    calls[1].append(verb)
    (problem,) = cleanup.delete_steps("runner-1")
    assert "step pods may still run" in problem
    assert "Forbidden" in problem


def test_a_gateway_without_an_address_is_a_problem_of_each_cluster():
    with dask.config.set({"gateway.address": None}):
        problems = asyncio.run(cleanup.stop_clusters(["one", "two"]))
    assert [problem.split(",")[0] for problem in problems] == ["cluster one may still run", "cluster two may still run"]
    assert "address" in problems[0]
