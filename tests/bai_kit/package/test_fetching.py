"""What a package may fetch, from a folder or a server, and what it may not."""

import os
import threading
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from bai_kit.errors import PackageError
from bai_kit.package import fetching
from bai_kit.package.document import convert, validate
from tests.bai_kit.package.documents import tool, workflow


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Write no line."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """Serve `tmp_path`/served and yield the address."""
    (tmp_path / "served").mkdir()
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path / "served")))
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{httpd.server_port}"
    httpd.shutdown()
    thread.join()
    httpd.server_close()


def test_a_package_and_its_steps_may_come_from_the_network(tmp_path: Path, server: str) -> None:
    tool(tmp_path / "served")
    workflow(tmp_path / "served", "tool.cwl")
    assert "echo" in convert(f"{server}/workflow.cwl")
    assert "echo" in convert(workflow(tmp_path, f"'{server}/tool.cwl'"))
    assert validate(f"{server}/tool.cwl").file == f"{server}/tool.cwl"


def test_an_address_that_does_not_answer_is_named(server: str) -> None:
    with pytest.raises(PackageError, match=r"cannot fetch http://127\.0\.0\.1:\d+/none\.cwl: HTTP 404"):
        validate(f"{server}/none.cwl")
    with pytest.raises(PackageError, match=r"cannot fetch http://127\.0\.0\.1:9/a\.cwl: ConnectionError"):
        validate("http://127.0.0.1:9/a.cwl")


@pytest.mark.parametrize("reference", ["file:///etc/hostname", "/etc/hostname"])
def test_a_document_from_the_network_never_reads_a_local_file(tmp_path: Path, server: str, reference: str) -> None:
    tool(tmp_path / "served", more=f"doc: {{$include: '{reference}'}}\n")
    with pytest.raises(PackageError, match=r"reads no file of this machine|HTTP 404"):
        validate(f"{server}/tool.cwl")


def test_an_endless_answer_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    class Endless(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            """Send more than is allowed."""
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"a" * 3000)

        def log_message(self, *_: object) -> None:
            """Write no line."""

    monkeypatch.setattr(fetching, "MOST_BYTES", 2000)
    with HTTPServer(("127.0.0.1", 0), Endless) as httpd:
        thread = threading.Thread(target=httpd.handle_request)
        thread.start()
        with pytest.raises(PackageError, match="more than 2000 bytes"):
            validate(f"http://127.0.0.1:{httpd.server_port}/a.cwl")
        thread.join()


@pytest.mark.parametrize("reference", ["/etc/hostname", "../secret.txt", "link.txt", "file:///etc/hostname"])
def test_local_references_stay_in_the_folder_unless_another_is_named(tmp_path: Path, reference: str) -> None:
    folder = tmp_path / "package"
    folder.mkdir()
    (tmp_path / "secret.txt").write_text("secret")
    (folder / "link.txt").symlink_to(tmp_path / "secret.txt")
    path = tool(folder, more=f"doc: {{$include: '{reference}'}}\n")
    with pytest.raises(PackageError, match=r"outside the package's folder .*; see --package-root"):
        validate(path)
    assert "echo" in convert(path, Path("/"))


def test_a_pipe_or_a_binary_file_is_no_package(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.cwl")
    (tmp_path / "binary.cwl").write_bytes(b"a: \xff\xfe")
    for name, reason in [
        ("none.cwl", "No such file"),
        ("binary.cwl", "not UTF-8 text, at byte 3"),
        ("pipe.cwl", "not a file"),
    ]:
        with pytest.raises(PackageError, match=reason):
            validate(tmp_path / name)
