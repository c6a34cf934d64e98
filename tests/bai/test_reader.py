"""Test reading from real files and from a real HTTP server that simulates faults."""

from __future__ import annotations

import http.server
import os
import pickle
import threading
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio import Affine
from rasterio.warp import Resampling, reproject

from bai.errors import InputError, TemporaryError
from bai.grid import Shape, Window
from bai.headers import examine
from bai.reader import plan, read

LEFT, TOP = 499980, 4500000
"""The corner of the fixtures' rasters."""


def at_full_size(layer, rows, cols):
    """Resample a layer to its window by repeating pixels."""
    r = (np.arange(rows) + layer.row_phase) // layer.factor
    c = (np.arange(cols) + layer.col_phase) // layer.factor
    return layer.pixels[np.ix_(r, c)]


def twice(pixels):
    return pixels.repeat(2, axis=0).repeat(2, axis=1)


@pytest.fixture
def pair(make_item, numbers):
    """Two items of 301 x 203 pixels: B12 ends half a pixel further, as in an odd crop."""
    return [
        make_item(date, numbers(301, 203, seed), numbers(151, 102, seed + 1))
        for seed, date in ((1, "pre"), (5, "post"))
    ]


def test_a_plan_keeps_the_pre_fire_grid_to_the_bit(pair):
    grid = plan(*pair).grid
    assert grid.transform == Affine(10, 0, 499980, 0, -10, 4500000)
    assert grid.shape == Shape(301, 203)


@pytest.mark.parametrize(
    "window", [Window(0, 0, 203, 301), Window(64, 128, 139, 173), Window(101, 55, 102, 246), Window(202, 300, 1, 1)]
)
def test_a_window_is_what_the_files_hold(pair, numbers, window):
    reading = read(plan(*pair), window, masked=False)
    rows = slice(window.row_off, window.row_off + window.height)
    cols = slice(window.col_off, window.col_off + window.width)
    for layers, seed in ((reading.pre, 1), (reading.post, 5)):
        np.testing.assert_array_equal(layers.nir.pixels, numbers(301, 203, seed)[rows, cols])
        np.testing.assert_array_equal(
            at_full_size(layers.swir2, window.height, window.width), twice(numbers(151, 102, seed + 1))[rows, cols]
        )


def test_where_a_band_ends_early_there_is_no_data(make_item, numbers):
    items = [make_item(date, numbers(101, 101, 1), numbers(50, 50, 2)) for date in ("pre", "post")]
    swir2 = at_full_size(read(plan(*items), Window(0, 0, 101, 101), masked=False).pre.swir2, 101, 101)
    np.testing.assert_array_equal(swir2[:100, :100], twice(numbers(50, 50, 2)))
    assert not swir2[100].any()
    assert not swir2[:, 100].any()


def test_a_post_fire_item_shifted_by_whole_pixels_is_read_on_the_overlap(make_item, numbers):
    pre = make_item("pre", numbers(100, 120, 1), numbers(50, 60, 2))
    post = make_item("post", numbers(100, 120, 3), numbers(50, 60, 4), east=70, south=-30)
    the_plan = plan(pre, post)
    assert the_plan.warnings == ()
    assert the_plan.grid.transform == Affine(10, 0, 499980 + 70, 0, -10, 4500000)
    assert the_plan.grid.shape == Shape(97, 113)
    reading = read(the_plan, Window(5, 9, 60, 50), masked=False)
    np.testing.assert_array_equal(reading.pre.nir.pixels, numbers(100, 120, 1)[9:59, 12:72])
    np.testing.assert_array_equal(reading.post.nir.pixels, numbers(100, 120, 3)[12:62, 5:65])
    np.testing.assert_array_equal(at_full_size(reading.pre.swir2, 50, 60), twice(numbers(50, 60, 2))[9:59, 12:72])
    np.testing.assert_array_equal(at_full_size(reading.post.swir2, 50, 60), twice(numbers(50, 60, 4))[12:62, 5:65])


