"""Test which references are read, how faults of servers are handled, and that an item from the network opens no local file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bai.errors import InputError, TemporaryError
from bai.stac import href
from tests.bai.web import Web, serve

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

REMOTE = "https://catalogue.example.com/items/one.json"


@pytest.fixture
def web(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    (tmp_path / "item.json").write_text("{}")
    with serve(tmp_path) as web:
        yield web


@pytest.mark.parametrize(
    ("ref", "shown"),
    [
        ("https://user:word@host.example.com:8443/a/b.json?sig=secret#x", "https://host.example.com:8443/a/b.json"),
        ("http://host.example.com/a", "http://host.example.com/a"),
        ("/data/a?b.json", "/data/a?b.json"),
    ],
)
def test_public_keeps_secrets(ref: str, shown: str) -> None:
    assert href.public(ref) == shown


@pytest.mark.parametrize(
    ("asset", "base", "resolved"),
    [
        ("./B08.tif", REMOTE, "https://catalogue.example.com/items/B08.tif"),
        ("../B08.tif?sig=a", REMOTE, "https://catalogue.example.com/B08.tif?sig=a"),
        ("/data/B08.tif", REMOTE, "https://catalogue.example.com/data/B08.tif"),
        ("https://data.example.com/B08.tif", "/items/one.json", "https://data.example.com/B08.tif"),
        ("./B08.tif", "/items/one.json", "/items/B08.tif"),
        ("/data/B08.tif", "/items/one.json", "/data/B08.tif"),
        ("file:///data/B%2008.tif", "/items/one.json", "/data/B 08.tif"),
        ("T10:FK.tif", "/items/one.json", "/items/T10:FK.tif"),
        ("GTIFF_DIR:1:/data/a.tif", REMOTE, "https://catalogue.example.com/items/GTIFF_DIR:1:/data/a.tif"),
        (
            "https://acc.blob.core.windows.net/a.tif?se=2021&sig=x",
            REMOTE,
            "https://acc.blob.core.windows.net/a.tif?se=2021&sig=x",
        ),
    ],
)
def test_resolve(asset: str, base: str, resolved: str) -> None:
    assert href.resolve(asset, base, "asset") == resolved


@pytest.mark.parametrize(
    ("asset", "base", "hint"),
    [
        ("file:///etc/passwd", REMOTE, "from the network"),
        ("//other.example.com/a.tif", REMOTE, "from the network"),
        ("/vsis3/bucket/a.tif", REMOTE, "from the network"),
        ("ftp://host.example.com/a.tif", REMOTE, "from the network"),
        ("zip+file:///data/a.zip", REMOTE, "from the network"),
        ("s3://eodata/B08.jp2", REMOTE, "download"),
        ("s3://eodata/B08.jp2", "/items/one.json", "download"),
        ("/vsicurl/http://host.example.com/a.tif", "/items/one.json", "http"),
        ("gs://bucket/a.tif", "/items/one.json", "http"),
        ("file://server/share/a.tif", "/items/one.json", "http"),
        ("https://acc.blob.core.windows.net/a.tif", REMOTE, "sign the item"),
    ],
)
def test_refused_hrefs_say_what_to_do(asset: str, base: str, hint: str) -> None:
    with pytest.raises(InputError, match="asset 'nir'") as caught:
        href.resolve(asset, base, "asset 'nir'")
    assert hint in (caught.value.hint or "")


def test_normalise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert href.normalise("a/b.json") == str(tmp_path / "a/b.json")
    assert href.normalise(f"file://{tmp_path}/b.json") == str(tmp_path / "b.json")
    assert href.normalise(REMOTE) == REMOTE
    with pytest.raises(InputError, match="s3://"):
        href.normalise("s3://bucket/item.json")


def test_reads_a_file_and_a_url(web: Web) -> None:
    assert href.read_text(str(web.folder / "item.json")) == b"{}"
    assert href.read_text(f"{web.url}/item.json?sig=x") == b"{}"


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        href.read_text(str(tmp_path / "none.json"))
    with pytest.raises(InputError, match="Is a directory"):
        href.read_text(str(tmp_path))


def test_server_busy_twice_then_answers(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(href, "BACKOFF_S", 0)
    web.script["item.json"] = [503, 503]
    assert href.read_text(f"{web.url}/item.json") == b"{}"
    assert len(web.asked) == 3


@pytest.mark.parametrize(
    ("status", "error"), [(404, InputError), (403, InputError), (410, InputError), (400, InputError)]
)
def test_refusals_are_final(web: Web, status: int, error: type[Exception]) -> None:
    web.script["item.json"] = [status, "..."]
    with pytest.raises(error, match=f"answers {status}"):
        href.read_text(f"{web.url}/item.json?sig=secret")
    assert len(web.asked) == 1


def test_busy_for_ever_is_temporary(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(href, "BACKOFF_S", 0)
    web.script["item.json"] = [503, "..."]
    with pytest.raises(TemporaryError, match="answers 503") as caught:
        href.read_text(f"{web.url}/item.json?sig=secret")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("mood", ["hang", "drip"])
def test_silent_and_dripping_servers_are_temporary(web: Web, mood: str) -> None:
    (web.folder / "item.json").write_bytes(bytes(1000))
    web.script["item.json"] = [mood, "..."]
    with pytest.raises(TemporaryError, match=r"127\.0\.0\.1") as caught:
        href.read_text(f"{web.url}/item.json?sig=secret", timeout_s=0.2)
    assert "secret" not in str(caught.value)


def test_nobody_listens(web: Web) -> None:
    port = int(web.url.rpartition(":")[2])
    with pytest.raises(TemporaryError, match="cannot reach"):
        href.read_text(f"http://127.0.0.2:{port}/item.json?sig=secret", timeout_s=0.2)


def test_cut_answer_is_temporary(web: Web) -> None:
    (web.folder / "item.json").write_bytes(b"x" * 1000)
    web.script["item.json"] = ["cut", "..."]
    with pytest.raises(TemporaryError):
        href.read_text(f"{web.url}/item.json")


def test_endless_body_is_bounded(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(href, "MAX_ITEM_BYTES", 1 << 20)
    (web.folder / "item.json").write_bytes(bytes((1 << 20) + 1))
    for ref in (f"{web.url}/item.json", str(web.folder / "item.json")):
        with pytest.raises(InputError, match="larger than 1 MiB"):
            href.read_text(ref)


@pytest.mark.parametrize("url", ["http://", "http://host.example.com:port/a", "http://[::1/a"])
def test_malformed_urls(url: str) -> None:
    with pytest.raises(InputError):
        href.read_text(href.normalise(url))


def test_proxy_of_the_environment(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", web.url)
    monkeypatch.setenv("no_proxy", "")
    with pytest.raises(InputError, match="answers 404"):
        href.read_text("http://catalogue.example.com/items/one.json")
    assert web.asked == ["http://catalogue.example.com/items/one.json"]
