"""The runner's way to the Kubernetes API: a relay in the guard's container, the only one with the account's token.

The runner evaluates expressions and collects outputs that are not trusted, so its container has no token. The relay
listens on loopback, which runner and guard share, takes the few requests that the runner needs, and adds the token.
Imports nothing large: the guard lives as long as its job.
"""

import contextlib
import hmac
import http.client
import json
import os
import re
import secrets
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cwl_dask.calrissian.guard import ACCOUNT
from cwl_dask.calrissian.podrules import Rules, problem_of

ADDRESS_FILE = "api.json"
"""File in the folder that runner and guard share: `host`, `key` and `namespace` for the runner."""
CONNECT_S = 10
"""Seconds for a connection to the API server."""
SILENCE_S = 120
"""Seconds without a byte until an answer is given up; watches end after 60 s, and a log is read on by a new request."""
MAX_CONNECTIONS = 1000
"""Largest number of open requests: a running step has two, its watch and its log."""
MAX_BODY_BYTES = 3 << 20
"""Largest request body, in bytes; Kubernetes stores objects of at most 1.5 MiB."""
_CHUNK_BYTES = 1 << 16
_PASSED_ON = ("Accept", "Content-Type")
"""Headers of a request that reach the API server."""


@dataclass(frozen=True, slots=True)
class Api:
    """The Kubernetes API, and what the runner may do there."""

    connect: Callable[[], http.client.HTTPConnection]
    """Returns a new connection."""
    namespace: str
    rules: Rules | None = None
    """Limits for the pods that the runner creates; None: only those of the service account's Role."""
    token: Path = ACCOUNT / "token"
    """Read for every request, because Kubernetes renews the token every hour."""
    key: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    """Requests must carry this key, because a package can make the runner download from any address."""


def in_cluster() -> Api:
    """Return the API of the cluster that this container runs in.

    Raises:
        OSError: the container has no service account.
    """
    context = ssl.create_default_context(cafile=str(ACCOUNT / "ca.crt"))
    host, port = os.environ["KUBERNETES_SERVICE_HOST"], int(os.environ["KUBERNETES_SERVICE_PORT"])
    rules = os.environ.get("CWL_DASK_POD_RULES")
    return Api(
        connect=lambda: http.client.HTTPSConnection(host, port, timeout=CONNECT_S, context=context),
        namespace=(ACCOUNT / "namespace").read_text(),
        rules=Rules(job=os.environ["JOB_NAME"], **json.loads(rules)) if rules else None,
    )


class Relay(ThreadingHTTPServer):
    """A server on a free port of the loopback interface, with a thread for each request."""

    daemon_threads = True

    def __init__(self, api: Api) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.api = api
        self._places = threading.BoundedSemaphore(MAX_CONNECTIONS)
        pods = f"/api/v1/namespaces/{re.escape(api.namespace)}/pods"
        name = "[a-z0-9][a-z0-9.-]*"
        self.allowed = re.compile(rf"(GET|POST) {pods}(\?.*)?|DELETE {pods}/{name}(\?.*)?|GET {pods}/{name}/log(\?.*)?")

    def start(self, folder: Path) -> None:
        """Serve in a thread, and write the file with the address for the runner, completely or not at all."""
        threading.Thread(target=self.serve_forever, args=(3600,), daemon=True).start()  # wakes for connections alone
        host = f"http://127.0.0.1:{self.server_port}"
        part = folder / f"{ADDRESS_FILE}.part"
        part.touch(0o600)
        part.write_text(json.dumps({"host": host, "key": self.api.key, "namespace": self.api.namespace}))
        part.replace(folder / ADDRESS_FILE)

    @contextlib.contextmanager
    def place(self) -> Iterator[http.client.HTTPConnection]:
        """Give a connection to the API server for the length of a `with`.

        Raises:
            _RefusedError: too many requests are open.
        """
        if not self._places.acquire(blocking=False):
            raise _RefusedError(HTTPStatus.TOO_MANY_REQUESTS, f"more than {MAX_CONNECTIONS} requests are open")
        connection = self.api.connect()
        try:
            yield connection
        finally:
            connection.close()
            self._places.release()


class _RefusedError(Exception):
    """A request that the relay refuses, with the HTTP status and the message of its answer."""


class _Handler(BaseHTTPRequestHandler):
    server: Relay
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        """Pass a request on, or refuse it as the Kubernetes API does, so that the runner reports the reason."""
        try:
            body = self._body()
            with self.server.place() as connection:
                self._pass_on(connection, body)
        except _RefusedError as error:
            status, message = error.args
            self.close_connection = True
            fields = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": status, "message": message}
            self._answer(status, json.dumps(fields).encode())

    do_POST = do_DELETE = do_GET  # noqa: N815 - the names of the base class

    def log_message(self, *_: Any) -> None:
        """Write nothing: the API server has its own log."""

    def _body(self) -> bytes:
        """Return the body of a request that is allowed.

        Raises:
            _RefusedError: the request is not allowed.
        """
        api, key = self.server.api, self.headers.get("Authorization", "").encode()
        if not hmac.compare_digest(key, f"Bearer {api.key}".encode()):
            raise _RefusedError(HTTPStatus.UNAUTHORIZED, "the key of the relay is missing")
        if not self.server.allowed.fullmatch(f"{self.command} {self.path}"):
            raise _RefusedError(HTTPStatus.FORBIDDEN, "the runner may not make this request")
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not length.isdecimal() or int(length) > MAX_BODY_BYTES:
            raise _RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a body has at most {MAX_BODY_BYTES:,} bytes")
        body = self.rfile.read(int(length))
        if self.command != "POST" or not api.rules:
            return body
        try:
            pod = json.loads(body)
        except ValueError as error:
            raise _RefusedError(HTTPStatus.BAD_REQUEST, "the pod is not JSON") from error
        if problem := problem_of(pod, api.rules):
            raise _RefusedError(HTTPStatus.FORBIDDEN, problem)
        return json.dumps(pod).encode()  # what was checked, whatever another parser makes of the original

    def _pass_on(self, connection: http.client.HTTPConnection, body: bytes) -> None:
        """Send the request to the API server, and its answer to the runner while it arrives.

        Raises:
            _RefusedError: there is no answer.
        """
        headers = {name: self.headers[name] for name in _PASSED_ON if name in self.headers}
        try:
            headers["Authorization"] = f"Bearer {self.server.api.token.read_text().strip()}"
            connection.connect()
            connection.sock.settimeout(SILENCE_S)
            connection.request(self.command, self.path, body or None, headers)
            answer = connection.getresponse()
            whole = None if answer.chunked else answer.read()
        except (OSError, http.client.HTTPException) as error:
            message = f"the Kubernetes API does not answer: {error}"
            raise _RefusedError(HTTPStatus.SERVICE_UNAVAILABLE, message) from error
        try:
            self._answer(answer.status, whole, answer.headers.get("Content-Type", "application/json"))
            while whole is None and (data := answer.read1(_CHUNK_BYTES)):
                self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))
            if whole is None:
                self.wfile.write(b"0\r\n\r\n")
        except (OSError, http.client.HTTPException):
            self.close_connection = True  # without the last chunk, so the runner sees that the answer is incomplete

    def _answer(self, status: int, body: bytes | None, content_type: str = "application/json") -> None:
        """Send status, headers and body; without a body, its chunks follow."""
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        if body is None:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body or b"")
