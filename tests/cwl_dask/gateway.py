"""A fake Dask Gateway that simulates faults; tests/local uses the real one."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

OPTIONS = ("image", "worker_cores", "worker_cores_limit", "worker_memory")


class FakeGateway:
    """Keeps one cluster."""

    def __init__(self, options=OPTIONS, becomes="RUNNING"):
        self.options, self.becomes = options, becomes
        self.lost_stops = 0
        self.refuses = {}
        self.status, self.calls, self.submitted = None, [], None

    def __enter__(self):
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"gateway": self}))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer(self, method, path, body):
        self.calls.append(f"{method} {path}")
        if method in self.refuses:
            return self.refuses[method], {"error": "no"}
        if path.endswith("/options"):
            fields = [{"field": o, "label": o, "default": "", "spec": {"type": "string"}} for o in self.options]
            return 200, {"cluster_options": fields}
        if method == "POST" and path.endswith("/clusters/"):
            self.submitted, self.status = body["cluster_options"], self.becomes
            return 201, {"name": "fake"}
        if method == "DELETE":
            self.lost_stops -= 1
            self.status = self.status if self.lost_stops >= 0 else "STOPPED"
            return 204, None
        if method == "POST":
            self.calls[-1] += f" {json.dumps(body)}"
            return 200, {"ok": True}
        report = {"name": "fake", "status": self.status, "options": {}, "dashboard_route": "/clusters/fake/status"}
        return 200, report | {"start_time": 0, "stop_time": None, "tls_cert": None, "tls_key": None}


class _Handler(BaseHTTPRequestHandler):
    gateway: FakeGateway

    def _answer(self):
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        status, answer = self.gateway.answer(self.command, self.path, body)
        content = b"" if answer is None else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_DELETE = _answer  # noqa: N815

    def log_message(self, *_):
        pass
