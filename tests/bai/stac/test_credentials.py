"""Test where credentials are found, and which URLs get them."""

from __future__ import annotations

import pytest

from bai.errors import InputError
from bai.stac.credentials import gdal_headers, split_login, with_login

NETRC = """
machine host.example.com login user password w@rd/1
machine other.example.com login me password mine
"""


@pytest.fixture
def netrc(tmp_path, monkeypatch):
    path = tmp_path / "netrc"
    path.write_text(NETRC)
    monkeypatch.setenv("NETRC", str(path))
    return path


def test_netrc_by_host(netrc):
    assert with_login("https://host.example.com/a?sig=b") == "https://user:w%40rd%2F1@host.example.com/a?sig=b"
    assert with_login("https://other.example.com:8443/a") == "https://me:mine@other.example.com:8443/a"
    assert with_login("https://third.example.com/a") == "https://third.example.com/a"


def test_what_a_url_says_counts_first(netrc):
    known = "https://me:word@host.example.com/item.json"
    assert with_login("https://you:own@host.example.com/a") == "https://you:own@host.example.com/a"
    assert with_login("https://host.example.com/a", known) == "https://me:word@host.example.com/a"


def test_netrc_in_the_home_directory(tmp_path, monkeypatch):
    for name in ("NETRC", "GDAL_HTTP_NETRC_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert with_login("http://host.example.com/a") == "http://host.example.com/a"
    (tmp_path / ".netrc").write_text(NETRC)
    assert with_login("http://host.example.com/a") == "http://user:w%40rd%2F1@host.example.com/a"
    monkeypatch.setenv("GDAL_HTTP_NETRC", "NO")
    assert with_login("http://host.example.com/a") == "http://host.example.com/a"


def test_a_malformed_netrc_is_named_without_its_passwords(netrc):
    netrc.write_text("machine host.example.com login user password\nword secret")
    with pytest.raises(InputError, match=f"cannot read {netrc}: line") as caught:
        with_login("http://host.example.com/a")
    assert "secret" not in str(caught.value)


def test_split():
    assert split_login("https://us%40er:w%3Ard@host:1/a?b") == (
        "https://host:1/a?b",
        {"Authorization": "Basic dXNAZXI6dzpyZA=="},
    )
    assert split_login("https://host/a") == ("https://host/a", {})


def test_headers_of_gdals_variables(tmp_path, monkeypatch):
    assert gdal_headers() == {}
    monkeypatch.setenv("GDAL_HTTP_HEADERS", 'X-One: 1, "X-Two: a, b",X-Empty:')
    path = tmp_path / "headers"
    path.write_text("X-Three: 3\n\n")
    monkeypatch.setenv("GDAL_HTTP_HEADER_FILE", str(path))
    assert gdal_headers() == {"X-One": "1", "X-Two": "a, b", "X-Three": "3"}
    monkeypatch.setenv("GDAL_HTTP_HEADER_FILE", str(tmp_path / "none"))
    with pytest.raises(InputError, match="GDAL_HTTP_HEADER_FILE"):
        gdal_headers()
