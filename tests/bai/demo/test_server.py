"""Test the demo's server: whole files, ranges, and ranges beyond the end."""

import http.client
import threading

import pytest

from bai.demo.server import make_server


@pytest.fixture
def get(tmp_path):
    """Return a function that requests a file of ten bytes, with or without a range."""
    (tmp_path / "file").write_bytes(b"0123456789")
    server = make_server(tmp_path, 0, "127.0.0.1")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)

    def request(headers):
        connection.request("GET", "/file", headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read(), answer.headers.get("Content-Range")

    yield request
    connection.close()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (None, (200, b"0123456789", None)),
        ("bytes=2-4", (206, b"234", "bytes 2-4/10")),
        ("bytes=8-", (206, b"89", "bytes 8-9/10")),
        ("bytes=20-30", (416, b"", "bytes */10")),
        ("bytes=1-2,4-5", (200, b"0123456789", None)),
    ],
)
def test_a_range_gets_its_bytes(get, asked, expected):
    assert get({"Range": asked} if asked else {}) == expected
