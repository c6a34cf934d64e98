"""Test which references are resolved, what is shown of them, and that an item from the network opens no local file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bai.errors import InputError
from bai.stac import href

if TYPE_CHECKING:
    from pathlib import Path

REMOTE = "https://catalogue.example.com/items/one.json"


@pytest.mark.parametrize(
    ("ref", "shown"),
    [
        ("https://user:word@host.example.com:8443/a/b.json?sig=secret#x", "https://host.example.com:8443/a/b.json"),
        ("http://host.example.com/a", "http://host.example.com/a"),
        ("/data/a?b.json", "/data/a?b.json"),
        ("ftp://user:word@host.example.com/a?x", "ftp://host.example.com/a"),
        ("HTTP://user:word@HOST/a", "http://HOST/a"),
        ("http://user:word@[::1/a", "a malformed URL"),
        ("/data/a\nb", "/data/a\\nb"),
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
        ("HTTPS://data.example.com/B08.tif", REMOTE, "https://data.example.com/B08.tif"),
        ("./pre B08 ä.tif", REMOTE, "https://catalogue.example.com/items/pre%20B08%20%C3%A4.tif"),
        ("./pre%20B08.tif?a=%2F", REMOTE, "https://catalogue.example.com/items/pre%20B08.tif?a=%2F"),
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
        (" file:///etc/passwd", REMOTE, "from the network"),
        ("FILE:///etc/passwd", REMOTE, "from the network"),
        ("fi\tle:///etc/passwd", REMOTE, "from the network"),
        ("data:image/tiff;base64,AAAA", REMOTE, "from the network"),
        ("http://127.0.0.1:8080/a.tif", REMOTE, "from the network"),
        ("http://localhost/a.tif", REMOTE, "from the network"),
        ("http://[::1]/a.tif", REMOTE, "from the network"),
        ("http://127.1/a.tif", REMOTE, "from the network"),
        ("http://2130706433/a.tif", REMOTE, "from the network"),
        ("http://169.254.169.254/latest/meta-data", REMOTE, "from the network"),
        ("http://[::ffff:127.0.0.1]/a.tif", REMOTE, "from the network"),
        ("s3://eodata/B08.jp2", REMOTE, "download"),
        ("s3://eodata/B08.jp2", "/items/one.json", "download"),
        ("%2Fvsicurl/http://host.example.com/a.tif", "/items/one.json", "http"),
        ("a\0.tif", "/items/one.json", "http"),
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


def test_a_server_of_this_machine_may_name_this_machine() -> None:
    assert href.resolve("http://127.0.0.1:2/a.tif", "http://localhost:1/one.json", "x") == "http://127.0.0.1:2/a.tif"


def test_a_percent_sign_in_a_local_href(tmp_path: Path) -> None:
    """An href is a URI reference, but many tools write plain names: the file that exists counts."""
    base = f"{tmp_path}/one.json"
    (tmp_path / "pre B08.tif").touch()
    (tmp_path / "100%25.tif").touch()
    assert href.resolve("./pre%20B08.tif", base, "x") == f"{tmp_path}/pre B08.tif"
    assert href.resolve(f"{tmp_path}/pre%20B08.tif", base, "x") == f"{tmp_path}/pre B08.tif"
    assert href.resolve("100%25.tif", base, "x") == f"{tmp_path}/100%25.tif"


def test_a_folder_that_may_not_be_searched_raises_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("os.stat", refuse)
    assert href.resolve("/locked/pre%20B08.tif", f"{tmp_path}/one.json", "x") == "/locked/pre B08.tif"


def test_user_and_password_of_the_item_go_to_its_own_origin_only() -> None:
    base = "https://user:wo%40rd@host.example.com/items/one.json"
    assert href.resolve("./a.tif", base, "x") == "https://user:wo%40rd@host.example.com/items/a.tif"
    assert (
        href.resolve("https://host.example.com:443/a.tif", base, "x")
        == "https://user:wo%40rd@host.example.com:443/a.tif"
    )
    for other in (
        "https://other.example.com/a.tif",
        "http://host.example.com/a.tif",
        "https://host.example.com:8443/a.tif",
    ):
        assert href.resolve(other, base, "x") == other
    own = "https://me:mine@host.example.com/a.tif"
    assert href.resolve(own, base, "x") == own


def test_the_signature_of_an_item_may_hold_for_its_files() -> None:
    base = "https://host.example.com/items/one.json?se=1&sig=x"
    assert href.signed_like("https://host.example.com/items/a.tif", base) == [
        "https://host.example.com/items/a.tif?se=1&sig=x"
    ]
    for other in ("https://host.example.com/a.tif?sig=own", "https://other.example.com/a.tif", "/items/a.tif"):
        assert href.signed_like(other, base) == []
    assert href.signed_like("https://host.example.com/a.tif", "https://host.example.com/one.json") == []


def test_bases() -> None:
    link = "https://data.example.com/one.json"
    assert href.bases(REMOTE, None, None) == (REMOTE,)
    assert href.bases(REMOTE, None, link) == (link, REMOTE)
    assert href.bases(REMOTE, "https://moved.example.com/", link) == ("https://moved.example.com/",)
    assert href.bases("/items/one.json", None, link) == ("/items/one.json", link)
    assert href.bases("/items/one.json", None, "/elsewhere/one.json") == ("/items/one.json",)
    known = REMOTE.replace("https://", "https://user:word@")
    assert href.bases(known, None, REMOTE)[0] == known


@pytest.mark.parametrize("url", ["http://", "http://host.example.com:port/a", "http://us:word@[::1/a", "s3://b/i.json"])
def test_references_that_cannot_be_used(url: str) -> None:
    with pytest.raises(InputError) as caught:
        href.normalise(url)
    assert caught.value.hint
    assert "word" not in str(caught.value)


@pytest.mark.parametrize(
    "target", ["file:///etc/passwd", "ftp://host.example.com/a", "http://127.0.0.1/a", "gopher://x"]
)
def test_redirects_that_must_not_be_followed(target: str) -> None:
    with pytest.raises(InputError, match="redirected"):
        href.refuse_redirect(REMOTE, target)


def test_normalise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert href.normalise("a/b.json") == str(tmp_path / "a/b.json")
    assert href.normalise(f"file://{tmp_path}/b.json") == str(tmp_path / "b.json")
    assert href.normalise(REMOTE) == REMOTE
    with pytest.raises(InputError, match="s3://"):
        href.normalise("s3://bucket/item.json")
