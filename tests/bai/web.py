"""Serve a folder over loopback HTTP with byte ranges, and simulate faults that a test asks for."""

from __future__ import annotations

import gzip
import re
import socket
import struct
import threading
from collections import defaultdict
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Web:
    """The server's behaviour, and the requests it has received."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = ""
        self.script: dict[str, list[int | str]] = defaultdict(list)
        """What to do with the next requests for a file; the last act stays with `...`.

        A status; `hang`; `drip`; `cut`, half a body; `reset`, half a body and a reset connection; `short`, half a range
        that calls itself whole; `whole`, the file though a range was asked for; `gzip`; `-> URL`, a redirect.
        """
        self.login: str | None = None
        """The Authorization header that every request must have."""
        self.asked: list[str] = []
        self.headers: list[dict[str, str]] = []
        """The headers of every request, in order."""
        self.hanging = threading.Event()
        """Set when a request hangs."""
        self.closed = threading.Event()

    def next_act(self, name: str) -> int | str:
        acts = self.script[name]
        if not acts:
            return 200
        return acts[0] if acts[1:] == ["..."] else acts.pop(0)


class Handler(BaseHTTPRequestHandler):
    web: ClassVar[Web]
    protocol_version = "HTTP/1.1"

    def log_message(self, *args: object) -> None:
        """Stay silent."""

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        name = self.path.partition("?")[0].lstrip("/")
        self.web.asked.append(name)
        self.web.headers.append({key.lower(): value for key, value in self.headers.items()})
        if self.web.login and self.headers.get("Authorization") != self.web.login:
            self.answer(401, b"who are you?")
            return
        act = self.web.next_act(name)
        if act == "hang":
            self.web.hanging.set()
            self.web.closed.wait(60)
            self.close_connection = True
            return
        path = self.web.folder / name
        if act == 200 and not path.is_file():
            act = 404
        if isinstance(act, int) and act != 200:
            self.answer(act, b"sorry")
            return
        if str(act).startswith("-> "):
            self.answer(302, b"", location=str(act)[3:])
            return
        self.send_file(path.read_bytes(), str(act))

    def send_file(self, data: bytes, act: str) -> None:
        found = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if act == "gzip":
            self.answer(200, gzip.compress(data), encoding="gzip")
            return
        if not found or act == "whole":
            self.answer(200, data, act)
            return
        start, end = int(found[1]), min(int(found[2] or len(data)), len(data) - 1)
        if start >= len(data):
            self.answer(416, b"")
            return
        if act == "short":
            end = (start + end) // 2
        self.answer(206, data[start : end + 1], act, range=f"bytes {start}-{end}/{len(data)}")

    def answer(self, status: int, body: bytes, act: str = "", **content: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if act != "whole":
            self.send_header("Accept-Ranges", "bytes")
        for name, value in content.items():
            self.send_header("Location" if name == "location" else f"Content-{name}", value)
        self.end_headers()
        if self.command == "HEAD":
            return
        if act == "drip":
            while not self.web.closed.wait(0.02):
                self.wfile.write(b" ")
        self.wfile.write(body[: len(body) // 2] if act in {"cut", "reset"} else body)
        self.close_connection = self.close_connection or act in {"cut", "reset"}
        if act == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()

    def handle(self) -> None:
        try:
            super().handle()
        except (OSError, ValueError):  # the other side, or `reset`, closed the connection
            return


@contextmanager
def serve(folder: Path) -> Iterator[Web]:
    """Serve a folder until the block ends."""
    web = Web(folder)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("WebHandler", (Handler,), {"web": web}))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    web.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield web
    finally:
        web.closed.set()
        server.shutdown()
        server.server_close()
        thread.join()