@pytest.mark.parametrize("crs", ["EPSG:32610", "EPSG:32611"])
def test_an_item_off_the_grid_is_warped_with_a_warning(make_item, numbers, crs):
    pre = make_item("pre", numbers(100, 120, 1), numbers(50, 60, 2))
    (x,), (y,) = rasterio.warp.transform("EPSG:32610", crs, [LEFT + 4], [TOP])
    post = make_item("post", numbers(100, 120, 3), numbers(50, 60, 4), crs=crs, east=x - LEFT, south=TOP - y)
    the_plan = plan(pre, post)
    assert [text.split()[0] for text in the_plan.warnings] == [post.nir.href, post.swir2.href]
    grid = the_plan.grid
    whole = read(the_plan, Window(0, 0, grid.shape.cols, grid.shape.rows), masked=False).post
    for source, layer in ((post.nir, whole.nir), (post.swir2, whole.swir2)):
        expected = np.zeros((grid.shape.rows, grid.shape.cols), np.uint16)
        with rasterio.open(source.href) as file:
            reproject(
                rasterio.band(file, 1),
                expected,
                dst_transform=grid.transform,
                dst_crs=grid.crs,
                resampling=Resampling.nearest,
                src_nodata=0,
                dst_nodata=0,
            )
        assert expected.any()
        np.testing.assert_array_equal(layer.pixels, expected)
    part = read(the_plan, Window(3, 2, 40, 20), masked=False).post.nir.pixels
    np.testing.assert_array_equal(part, whole.nir.pixels[2:22, 3:43])


def test_items_apart_are_an_error_that_names_both_extents(make_item, numbers):
    pre = make_item("pre", numbers(64, 64, 1), numbers(32, 32, 2))
    post = make_item("post", numbers(64, 64, 1), numbers(32, 32, 2), east=100000)
    with pytest.raises(
        InputError, match=r"post-fire item \[599980, 4499360, 600620, 4500000\].*\[499980, 4499360, 500620, 4500000\]"
    ):
        plan(pre, post)


def test_a_bounding_box_crops_to_whole_pixels_at_any_offset(pair, numbers):
    whole = plan(*pair).grid
    west, south, east, north = rasterio.warp.transform_bounds(
        "EPSG:32610", "EPSG:4326", 500315, 4498012, 501003, 4499107
    )
    cropped = plan(*pair, bbox=(west, south, east, north))
    col = round((cropped.grid.transform.c - whole.transform.c) / 10)
    row = round((whole.transform.f - cropped.grid.transform.f) / 10)
    assert 0 <= 33 - col <= 2
    assert 0 <= 89 - row <= 2
    reading = read(cropped, Window(1, 1, 21, 17), masked=False)
    np.testing.assert_array_equal(reading.pre.nir.pixels, numbers(301, 203, 1)[row + 1 : row + 18, col + 1 : col + 22])
    np.testing.assert_array_equal(
        at_full_size(reading.pre.swir2, 17, 21), twice(numbers(151, 102, 2))[row + 1 : row + 18, col + 1 : col + 22]
    )


def test_a_bounding_box_elsewhere_is_an_error(pair):
    with pytest.raises(InputError, match=r"bounding box \[10, 50, 11, 51\]"):
        plan(*pair, bbox=(10, 50, 11, 51))


def test_the_classification_is_read_only_when_it_masks(make_item, numbers):
    scl = numbers(32, 32, 3, high=12).astype(np.uint8)
    items = [make_item(date, numbers(64, 64, 1), numbers(32, 32, 2), scl) for date in ("pre", "post")]
    assert read(plan(*items), Window(0, 0, 64, 64), masked=False).pre.scl is None
    np.testing.assert_array_equal(read(plan(*items), Window(0, 0, 64, 64), masked=True).pre.scl.pixels, scl)


def test_scale_and_offset_become_whole_digital_numbers(make_item, numbers):
    pre = make_item("pre", numbers(64, 64, 1), numbers(32, 32, 2))
    post = make_item("post", numbers(64, 64, 1), numbers(32, 32, 2), offset=-0.1)
    the_plan = plan(pre, post)
    assert [(i.gain, i.bias) for i in (the_plan.pre.nir, the_plan.post.nir, the_plan.post.swir2)] == [
        (1, 0),
        (1, -1000),
        (1, -1000),
    ]


def test_bytes_read_are_the_compressed_blocks_under_the_window(pair):
    reading = read(plan(*pair), Window(0, 0, 64, 64), masked=False)
    sizes = 0
    for item in pair:
        for source in (item.nir, item.swir2):
            with rasterio.open(source.href) as file:
                sizes += file.block_size(1, 0, 0)
    assert reading.bytes_read == sizes


