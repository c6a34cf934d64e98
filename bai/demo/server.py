"""Serve the demo's files over HTTP with byte ranges, which reading windows needs and Python's own server lacks."""

from __future__ import annotations

import functools
import io
import os
import re
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from pathlib import Path


class RangeHandler(SimpleHTTPRequestHandler):
    """Serves files, and answers a request for one range of bytes."""

    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Log nothing, because every window causes a request."""

    def send_head(self) -> io.BytesIO | BinaryIO | None:
        """Send the headers and return the body. Only ranges of the form `bytes=FIRST-[LAST]` are answered as ranges."""
        path = self.translate_path(self.path)
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if asked is None or not os.path.isfile(path):  # noqa: PTH113 - the base class counts in strings
            return super().send_head()
        size = os.path.getsize(path)  # noqa: PTH202
        first, last = int(asked[1]), min(int(asked[2] or size), size - 1)
        if first > last:
            self.send_response(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
            self.send_header("Content-Range", f"bytes */{size}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return None
        with open(path, "rb") as file:  # noqa: PTH123
            file.seek(first)
            part = file.read(last - first + 1)
        self.send_response(HTTPStatus.PARTIAL_CONTENT)
        self.send_header("Content-Type", self.guess_type(path))
        self.send_header("Content-Range", f"bytes {first}-{last}/{size}")
        self.send_header("Content-Length", str(len(part)))
        self.end_headers()
        return io.BytesIO(part)


def make_server(directory: Path, port: int, host: str = "") -> ThreadingHTTPServer:
    """Make a server of a directory, bound but not yet serving; port 0 takes a free one."""
    server = ThreadingHTTPServer((host, port), functools.partial(RangeHandler, directory=str(directory)))
    server.daemon_threads = True
    return server
