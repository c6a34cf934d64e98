"""Test that each way in which a file cannot be read becomes its own error, with a hint that helps."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
import rasterio
from rasterio import Affine
from rasterio.errors import RasterioError

from bai.errors import InputError, TemporaryError
from bai.failures import CutShortError, DamagedError, explain
from tests.bai.web import Web, serve

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def web(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    monkeypatch.setenv("GDAL_HTTP_CONNECTTIMEOUT", "1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with serve(tmp_path) as web:
        yield web


@pytest.fixture
def band(tmp_path: Path) -> Path:
    path = tmp_path / "a.tif"
    with rasterio.open(
        path, "w", driver="GTiff", height=64, width=64, count=1, dtype="uint16", crs="EPSG:32610",
        transform=Affine(10, 0, 499980, 0, -10, 4500000),
    ) as file:  # fmt: skip
        file.write(np.ones((64, 64), np.uint16), 1)
    return path


def said(words: str) -> RasterioError:
    """Return what rasterio raises: its own words, and GDAL's as the cause."""
    error = RasterioError("Read failed. See previous exception for details.")
    error.__cause__ = RuntimeError(words)
    return error


SHORT = "TIFFFillTile:Read error at row 0, col 0; got 776 bytes, expected 7472"


@pytest.mark.parametrize(
    ("words", "error", "message"),
    [
        ("HTTP response code: 404", InputError, "the server refuses it (HTTP 404)"),
        ("HTTP error code : 403", InputError, "the server refuses it (HTTP 403)"),
        ("HTTP response code: 503", TemporaryError, "the server is busy (HTTP 503)"),
        ("HTTP response code: 429", TemporaryError, "the server is busy (HTTP 429)"),
        ("CURL error: Could not resolve host: x", TemporaryError, "no answer: CURL error"),
        ("CURL error: transfer closed with 9 bytes remaining", CutShortError, "cut the transfer short"),
        (SHORT, CutShortError, "cut the transfer short"),
        ("ZIPDecode:Decoding error at scanline 0", DamagedError, "ZIPDecode"),
    ],
)
def test_gdals_words(web: Web, band: Path, words: str, error: type[Exception], message: str) -> None:
    found = explain(f"{web.url}/a.tif?sig=secret", said(f"{words} of /vsicurl/{web.url}/a.tif?sig=secret"), 100)
    assert type(found) is error
    assert message in str(found)
    assert "secret" not in str(found)
    assert found.hint


@pytest.mark.parametrize(
    ("acts", "end", "error", "message"),
    [
        ([], 1 << 20, InputError, "the file is cut short, it should have 1048576 bytes"),
        ([404], 0, InputError, "HTTP 404"),
        ([503], 0, TemporaryError, "HTTP 503"),
        (["hang"], 100, TemporaryError, "no answer"),
        (["cut"], 0, CutShortError, "cut short"),
        (["reset"], 0, CutShortError, "cut short"),
        (["whole"], 100, InputError, "the server ignores byte ranges"),
    ],
)
def test_the_servers_answer(web: Web, band: Path, acts: list, end: int, error: type[Exception], message: str) -> None:
    web.script["a.tif"] = acts
    found = explain(f"{web.url.replace('//', '//user:secret@')}/a.tif", said("Read failed"), end)
    assert type(found) is error
    assert message in str(found)
    assert "secret" not in str(found)


def test_a_server_that_is_gone_is_named_without_the_query() -> None:
    found = explain("http://user:secret@127.0.0.1:1/a.tif?sig=secret", said("Read failed"), 100)
    assert type(found) is TemporaryError
    assert "127.0.0.1:1/a.tif: no answer" in str(found)
    assert "secret" not in str(found)


def test_local_files(tmp_path: Path, band: Path) -> None:
    assert "No such file" in str(explain(str(tmp_path / "none.tif"), said("x"), 0))
    assert "Is a directory" in str(explain(str(tmp_path), said("x"), 0))
    assert f"{band.stat().st_size} of 99999 bytes" in str(explain(str(band), said("x"), 99999))
    assert type(explain(str(band), said("x"), 0)) is DamagedError
    band.write_bytes(b"")
    assert "neither a GeoTIFF nor a JPEG 2000 file" in str(explain(str(band), said("x"), 0))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become a user without permissions")
def test_a_file_or_folder_that_may_not_be_read(tmp_path: Path, band: Path) -> None:
    """As another user, because permissions do not hold for root."""
    code = (
        "import sys\nfrom bai.failures import explain\nimport os\nos.setgid(65534); os.setuid(65534)\n"
        "found = explain(sys.argv[1], RuntimeError('x'), 0)\nprint(found, found.hint)"
    )
    band.chmod(0)
    locked = tmp_path / "locked"
    locked.mkdir(mode=0)
    for folder in tmp_path.parents:
        if folder.name.startswith("pytest-"):
            folder.chmod(0o755)
    tmp_path.chmod(0o755)
    for path in (band, locked / "b.tif"):
        done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)
        assert f"cannot read {path}: Permission denied" in done.stdout
        assert "check the permissions of the file and of its folders" in done.stdout