def test_other_formats_are_not_opened(pair, tmp_path):
    """Refuse VRT: a VRT from outside could refer to any file of this machine."""
    path = tmp_path / "band.tif"
    path.write_text(
        f'<VRTDataset rasterXSize="9" rasterYSize="9"><VRTRasterBand dataType="UInt16" band="1"><SimpleSource><SourceFilename>{pair[0].nir.href}</SourceFilename></SimpleSource></VRTRasterBand></VRTDataset>'
    )
    with pytest.raises(InputError, match=r"band.tif: neither a GeoTIFF nor a JPEG 2000 file"):
        plan(replace(pair[0], nir=replace(pair[0].nir, href=str(path))), pair[1])


def test_a_missing_file_is_an_input_error_that_pickles(pair, tmp_path):
    with pytest.raises(InputError, match=r"cannot read .*gone.tif: No such file") as caught:
        plan(replace(pair[0], nir=replace(pair[0].nir, href=str(tmp_path / "gone.tif"))), pair[1])
    caught.value.__cause__ = caught.value.__context__ = None  # as a task does; with tblib loaded they go along
    copy = pickle.loads(pickle.dumps(caught.value))  # noqa: S301
    assert (str(copy), copy.hint) == (str(caught.value), caught.value.hint)


def test_a_file_cut_short_is_an_input_error_when_its_end_is_read(pair):
    path = Path(pair[1].nir.href)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    the_plan = plan(*pair)
    read(the_plan, Window(0, 0, 64, 64), masked=False)
    with pytest.raises(InputError, match=r"post-nir.tif: the file is cut short, \d+ of \d+ bytes"):
        read(the_plan, Window(128, 256, 64, 40), masked=False)


