"""Test that files are checked before a run, and complete what their items state."""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np
import pytest
import rasterio

from bai.errors import InputError
from bai.headers import examine
from bai.radiometry import SILENT
from bai.reader import plan


@pytest.fixture
def pair(make_item, numbers):
    """Two items of 301 x 203 pixels: B12 ends half a pixel further, as in an odd crop."""
    return [
        make_item(date, numbers(301, 203, seed), numbers(151, 102, seed + 1))
        for seed, date in ((1, "pre"), (5, "post"))
    ]


@pytest.mark.parametrize(
    ("pixels", "message"),
    [
        (np.ones((2, 64, 64), np.uint16), r"2 band\(s\) of uint16, 64 x 64, EPSG:32610: nir must be one band"),
        (np.ones((64, 64), np.complex64), r"1 band\(s\) of complex64"),
    ],
)
def test_a_file_that_is_not_one_band_of_numbers_is_refused(pair, write_band, pixels, message):
    path = write_band("odd.tif", pixels, 10)
    with pytest.raises(InputError, match=message):
        plan(replace(pair[0], nir=replace(pair[0].nir, href=str(path))), pair[1])


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_a_file_without_a_place_is_refused(pair, tmp_path):
    path = tmp_path / "nowhere.tif"
    with rasterio.open(path, "w", driver="GTiff", height=9, width=9, count=1, dtype="uint16") as file:
        file.write(np.ones((1, 9, 9), np.uint16))
    with pytest.raises(InputError, match=r"nowhere.tif: 1 band\(s\) of uint16, 9 x 9, None: it has no place on Earth"):
        plan(replace(pair[0], nir=replace(pair[0].nir, href=str(path))), pair[1])


def test_a_grid_in_degrees_is_refused(pair, write_band):
    path = write_band("degrees.tif", np.ones((9, 9), np.uint16), 1e-4, crs="EPSG:4326")
    with pytest.raises(InputError, match=r"degrees.tif: .*EPSG:4326: its grid is not in metres"):
        plan(replace(pair[0], nir=replace(pair[0].nir, href=str(path))), pair[1])


def test_what_the_file_states_completes_what_the_item_states(make_item, numbers):
    items = [make_item(date, numbers(64, 64, 1), numbers(32, 32, 2)) for date in ("pre", "post")]
    items = [
        replace(item, **{band: replace(getattr(item, band), stated=SILENT) for band in ("nir", "swir2")})
        for item in items
    ]
    for source in (items[1].nir, items[1].swir2):
        with rasterio.open(source.href, "r+") as file:
            file.scales, file.offsets = (1e-4,), (-0.1,)
    pre, post, warnings = examine(*items)
    assert [round(s.offset, 6) for s in (pre.nir, pre.swir2, post.nir, post.swir2)] == [0, 0, -0.1, -0.1]
    assert warnings == (
        "item item-pre: neither baseline nor offset is stated, so none is subtracted; see --boa-offset",
    )
    assert (plan(pre, post).post.nir.bias, plan(pre, post).post.swir2.bias) == (-1000, -1000)


def test_an_alternate_is_read_where_the_first_href_cannot_be(pair, caplog):
    known = pair[1].nir.href
    for bad in (known + ".gone", "http://127.0.0.1:1/nir.tif"):
        moved = replace(pair[1], nir=replace(pair[1].nir, href=bad, alternates=(known,)))
        with caplog.at_level(logging.INFO):
            _, post, _ = examine(pair[0], moved)
        assert post.nir.href == known
        assert "trying the next href of asset nir" in caplog.text


def test_the_last_alternates_error_is_told(pair, tmp_path):
    nir = replace(pair[1].nir, href=str(tmp_path / "one.tif"), alternates=(str(tmp_path / "two.tif"),))
    with pytest.raises(InputError, match=r"two\.tif: No such file"):
        examine(pair[0], replace(pair[1], nir=nir))


@pytest.mark.parametrize("dtype", ["int16", "float32", "float64", "uint32"])
def test_other_types_of_numbers_are_refused_with_what_would_work(pair, write_band, dtype):
    path = write_band("odd.tif", np.ones((64, 64), dtype), 10)
    with pytest.raises(
        InputError, match=f"{dtype}, 64 x 64, EPSG:32610: nir must be one band of uint8 or uint16"
    ) as caught:
        plan(replace(pair[0], nir=replace(pair[0].nir, href=str(path))), pair[1])
    assert "Earth Search" in caught.value.hint
