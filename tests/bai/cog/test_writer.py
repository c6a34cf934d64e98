"""Write files tile by tile and read them back with GDAL."""

from __future__ import annotations

import random
import resource

import numpy as np
import pytest
import rasterio
from rasterio import Affine
from rasterio.crs import CRS
from rio_cogeo import cog_validate

from bai.cog import tiff
from bai.cog.tiff import Raster
from bai.cog.tiles import Layout, encode_window
from bai.cog.writer import CogWriter
from bai.errors import ComputeError
from bai.grid import Grid, Shape, windows

FLOAT = Raster(
    "float32",
    float("nan"),
    "dNBR",
    "deflate",
    3,
    unit="1",
    tags={"PRE_ITEM": "a", "TIFFTAG_DATETIME": "2021:07:18 00:00:00"},
)
BYTE = Raster("uint8", 255, "burn severity", "deflate", 1, colours={1: (35, 132, 67), 7: (128, 0, 38)})


@pytest.fixture
def write(tmp_path):
    """Write pixels as a COG through its windows, in the order that `shuffle` makes of them."""

    def go(name, pixels, raster, block=64, window=128, shuffle=None):
        path, layout = tmp_path / name, Layout(Shape(*pixels.shape), block, window)
        grid = Grid(CRS.from_epsg(32610), Affine(10, 0, 499980, 0, -10, 4500000), layout.shape)
        order = windows(layout.shape, window)
        if shuffle is not None:
            random.Random(shuffle).shuffle(order)
        with CogWriter(path, layout, grid, raster) as writer:
            for w in order:
                part = pixels[w.row_off : w.row_off + w.height, w.col_off : w.col_off + w.width]
                writer.add(encode_window(part, w, layout, raster), w)
            assert writer.finish() == (path.with_name(f".{name}.part")).stat().st_size
            writer.publish()
        assert [p.name for p in tmp_path.iterdir()] == [name]
        return path

    return go


def floats(rows, cols):
    rng = np.random.default_rng(rows)
    return np.where(rng.random((rows, cols)) > 0.1, rng.normal(0.1, 0.4, (rows, cols)), np.nan).astype(np.float32)


@pytest.mark.parametrize("compress", ["deflate", "zstd"])
@pytest.mark.parametrize(
    ("rows", "cols", "block", "window"),
    [(1, 1, 64, 128), (64, 64, 64, 128), (65, 130, 64, 128), (700, 529, 64, 64), (517, 1030, 64, 256)],
)
def test_a_raster_of_any_size_is_a_valid_cog_with_overviews_from_the_top_left(
    write, compress, rows, cols, block, window
):
    pixels = floats(rows, cols)
    path = write("bai.tif", pixels, Raster("float32", float("nan"), "dNBR", compress, 3), block, window)
    valid, errors, warnings = cog_validate(str(path), strict=True)
    assert (valid, errors, warnings) == (True, [], [])
    with rasterio.open(path) as file:
        np.testing.assert_array_equal(file.read(1), pixels)
        factors = file.overviews(1)
        assert file.compression.value.lower() == compress
    assert len(factors) == max(0, int(np.ceil(np.log2(max(rows, cols) / block))))
    for level, _ in enumerate(factors):
        with rasterio.open(path, overview_level=level) as file:
            step = 2 ** (level + 1)
            np.testing.assert_array_equal(file.read(1), pixels[::step, ::step])


def test_gdal_sees_what_the_pixels_mean(write):
    path = write("bai.tif", floats(200, 200), FLOAT)
    with rasterio.open(path) as file:
        assert file.transform == Affine(10, 0, 499980, 0, -10, 4500000)
        assert file.crs == CRS.from_epsg(32610)
        assert np.isnan(file.nodata)
        assert (file.descriptions, file.units, file.scales, file.offsets) == (("dNBR",), ("1",), (1.0,), (0.0,))
        assert file.tags()["PRE_ITEM"] == "a"
        assert file.tags()["TIFFTAG_DATETIME"] == "2021:07:18 00:00:00"
        structure = file.tags(ns="IMAGE_STRUCTURE")
        assert (structure["LAYOUT"], structure["PREDICTOR"], structure["COMPRESSION"]) == ("COG", "3", "DEFLATE")


def test_classes_have_their_colours_and_nodata_on_every_level(write):
    pixels = np.random.default_rng(1).choice(np.array([1, 4, 7, 255], np.uint8), (300, 200))
    path = write("severity.tif", pixels, BYTE)
    assert cog_validate(str(path), strict=True)[0]
    for level in (None, 0, 1, 2):
        with rasterio.open(path, **({} if level is None else {"overview_level": level})) as file:
            assert file.nodata == 255
            assert file.colormap(1)[7] == (128, 0, 38, 255)
            step = 1 if level is None else 2 ** (level + 1)
            np.testing.assert_array_equal(file.read(1), pixels[::step, ::step])


def test_the_bytes_do_not_depend_on_the_order_of_windows(write):
    pixels = floats(700, 529)
    contents = {write("bai.tif", pixels, FLOAT, shuffle=seed).read_bytes() for seed in (None, 1, 2)}
    assert len(contents) == 1


def test_a_large_file_is_a_bigtiff(write, monkeypatch):
    monkeypatch.setattr(tiff, "CLASSIC_LIMIT", 100_000)
    pixels = floats(300, 200)
    path = write("bai.tif", pixels, FLOAT)
    assert path.read_bytes()[:4] == b"II\x2b\x00"
    assert cog_validate(str(path), strict=True)[0]
    with rasterio.open(path) as file:
        np.testing.assert_array_equal(file.read(1), pixels)
        assert file.descriptions == ("dNBR",)


@pytest.fixture
def small_disk():
    """Limit files of this process to 200 kB; the kernel then refuses writes as on a full disk."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.mark.usefixtures("small_disk")
def test_a_full_disk_is_an_error_with_numbers_and_leaves_nothing(write, tmp_path):
    with pytest.raises(
        ComputeError, match=r"bai.tif: cannot write \d+\.\d MB: File too large \(.* MB collected so far, \d+ MB free"
    ):
        write("bai.tif", floats(700, 529), FLOAT)
    assert list(tmp_path.iterdir()) == []


def test_an_earlier_file_stays_when_the_new_one_fails(write, tmp_path):
    path = write("bai.tif", floats(90, 90), FLOAT)
    before = path.read_bytes()
    layout = Layout(Shape(90, 90), 64, 64)
    grid = Grid(CRS.from_epsg(32610), Affine(10, 0, 0, 0, -10, 0), layout.shape)
    with (
        CogWriter(path, layout, grid, FLOAT) as writer,
        pytest.raises(ComputeError, match="5 tiles were never computed"),
    ):
        writer.finish()
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_not_there_is_an_error(tmp_path):
    layout = Layout(Shape(9, 9))
    with pytest.raises(ComputeError, match="No such file or directory"):
        CogWriter(
            tmp_path / "no" / "bai.tif",
            layout,
            Grid(CRS.from_epsg(32610), Affine(10, 0, 0, 0, -10, 0), layout.shape),
            FLOAT,
        )