class Misbehaving(http.server.BaseHTTPRequestHandler):
    """Serve files by range; the first folder of the path names the fault to simulate."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        _, trouble, name = self.path.split("?")[0].split("/")
        self.server.seen[trouble] += 1
        first = int((self.headers.get("Range") or "bytes=0-").split("=")[1].split("-")[0])
        if trouble.isdigit():
            return self.refuse(int(trouble))
        if trouble == "hang" or (trouble == "hang-later" and self.server.seen[trouble] >= 3):
            self.server.over.wait(30)
            self.close_connection = True
            return None
        if trouble == "busy-twice" and self.server.seen[trouble] <= 2:
            return self.refuse(503)
        if trouble == "busy-later" and first > 0:
            self.server.seen["busy"] = 1
        if trouble == "busy-later" and self.server.seen["busy"]:
            return self.refuse(503)
        data = (self.server.folder / name).read_bytes()
        return self.refuse(416) if first >= len(data) else self.serve(data, first)

    def refuse(self, status):
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def serve(self, data, first):
        wanted = self.headers.get("Range")
        last = min(int(wanted.split("-")[1]), len(data) - 1) if wanted else len(data) - 1
        self.send_response(206 if wanted else 200)
        if wanted:
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(data)}")
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(last + 1 - first))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(data[first : last + 1])


@pytest.fixture
def web(tmp_path, monkeypatch):
    """Serve tmp_path, with short time limits for the reader."""
    for name, value in {"MAX_RETRY": 3, "RETRY_DELAY": 0.01, "LOW_SPEED_TIME": 1, "CONNECTTIMEOUT": 1}.items():
        monkeypatch.setenv(f"GDAL_HTTP_{name}", str(value))
    monkeypatch.setenv("GDAL_INGESTED_BYTES_AT_OPEN", "4096")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Misbehaving)
    server.folder, server.seen, server.over = tmp_path, Counter(), threading.Event()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://user:secret@127.0.0.1:{server.server_port}"
    server.over.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def online(pair, web):
    """Return the pair with the post-fire NIR band on a server that simulates a fault."""

    def go(trouble):
        href = f"{web}/{trouble}/{Path(pair[1].nir.href).name}?sig=secret"
        return pair[0], replace(pair[1], nir=replace(pair[1].nir, href=href))

    return go


@pytest.mark.parametrize("trouble", ["none", "busy-twice"])
def test_a_band_is_read_over_http_and_a_busy_server_asked_again(online, numbers, trouble):
    reading = read(plan(*online(trouble)), Window(64, 64, 64, 64), masked=False)
    np.testing.assert_array_equal(reading.post.nir.pixels, numbers(301, 203, 5)[64:128, 64:128])


@pytest.mark.parametrize(
    ("trouble", "error", "message"),
    [
        ("404", InputError, r"post-nir.tif: the server refuses it \(HTTP 404\)"),
        ("403", InputError, r"refuses it \(HTTP 403\)"),
        ("503", TemporaryError, r"the server is busy \(HTTP 503\)"),
        ("hang", TemporaryError, r"no answer: CURL error"),
    ],
)
def test_a_server_in_trouble_is_named_without_its_secrets(online, trouble, error, message):
    with pytest.raises(error, match=message) as caught:
        plan(*online(trouble))
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(("trouble", "message"), [("busy-later", "HTTP 503"), ("hang-later", "no answer")])
def test_a_server_that_fails_under_way_is_a_temporary_error(online, monkeypatch, trouble, message):
    monkeypatch.setenv("GDAL_HTTP_MAX_RETRY", "1")
    the_plan = plan(*online(trouble))
    with pytest.raises(TemporaryError, match=message):
        read(the_plan, Window(128, 256, 64, 40), masked=False)


def test_a_file_cut_short_on_a_server_is_an_input_error(online, pair):
    path = Path(pair[1].nir.href)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    the_plan = plan(*online("none"))
    with pytest.raises(InputError, match=r"post-nir.tif: the file is cut short, it should have \d+ bytes"):
        read(the_plan, Window(128, 256, 64, 40), masked=False)


def test_nobody_listening_is_a_temporary_error(pair):
    source = replace(pair[0].nir, href="http://127.0.0.1:1/nir.tif?sig=secret")
    with pytest.raises(TemporaryError, match=r"http://127.0.0.1:1/nir.tif: no answer: .*(Failed to connect|refused)"):
        plan(replace(pair[0], nir=source), pair[1])


def burn(path, valid, kind):
    """Say in one of four ways that pixels of a file have no data: where `valid` is False."""
    with rasterio.open(path) as file:
        pixels, profile = file.read(1), file.profile | {"nodata": None}
    if kind == "tag":
        pixels[~valid] = 65535
        profile |= {"nodata": 65535}
    with (
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK=kind == "internal mask"),
        rasterio.open(path, "w", **profile | ({"count": 2, "ALPHA": "YES"} if kind == "alpha" else {})) as file,
    ):
        file.write(pixels, 1)
        if "mask" in kind:
            file.write_mask(valid)
        if kind == "alpha":
            file.write(valid.astype(pixels.dtype) * np.iinfo(pixels.dtype).max, 2)


@pytest.mark.parametrize("kind", ["tag", "internal mask", "mask beside the file", "alpha"])
@pytest.mark.parametrize("shift", [0, 4])
def test_nodata_that_only_the_file_knows_is_nodata_also_where_it_is_warped(make_item, numbers, kind, shift):
    pre = make_item("pre", numbers(200, 200, 1), numbers(100, 100, 2))
    post = make_item("post", numbers(200, 200, 3) | 1, numbers(100, 100, 4) | 1, east=shift)
    valid = np.ones((200, 200), bool)
    valid[30:77, 10:140] = False
    burn(post.nir.href, valid, kind)
    pre, post, warnings = examine(pre, post)
    assert warnings == ()
    the_plan = plan(pre, post)
    assert bool(the_plan.warnings) == bool(shift)
    grid = the_plan.grid
    whole = read(the_plan, Window(0, 0, grid.shape.cols, grid.shape.rows), masked=False).post.nir.pixels
    np.testing.assert_array_equal(whole, expected_under(grid, post, np.where(valid, numbers(200, 200, 3) | 1, 0)))
    for window in (Window(0, 0, 64, 64), Window(37, 21, 100, 80), Window(130, 60, 50, 130)):
        part = read(the_plan, window, masked=False).post.nir.pixels
        np.testing.assert_array_equal(
            part,
            whole[window.row_off : window.row_off + window.height, window.col_off : window.col_off + window.width],
        )


def expected_under(grid, item, pixels):
    """Return an item's pixels on a grid by nearest neighbour, 0 where there is none."""
    with rasterio.open(item.nir.href) as file:
        cols = [int((grid.transform.c + (col + 0.5) * 10 - file.transform.c) // 10) for col in range(grid.shape.cols)]
        rows = [int((file.transform.f - grid.transform.f + (row + 0.5) * 10) // 10) for row in range(grid.shape.rows)]
    return pixels[np.ix_(rows, cols)]


def test_nodata_of_the_classification_is_class_0(make_item, numbers):
    scl = np.full((32, 32), 4, np.uint8)
    scl[5:9] = 255
    items = [make_item(date, numbers(64, 64, 1), numbers(32, 32, 2), scl) for date in ("pre", "post")]
    with rasterio.open(items[0].scl.href, "r+") as file:
        file.nodata = 255
    pre, post, _ = examine(*items)
    found = read(plan(pre, post), Window(0, 0, 64, 64), masked=True)
    assert not found.pre.scl.pixels[5:9].any()
    assert (found.post.scl.pixels[5:9] == 255).all()


def test_blocks_that_a_sparse_file_does_not_store_are_nodata_and_take_no_bytes(make_item, numbers):
    items = [make_item(date, numbers(128, 128, 1), numbers(64, 64, 2)) for date in ("pre", "post")]
    with rasterio.open(items[1].nir.href) as file:
        profile = file.profile
    with rasterio.open(items[1].nir.href, "w", **profile | {"SPARSE_OK": True}) as file:
        file.write(numbers(64, 64, 5), 1, window=rasterio.windows.Window(64, 0, 64, 64))
    the_plan = plan(*items)
    reading = read(the_plan, Window(0, 0, 128, 128), masked=False)
    assert not reading.post.nir.pixels[:, :64].any()
    np.testing.assert_array_equal(reading.post.nir.pixels[:64, 64:], numbers(64, 64, 5))
    corner = [read(the_plan, Window(col, 0, 64, 64), masked=False).bytes_read for col in (0, 64)]
    assert corner[1] > corner[0] > 0


def test_passwords_are_not_in_what_a_worker_logs(pair):
    """Dask logs the arguments of a task that fails."""
    the_plan = plan(*pair)
    secret = replace(the_plan, pre=replace(the_plan.pre, nir=replace(the_plan.pre.nir, href="http://user:word@h/a")))
    assert "word" not in repr(secret)


def test_tiles_of_zones_60_and_1_meet_across_the_antimeridian(make_item, numbers):
    """The post-fire item is warped from one end of the world to the other."""
    (x,), (y,) = rasterio.warp.transform("EPSG:4326", "EPSG:32601", [180.0], [40.6])
    pre = make_item(
        "pre", numbers(100, 100, 1) | 1, numbers(50, 50, 2) | 1, crs="EPSG:32601", east=x - LEFT, south=TOP - y
    )
    (x,), (y,) = rasterio.warp.transform("EPSG:4326", "EPSG:32660", [180.0], [40.6])
    post = make_item(
        "post",
        numbers(300, 300, 3) | 1,
        numbers(150, 150, 4) | 1,
        crs="EPSG:32660",
        east=x - LEFT - 1000,
        south=TOP - y - 1000,
    )
    grid = plan(pre, post).grid
    assert grid.shape == Shape(100, 100)
    post_pixels = read(plan(pre, post), Window(0, 0, 100, 100), masked=False).post.nir.pixels
    assert (post_pixels > 0).all()


def test_credentials_in_gdals_variables_reach_the_workers(pair, monkeypatch):
    monkeypatch.setenv("GDAL_HTTP_BEARER", "secret")
    the_plan = plan(*pair)
    assert "secret" not in repr(the_plan)
    monkeypatch.delenv("GDAL_HTTP_BEARER")
    read(pickle.loads(pickle.dumps(the_plan)), Window(0, 0, 9, 9), masked=False)  # noqa: S301
    assert os.environ["GDAL_HTTP_BEARER"] == "secret"
    monkeypatch.setenv("GDAL_HTTP_BEARER", "own")
    read(the_plan, Window(0, 0, 9, 9), masked=False)
    assert os.environ["GDAL_HTTP_BEARER"] == "own"
