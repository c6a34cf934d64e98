"""Serve a folder over loopback HTTP with byte ranges, a delay for each request and a bandwidth for each connection.

    python benchmarks/serve.py DIR [--latency-ms 100] [--mbit 400]

Prints the address as its first line, serves until its standard input ends, then prints {"requests": N, "bytes": N}.
"""

import argparse
import contextlib
import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

CHUNK_BYTES = 64 * 1024


class Handler(BaseHTTPRequestHandler):
    """Answer GET and HEAD with one byte range and keep-alive, and count requests."""

    protocol_version = "HTTP/1.1"
    root = Path()
    latency_s = 0.0
    bytes_per_s = 0.0
    lock = threading.Lock()
    requests = 0
    sent_bytes = 0

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def _answer(self, *, with_body: bool) -> None:
        time.sleep(self.latency_s)
        path = (self.root / self.path.lstrip("/").split("?")[0]).resolve()
        if not path.is_relative_to(self.root) or not path.is_file():
            self.send_error(404)
            return
        size = path.stat().st_size
        first, last, status = 0, size - 1, 200
        if match := re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", "")):
            first, status = int(match[1]), 206
            last = min(int(match[2] or last), last)
        self.send_response(status)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(last - first + 1))
        if status == 206:
            self.send_header("Content-Range", f"bytes {first}-{last}/{size}")
        self.end_headers()
        sent = self._send(path, first, last) if with_body else 0
        with self.lock:
            Handler.requests += 1
            Handler.sent_bytes += sent

    def _send(self, path: Path, first: int, last: int) -> int:
        start, sent = time.monotonic(), 0
        with path.open("rb") as file:
            file.seek(first)
            while chunk := file.read(min(CHUNK_BYTES, last - first + 1 - sent)):
                self.wfile.write(chunk)
                sent += len(chunk)
                if self.bytes_per_s and (ahead := sent / self.bytes_per_s - (time.monotonic() - start)) > 0:
                    time.sleep(ahead)
        return sent

    def log_message(self, *_: object) -> None:
        """Log nothing; requests are counted instead."""


@dataclass
class Server:
    """A running server; its counters can be read after it has ended."""

    address: str
    requests: int = 0
    bytes: int = 0


@contextlib.contextmanager
def serving(folder: Path, latency_ms: float = 100, mbit: float = 400) -> Iterator[Server]:
    """Run this program on `folder` in a process of its own."""
    command = [sys.executable, __file__, str(folder), f"--latency-ms={latency_ms}", f"--mbit={mbit}"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        server = Server(process.stdout.readline().strip())
        try:
            yield server
        finally:
            counted = json.loads(process.communicate()[0])
            server.requests, server.bytes = counted["requests"], counted["bytes"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dir", type=Path)
    parser.add_argument("--latency-ms", type=float, default=100, help="delay before each answer [ms] (default 100)")
    parser.add_argument(
        "--mbit", type=float, default=400, help="bandwidth of one connection [Mbit/s], 0 = no limit (default 400)"
    )
    args = parser.parse_args()
    Handler.root, Handler.latency_s, Handler.bytes_per_s = (
        args.dir.resolve(),
        args.latency_ms / 1000,
        args.mbit * 1e6 / 8,
    )
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    sys.stdin.read()
    server.shutdown()
    print(json.dumps({"requests": Handler.requests, "bytes": Handler.sent_bytes}), flush=True)


if __name__ == "__main__":
    main()
