"""Test that an item is read from files and from faulty servers, with credentials that stay where they belong."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bai.errors import InputError, TemporaryError
from bai.stac import fetch, href
from tests.bai.web import Web, serve

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def web(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    monkeypatch.setenv("no_proxy", "127.0.0.1,localhost")
    (tmp_path / "item.json").write_text("{}")
    with serve(tmp_path) as web:
        yield web


def test_reads_a_file_and_a_url(web: Web) -> None:
    assert fetch.read_text(str(web.folder / "item.json")).body == b"{}"
    assert fetch.read_text(f"{web.url}/item.json?sig=x") == fetch.Text(b"{}")


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        fetch.read_text(str(tmp_path / "none.json"))
    with pytest.raises(InputError, match="Is a directory"):
        fetch.read_text(str(tmp_path))


def test_server_busy_twice_then_answers(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "BACKOFF_S", 0)
    web.script["item.json"] = [503, 503]
    assert fetch.read_text(f"{web.url}/item.json").body == b"{}"
    assert len(web.asked) == 3


@pytest.mark.parametrize(
    ("status", "error"), [(404, InputError), (403, InputError), (410, InputError), (400, InputError)]
)
def test_refusals_are_final(web: Web, status: int, error: type[Exception]) -> None:
    web.script["item.json"] = [status, "..."]
    with pytest.raises(error, match=f"answers {status}"):
        fetch.read_text(f"{web.url}/item.json?sig=secret")
    assert len(web.asked) == 1


def test_busy_for_ever_is_temporary(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "BACKOFF_S", 0)
    web.script["item.json"] = [503, "..."]
    with pytest.raises(TemporaryError, match="answers 503") as caught:
        fetch.read_text(f"{web.url}/item.json?sig=secret")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("mood", ["hang", "drip"])
def test_silent_and_dripping_servers_are_temporary(web: Web, mood: str) -> None:
    (web.folder / "item.json").write_bytes(bytes(1000))
    web.script["item.json"] = [mood, "..."]
    with pytest.raises(TemporaryError, match=r"127\.0\.0\.1") as caught:
        fetch.read_text(f"{web.url}/item.json?sig=secret", timeout_s=0.2)
    assert "secret" not in str(caught.value)


def test_nobody_listens(web: Web) -> None:
    port = int(web.url.rpartition(":")[2])
    with pytest.raises(TemporaryError, match="cannot reach"):
        fetch.read_text(f"http://127.0.0.2:{port}/item.json?sig=secret", timeout_s=0.2)


@pytest.mark.parametrize("act", ["cut", "reset"])
def test_a_cut_answer_is_asked_for_again_then_temporary(web: Web, act: str) -> None:
    (web.folder / "item.json").write_bytes(b"x" * 1000)
    web.script["item.json"] = [act, act]
    assert fetch.read_text(f"{web.url}/item.json").body == b"x" * 1000
    web.script["item.json"] = [act, "..."]
    with pytest.raises(TemporaryError, match="cannot reach"):
        fetch.read_text(f"{web.url}/item.json")


def test_packed_answers_and_files(web: Web) -> None:
    web.script["item.json"] = ["gzip"]
    assert fetch.read_text(f"{web.url}/item.json").body == b"{}"
    (web.folder / "item.json.gz").write_bytes(gzip.compress(b"[]"))
    for ref in (f"{web.url}/item.json.gz", str(web.folder / "item.json.gz")):
        assert fetch.read_text(ref).body == b"[]"


def test_a_packed_file_that_is_huge_or_cut(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "MAX_ITEM_BYTES", 1 << 20)
    path = web.folder / "item.json.gz"
    path.write_bytes(gzip.compress(bytes(5 << 20)))
    with pytest.raises(InputError, match="larger than 1 MiB"):
        fetch.read_text(str(path))
    path.write_bytes(gzip.compress(b"x" * 1000)[:-9])
    with pytest.raises(InputError, match="cannot unpack"):
        fetch.read_text(str(path))


def test_redirects_end_at_the_final_url_with_the_password_of_its_origin(web: Web) -> None:
    web.script["latest.json"] = ["-> /sub/../item.json?sig=a"]
    known = web.url.replace("http://", "http://user:word@")
    text = fetch.read_text(f"{known}/latest.json")
    assert text.body == b"{}"
    assert text.moved_to is not None
    assert text.moved_to.startswith("http://user:word@127.0.0.1:")
    assert text.moved_to.endswith("/item.json?sig=a")
    assert all(headers["authorization"] == "Basic dXNlcjp3b3Jk" for headers in web.headers)


def test_a_redirect_to_another_origin_takes_no_credentials_along(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GDAL_HTTP_AUTH", "BEARER")
    monkeypatch.setenv("GDAL_HTTP_BEARER", "token")
    other = web.url.replace("127.0.0.1", "localhost")
    web.script["a.json"] = web.script["b.json"] = [f"-> {other}/item.json", "..."]
    for url in (f"{web.url}/a.json", f"{web.url.replace('//', '//user:word@')}/b.json"):
        assert fetch.read_text(url).moved_to == f"{other}/item.json"
        first, second = web.headers[-2:]
        assert "authorization" in first
        assert "authorization" not in second


@pytest.mark.parametrize("target", ["file:///etc/passwd", "/loop.json"])
def test_redirects_to_files_and_in_circles_are_refused(web: Web, target: str) -> None:
    web.script["loop.json"] = [f"-> {target}", "..."]
    with pytest.raises(InputError, match="redirected"):
        fetch.read_text(f"{web.url}/loop.json")


@pytest.mark.parametrize(
    ("variables", "header"),
    [
        ({"GDAL_HTTP_AUTH": "BEARER", "GDAL_HTTP_BEARER": "a.b"}, "Bearer a.b"),
        ({"GDAL_HTTP_USERPWD": "user:word"}, "Basic dXNlcjp3b3Jk"),
        ({"GDAL_HTTP_HEADERS": "X-A: 1, Authorization: Bearer c"}, "Bearer c"),
        ({"NETRC": "netrc"}, "Basic dXNlcjp3OnI="),
        ({"GDAL_HTTP_NETRC_FILE": "netrc"}, "Basic dXNlcjp3OnI="),
    ],
)
def test_the_users_credentials_are_sent(
    web: Web, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], header: str
) -> None:
    monkeypatch.chdir(web.folder)
    (web.folder / "netrc").write_text("machine 127.0.0.1 login user password w:r")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    web.login = header
    assert fetch.read_text(href.normalise(f"{web.url}/item.json")).body == b"{}"


def test_retry_after_is_heeded(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "BACKOFF_S", 0)
    web.script["item.json"] = [429, 429]
    assert fetch.read_text(f"{web.url}/item.json").body == b"{}"


def test_a_folder_that_may_not_be_read_gets_its_own_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(InputError, match=r"cannot read item /locked/a.json: Permission denied") as caught:
        fetch.read_text("/locked/a.json")
    assert "permissions" in str(caught.value.hint)


def test_endless_body_is_bounded(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "MAX_ITEM_BYTES", 1 << 20)
    (web.folder / "item.json").write_bytes(bytes((1 << 20) + 1))
    for ref in (f"{web.url}/item.json", str(web.folder / "item.json")):
        with pytest.raises(InputError, match="larger than 1 MiB"):
            fetch.read_text(ref)


def test_proxy_of_the_environment(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", web.url)
    monkeypatch.setenv("no_proxy", "")
    with pytest.raises(InputError, match="answers 404"):
        fetch.read_text("http://catalogue.example.com/items/one.json")
    assert web.asked == ["http://catalogue.example.com/items/one.json"]
