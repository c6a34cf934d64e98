"""Test the encodings of an item, and the message for a text that is no item."""

from __future__ import annotations

import codecs
import json

import pytest

from bai.errors import InputError
from bai.stac.itemtext import Asset, number, validate

ITEM = {
    "type": "Feature", "stac_version": "1.0.0", "id": "größe", "properties": {"datetime": "2021-07-13T19:03:24Z"}, "assets": {},
}  # fmt: skip
TEXT = json.dumps(ITEM, ensure_ascii=False)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_encodings(encoding):
    assert validate(TEXT.encode(encoding), "item").id == "größe"


def test_a_byte_order_mark_before_utf_16():
    assert validate(codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"), "item").id == "größe"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (TEXT.encode("latin-1"), "item is not utf-8 text"),
        (b"<html>sorry</html>", "item is not JSON: Expecting value: line 1 column 1"),
        (b"", "item is not JSON"),
        (b'{"type": "Feature", ' + b"[" * 100_000, "item is not JSON"),
        (b"null", "item is not a STAC 1.0 or 1.1 Item: item: Input should be"),
        (b"[1, 2]", "item is not a STAC 1.0 or 1.1 Item"),
        (json.dumps(ITEM | {"type": "FeatureCollection"}).encode(), "type: .*not 'FeatureCollection'"),
        (json.dumps(ITEM | {"stac_version": "0.9.0"}).encode(), "stac_version: .*not '0.9.0'"),
        (json.dumps(ITEM | {"id": ""}).encode(), "id: "),
        (json.dumps(ITEM | {"assets": None}).encode(), "assets: "),
        (json.dumps(ITEM | {"properties": {"datetime": "soon"}}).encode(), "properties.datetime: "),
        (json.dumps(ITEM | {"properties": {"earthsearch:boa_offset_applied": "maybe"}}).encode(), "boa_offset_applied"),
    ],
)
def test_a_text_that_is_no_item_is_refused_with_a_reason(body, message):
    with pytest.raises(InputError, match=message) as caught:
        validate(body, "item")
    assert caught.value.hint


def test_versions_to_come_and_numbers_for_text():
    assert validate(json.dumps(ITEM | {"stac_version": 1.0, "id": 7}).encode(), "item").id == "7"
    assert validate(json.dumps(ITEM | {"stac_version": "1.2.0"}).encode(), "item").id == "größe"


@pytest.mark.parametrize(
    ("asset", "scale", "offset", "nodata"),
    [
        ({"raster:bands": [{"scale": 1e-4, "offset": -0.1, "nodata": 0}]}, 1e-4, -0.1, 0),
        ({"raster:scale": 1e-4, "raster:offset": -0.1, "nodata": 0}, 1e-4, -0.1, 0),
        ({"bands": [{"raster:scale": 1e-4, "raster:offset": -0.1, "nodata": 0}]}, 1e-4, -0.1, 0),
        ({"bands": [{"name": "B08"}], "raster:offset": -0.1}, None, -0.1, None),
        ({"raster:scale": None, "nodata": None}, None, None, None),
        ({"nodata": "nan"}, None, None, None),
    ],
)
def test_radiometry_wherever_it_stands(asset, scale, offset, nodata):
    stated = Asset.model_validate({"href": "a.tif"} | asset).stated()
    assert (stated.scale, stated.offset, stated.nodata) == (scale, offset, nodata)


@pytest.mark.parametrize(
    ("value", "found"), [("65535", 65535), (0, 0), ("1e3", 1000), ("nan", None), (None, None), ([], None), (True, None)]
)
def test_numbers(value, found):
    assert number(value) == found


@pytest.mark.parametrize("baseline", [[], {}, True, None])
def test_a_baseline_of_another_type_counts_as_absent(baseline):
    properties = ITEM["properties"] | {"s2:processing_baseline": baseline}
    assert validate(json.dumps(ITEM | {"properties": properties}).encode(), "item").properties.s2_baseline is None


@pytest.mark.parametrize("raster", [None, [], [None], [{"nodata": 0}]])
def test_what_raster_bands_do_not_state_bands_may_state(raster):
    asset = Asset.model_validate({"href": "a.tif", "raster:bands": raster, "bands": [{"raster:offset": -0.1}, {}]})
    assert asset.stated().offset == -0.1


@pytest.mark.parametrize("alternate", [{"a": {"href": "b.tif"}}, {"a": "b.tif"}, [{"href": "b.tif"}], ["b.tif", 5, {}]])
def test_forms_of_alternates(alternate):
    assert Asset.model_validate({"href": "a.tif", "alternate": alternate}).alternates() == ["b.tif"]


@pytest.mark.parametrize("alternate", [None, "b.tif", 5, {}, {"a": {"href": 5}}])
def test_no_alternates(alternate):
    assert Asset.model_validate({"href": "a.tif", "alternate": alternate}).alternates() == []
