"""Test that files are opened by their content, with their masks, and read again when a transfer was cut short."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING

import numpy as np
import pytest
import rasterio
from rasterio import Affine
from rasterio.enums import ColorInterp

from bai import files
from bai.errors import InputError, TemporaryError
from bai.files import use
from bai.radiometry import Stated
from tests.bai.web import Web, serve

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PIXELS = np.random.default_rng(1).integers(1, 9000, (256, 256)).astype(np.uint16)


@pytest.fixture
def web(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    for name, value in {"MAX_RETRY": "1", "RETRY_DELAY": "0.01", "LOW_SPEED_TIME": "1", "CONNECTTIMEOUT": "1"}.items():
        monkeypatch.setenv(f"GDAL_HTTP_{name}", value)
    monkeypatch.setenv("GDAL_INGESTED_BYTES_AT_OPEN", "4096")
    monkeypatch.setenv("no_proxy", "127.0.0.1,localhost")
    monkeypatch.setattr(files, "RETRY_DELAYS_S", (0, 0))
    with serve(tmp_path) as web:
        yield web


def make(path: Path, pixels: np.ndarray = PIXELS, **options: object) -> Path:
    """Write a band in 64 x 64 blocks."""
    known = {"driver": "GTiff", "tiled": True, "blockxsize": 64, "blockysize": 64, "compress": "deflate"}
    with rasterio.open(
        path, "w", height=pixels.shape[0], width=pixels.shape[1], dtype=pixels.dtype, crs="EPSG:32610",
        transform=Affine(10, 0, 499980, 0, -10, 4500000), **({"count": 1} | known | options),
    ) as file:  # fmt: skip
        file.write(pixels, 1)
    return path


def whole(href: object) -> np.ndarray:
    return use(str(href), lambda dataset: dataset.file.read(1))


@pytest.mark.parametrize("name", ["a.JP2", "a.tif", "a", "$value", "a.j2k", "a.png"])
@pytest.mark.parametrize("remote", [False, True])
def test_jpeg_2000_under_any_name(tmp_path: Path, web: Web, name: str, remote: bool) -> None:
    lossless = {"driver": "JP2OpenJPEG", "QUALITY": "100", "REVERSIBLE": "YES", "tiled": False, "compress": None}
    path = make(tmp_path / "a.jp2", **{k: v for k, v in lossless.items() if v is not None}).rename(tmp_path / name)
    np.testing.assert_array_equal(whole(f"{web.url}/{name}" if remote else path), PIXELS)


@pytest.mark.parametrize("name", ["a.jp2", "a.JP2", "a", "$value", "T10 FK:a!.tif"])
@pytest.mark.parametrize("remote", [False, True])
def test_geotiff_under_any_name(tmp_path: Path, web: Web, name: str, remote: bool) -> None:
    path = make(tmp_path / "x.tif").rename(tmp_path / name)
    if remote and " " in name:
        return
    np.testing.assert_array_equal(whole(f"{web.url}/{name}" if remote else path), PIXELS)


@pytest.mark.parametrize(
    ("options", "tags", "stated"),
    [
        ({}, {}, Stated()),
        ({"nodata": 65535}, {}, Stated(nodata=65535)),
        ({}, {"scales": (1e-4,), "offsets": (-0.1,)}, Stated(1e-4, -0.1)),
        ({}, {"scales": (1e-4,)}, Stated(1e-4)),
        ({}, {"offsets": (-1000,)}, Stated(1, -1000)),
    ],
)
def test_what_a_file_states(tmp_path: Path, options: dict, tags: dict, stated: Stated) -> None:
    path = make(tmp_path / "a.tif", **options)
    with rasterio.open(path, "r+") as file:
        for name, value in tags.items():
            setattr(file, name, value)
    assert use(str(path), lambda dataset: dataset.stated) == stated


def test_a_file_beside_the_file_may_state_nodata(tmp_path: Path) -> None:
    path = make(tmp_path / "a.tif")
    band = '<PAMRasterBand band="1"><NoDataValue>7</NoDataValue></PAMRasterBand>'
    (tmp_path / "a.tif.aux.xml").write_text(f"<PAMDataset>{band}</PAMDataset>")
    assert use(str(path), lambda dataset: dataset.stated) == Stated(nodata=7)


def mask(path: Path, valid: np.ndarray, *, internal: bool) -> None:
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=internal), rasterio.open(path, "r+") as file:
        file.write_mask(valid)


@pytest.mark.parametrize("kind", ["internal", "beside", "alpha", "none"])
def test_masks_are_noticed(tmp_path: Path, kind: str) -> None:
    valid = np.full(PIXELS.shape, 255, np.uint8)
    valid[:9] = 0
    path = make(tmp_path / "a.tif", count=2 if kind == "alpha" else 1)
    if kind in {"internal", "beside"}:
        mask(path, valid, internal=kind == "internal")
    if kind == "alpha":
        with rasterio.open(path, "r+") as file:
            file.write(valid.astype(np.uint16) * 257, 2)
            file.colorinterp = (ColorInterp.gray, ColorInterp.alpha)
    assert use(str(path), lambda dataset: dataset.masked) == (kind != "none")
    empty = use(str(path), lambda dataset: dataset.band.read_masks(1) == 0)
    np.testing.assert_array_equal(empty, (valid == 0) if kind != "none" else np.zeros(PIXELS.shape, bool))


def test_a_sparse_file_ends_where_its_last_block_does(tmp_path: Path) -> None:
    pixels = PIXELS.copy()
    pixels[64:] = 0
    path = make(tmp_path / "a.tif", pixels, nodata=0, SPARSE_OK=True)
    assert 0 < use(str(path), lambda dataset: dataset.end) <= path.stat().st_size


@pytest.mark.parametrize("act", ["cut", "reset", "short"])
@pytest.mark.parametrize("header", [True, False])
def test_a_transfer_cut_short_is_read_again(tmp_path: Path, web: Web, act: str, header: bool) -> None:
    make(tmp_path / "a.tif")
    web.script["a.tif"] = [act] if header else [200, 200, act]
    np.testing.assert_array_equal(whole(f"{web.url}/a.tif"), PIXELS)
    assert web.script["a.tif"] == []


def test_a_jpeg_2000_file_cut_short_is_read_again(tmp_path: Path, web: Web) -> None:
    """GDAL must not decode tiles in threads of its own, where an error is lost and pixels are wrong."""
    lossless = {"driver": "JP2OpenJPEG", "QUALITY": "100", "REVERSIBLE": "YES", "BLOCKXSIZE": 128, "BLOCKYSIZE": 128}
    pixels = np.random.default_rng(3).integers(500, 6000, (512, 512)).astype(np.uint16)
    with rasterio.open(
        tmp_path / "a.jp2", "w", height=512, width=512, count=1, dtype="uint16", crs="EPSG:32610",
        transform=Affine(10, 0, 499980, 0, -10, 4500000), **lossless,
    ) as file:  # fmt: skip
        file.write(pixels, 1)
    web.script["a.jp2"] = [200, 200, 200, "cut"]
    np.testing.assert_array_equal(whole(f"{web.url}/a.jp2"), pixels)
    assert web.script["a.jp2"] == []


@pytest.mark.parametrize("act", ["cut", "reset"])
@pytest.mark.parametrize("header", [True, False])
def test_transfers_always_cut_short_are_temporary(tmp_path: Path, web: Web, act: str, header: bool) -> None:
    """A file that is whole on the server is never called damaged."""
    make(tmp_path / "a.tif")
    url = f"{web.url}/a.tif".replace("//", "//user:secret@") + "?sig=secret"
    if not header:
        use(url, lambda _: None)
    web.script["a.tif"] = [act, "..."]
    with pytest.raises(TemporaryError, match=r"a\.tif") as caught:
        whole(url)
    assert "secret" not in str(caught.value)
    caught.value.__cause__ = caught.value.__context__ = None  # as a task does
    assert pickle.loads(pickle.dumps(caught.value)).exit_code == 75  # noqa: S301


def test_a_server_without_byte_ranges_is_read_right_or_named(tmp_path: Path, web: Web) -> None:
    """GDAL copes with a small file, whose whole body comes with the first answer."""
    make(tmp_path / "small.tif")
    make(tmp_path / "large.tif", np.random.default_rng(2).integers(1, 60000, (1024, 1024)).astype(np.uint16))
    web.script["small.tif"] = web.script["large.tif"] = ["whole", "..."]
    np.testing.assert_array_equal(whole(f"{web.url}/small.tif"), PIXELS)
    with pytest.raises(InputError, match="the server ignores byte ranges") as caught:
        whole(f"{web.url}/large.tif")
    assert "download" in str(caught.value.hint)


def test_a_login_page_is_named(tmp_path: Path, web: Web) -> None:
    (tmp_path / "a.tif").write_text("<!DOCTYPE html><html>" + " " * 9000)
    with pytest.raises(InputError, match=r"neither a GeoTIFF nor a JPEG 2000 file.*login page"):
        whole(f"{web.url}/a.tif")


def test_a_redirect_to_a_local_file_opens_nothing(tmp_path: Path, web: Web) -> None:
    path = make(tmp_path / "secret.tif")
    web.script["a.tif"] = [f"-> file://{path}", "..."]
    with pytest.raises((InputError, TemporaryError), match=r"a\.tif"):
        whole(f"{web.url}/a.tif")


@pytest.mark.parametrize(
    ("login", "variables"),
    [
        ("Basic dXNlcjp3b3Jk", {}),
        ("Bearer a.b", {"GDAL_HTTP_AUTH": "BEARER", "GDAL_HTTP_BEARER": "a.b"}),
        ("Bearer a.b", {"GDAL_HTTP_HEADERS": "Authorization: Bearer a.b"}),
    ],
)
def test_the_users_credentials_are_sent(
    tmp_path: Path, web: Web, monkeypatch: pytest.MonkeyPatch, login: str, variables: dict[str, str]
) -> None:
    make(tmp_path / "a.tif")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    web.login = login
    url = f"{web.url}/a.tif" if variables else f"{web.url}/a.tif".replace("//", "//user:word@")
    np.testing.assert_array_equal(whole(url), PIXELS)


def test_a_password_does_not_follow_a_redirect_to_another_host(tmp_path: Path, web: Web) -> None:
    make(tmp_path / "a.tif")
    web.script["b.tif"] = [f"-> {web.url.replace('127.0.0.1', 'localhost')}/a.tif", "..."]
    np.testing.assert_array_equal(whole(f"{web.url}/b.tif".replace("//", "//user:word@")), PIXELS)
    after = [headers for name, headers in zip(web.asked, web.headers, strict=True) if name == "a.tif"]
    assert after
    assert not any("authorization" in headers for headers in after)


def test_datasets_stay_open_and_are_closed(tmp_path: Path) -> None:
    paths = [make(tmp_path / f"{number}.tif", PIXELS[:64, :64]) for number in range(files.OPEN_DATASETS + 3)]
    for path in paths:
        whole(path)
    assert len(files._free) == files.OPEN_DATASETS
    files.close_all()
    assert files._free == []


def test_an_error_of_the_caller_closes_the_dataset(tmp_path: Path) -> None:
    def fail(_: files.Dataset) -> None:
        raise KeyError("a bug")

    with pytest.raises(KeyError):
        use(str(make(tmp_path / "a.tif")), fail)
    assert files._free == []
