"""Test that items of the five catalogues become the same kind of sources, wherever an item was read."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest

from bai.errors import InputError
from bai.radiometry import Stated
from bai.stac.item import Item, load_item, parse_item, with_radiometry

ITEMS = Path(__file__).parents[2] / "data" / "items"
REMOTE = "https://catalogue.example.com/collections/s2/items/one"


def text(name: str = "earth-search-v1-n0301", **changes: object) -> bytes:
    """Return a fixture with top-level keys replaced."""
    return json.dumps(json.loads((ITEMS / f"{name}.json").read_text()) | changes).encode()


def with_properties(name: str, **changes: object) -> bytes:
    properties = json.loads(text(name))["properties"] | changes
    return text(name, properties={k: v for k, v in properties.items() if v is not None})


@pytest.mark.parametrize(
    ("name", "keys", "baseline", "offset"),
    [
        ("earth-search-v0-n0301", ("B08", "B12", "SCL"), "03.01", 0.0),
        ("earth-search-v0-n0400", ("B08", "B12", "SCL"), "04.00", 0.0),
        ("earth-search-v1-n0301", ("nir", "swir22", "scl"), "03.01", 0.0),
        ("earth-search-v1-n0509-applied", ("nir", "swir22", "scl"), "05.09", 0.0),
        ("earth-search-v1-n0510-raw", ("nir", "swir22", "scl"), "05.10", -0.1),
        ("earth-search-c1-n0500", ("nir", "swir22", "scl"), "05.00", -0.1),
        ("earth-search-v2-n0511", ("nir", "swir22", "scl"), "05.11", -0.1),
        ("planetary-computer-n0212", ("B08", "B12", "SCL"), "02.12", 0.0),
        ("planetary-computer-n0400", ("B08", "B12", "SCL"), "04.00", -0.1),
        ("cdse-n0511", ("B08_10m", "B12_20m", "SCL_20m"), "05.11", -0.1),
    ],
)
def test_each_catalogue(name: str, keys: tuple[str, ...], baseline: str, offset: float) -> None:
    item = load_item(str(ITEMS / f"{name}.json"))
    assert item.scl is not None
    assert (item.nir.key, item.swir2.key, item.scl.key) == keys
    assert (item.baseline, item.epsg) == (baseline, 32610)
    assert item.warnings == ()
    assert with_radiometry(item, {})[1] == ()
    assert item.datetime.utcoffset() == dt.timedelta(0)
    for source in (item.nir, item.swir2):
        assert (source.scale, source.nodata) == (1e-4, (0,))
        assert source.offset == pytest.approx(offset)
        assert Path(source.href).parent == ITEMS
    assert (item.scl.scale, item.scl.offset) == (1.0, 0.0)


def test_user_overrides_a_wrong_flag() -> None:
    item = load_item(str(ITEMS / "earth-search-v1-n0509-applied.json"), boa_offset="apply")
    assert item.nir.offset == item.swir2.offset == pytest.approx(-0.1)


def test_warns_when_nothing_says_the_offset() -> None:
    body = with_properties("planetary-computer-n0400", **{"s2:processing_baseline": None, "s2:product_uri": None})
    item = parse_item(body, "/items/a.json")
    assert item.nir.offset == 0.0
    assert "--boa-offset" in with_radiometry(item, {})[1][0]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"<html>sorry</html>", "is not JSON"),
        (b"", "is not JSON"),
        (b"[1, 2]", "not a STAC 1.0 or 1.1 Item"),
        (b'{"type": "FeatureCollection", "features": []}', "type: .*FeatureCollection"),
        (text(stac_version="0.9.0"), "stac_version: .*0.9.0"),
        (with_properties("earth-search-v1-n0301", datetime=None), "neither datetime nor start_datetime"),
        (text(assets={"thumbnail": {"href": "./a.jpg"}}), "no asset for nir .* its keys are thumbnail"),
        (
            text(assets={"nir": {"href": "./a.tif"}, "red": {"href": "./b.tif"}}),
            "no asset for swir2 .*: its keys are nir, red",
        ),
        (text(assets={}), "its keys are none"),
    ],
)
def test_refuses_what_is_not_a_usable_item(body: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        parse_item(body, REMOTE)
    assert caught.value.hint
    assert "\n" not in str(caught.value)


def test_item_without_scene_classification() -> None:
    assets = {key: asset for key, asset in json.loads(text())["assets"].items() if key != "scl"}
    assert parse_item(text(assets=assets), REMOTE).scl is None


def test_what_is_not_used_may_have_any_form() -> None:
    """Null, a number for a text, or a list of lists: only the chosen assets and properties are validated."""
    data = json.loads(text())
    data["assets"] |= {
        "preview": {"href": None, "raster:bands": [[{"nodata": None}]]}, "none": None, "list": [1],
        "odd": {"href": "./odd.tif", "eo:bands": "nir", "bands": {"name": "nir"}},
    }  # fmt: skip
    data["assets"]["nir"] |= {"eo:bands": "none", "gsd": "ten", "roles": 3, "title": None}
    data["properties"] |= {"constellation": ["sentinel-2"], "proj:epsg": "32610", "s2:product_uri": {}, "gsd": []}
    data |= {"bbox": None, "geometry": None, "links": None, "stac_extensions": None, "id": 20210713}
    item = parse_item(json.dumps(data).encode(), REMOTE)
    assert (item.id, item.nir.key, item.epsg, item.product) == ("20210713", "nir", 32610, None)


def test_numbers_as_text_and_null_for_absent() -> None:
    assets = json.loads(text())["assets"]
    assets["nir"]["raster:bands"] = [{"scale": "0.0001", "offset": "0", "nodata": "65535"}]
    assets["swir22"] |= {"raster:bands": None, "bands": None, "raster:scale": None}
    assets["scl"] |= {"raster:bands": None, "nodata": "255"}
    item = parse_item(text(assets=assets), REMOTE)
    assert item.nir.stated == Stated(1e-4, 0.0, 65535)
    assert item.nir.nodata == (0, 65535)
    assert item.swir2.stated == Stated()
    assert item.scl.nodata == (0, 255)


def test_a_chosen_asset_is_validated() -> None:
    assets = json.loads(text())["assets"]
    assets["nir"]["raster:bands"] = [[{"scale": 1}]]
    with pytest.raises(InputError, match=r"assets\.nir\.raster:bands\.0"):
        parse_item(text(assets=assets), REMOTE)


@pytest.mark.parametrize(
    ("when", "utc"),
    [
        ("2021-07-13T19:03:24", dt.datetime(2021, 7, 13, 19, 3, 24, tzinfo=dt.UTC)),
        ("2021-07-14T01:03:24+06:00", dt.datetime(2021, 7, 13, 19, 3, 24, tzinfo=dt.UTC)),
        ("2021-07-13", dt.datetime(2021, 7, 13, tzinfo=dt.UTC)),
    ],
)
def test_times_become_utc(when: str, utc: dt.datetime) -> None:
    item = parse_item(with_properties("earth-search-v1-n0301", datetime=when), REMOTE)
    assert item.datetime == utc
    assert item.datetime.utcoffset() == dt.timedelta(0)


def test_a_time_before_all_times_is_refused() -> None:
    with pytest.raises(InputError, match="impossible datetime"):
        parse_item(with_properties("earth-search-v1-n0301", datetime="0001-01-01T00:00:00+06:00"), REMOTE)


def test_an_id_cannot_break_a_line() -> None:
    assert parse_item(text(id="x\n2026 | INFO\x1b[2J\0"), REMOTE).id == "x\\n2026 | INFO\\x1b[2J\\x00"


def test_start_datetime_stands_in() -> None:
    properties = json.loads(
        with_properties("earth-search-v1-n0301", datetime=None, start_datetime="2021-07-13T00:00:00Z")
    )
    assert parse_item(json.dumps(properties).encode(), REMOTE).datetime.day == 13


@pytest.mark.parametrize("nodata", ["nan", -1, 0.5, None, 65536, ""])
def test_a_nodata_that_no_pixel_can_hold_does_not_count(nodata: object) -> None:
    assets = json.loads(text())["assets"]
    assets["nir"]["raster:bands"][0]["nodata"] = nodata
    assert parse_item(text(assets=assets), REMOTE).nir.nodata == (0,)


def test_relative_hrefs_count_from_the_final_url_else_the_self_link_else_the_reference(tmp_path: Path) -> None:
    links = [{"rel": "self", "href": "https://data.example.com/items/one.json"}]
    plain, linked, local = text(links=[]), text(links=links), f"{tmp_path}/a.json"
    assert parse_item(plain, REMOTE).nir.href == "https://catalogue.example.com/collections/s2/items/B08.tif"
    assert parse_item(linked, REMOTE).nir.href == "https://data.example.com/items/B08.tif"
    assert parse_item(linked, REMOTE).nir.alternates == (parse_item(plain, REMOTE).nir.href,)
    moved = parse_item(linked, REMOTE, moved_to="https://moved.example.com/x/one.json")
    assert (moved.nir.href, moved.nir.alternates) == ("https://moved.example.com/x/B08.tif", ())
    assert moved.href == "https://moved.example.com/x/one.json"
    copy = parse_item(linked, local)
    assert (copy.nir.href, copy.nir.alternates) == (f"{tmp_path}/B08.tif", ("https://data.example.com/items/B08.tif",))


@pytest.mark.parametrize("link", ["file:///etc/item.json", "/etc/item.json", "./item.json", 3, None])
def test_a_self_link_is_no_way_to_this_machines_files(link: object) -> None:
    item = parse_item(text(links=[{"rel": "self", "href": link}]), REMOTE)
    assert (item.nir.href, item.nir.alternates) == ("https://catalogue.example.com/collections/s2/items/B08.tif", ())


def test_alternates_stand_in_for_hrefs_that_cannot_be_opened() -> None:
    assets = json.loads(text())["assets"]
    https = "https://data.example.com/B08.tif"
    assets["nir"] |= {
        "href": "s3://eodata/B08.jp2",
        "alternate": {"s3": {"href": "s3://x/a"}, "https": {"href": https}},
    }
    assets["swir22"] |= {"alternate": {"https": {"href": "https://data.example.com/B12.tif"}, "odd": None, "none": {}}}
    item = parse_item(text(assets=assets, links=[]), REMOTE)
    assert (item.nir.href, item.nir.alternates) == (https, ())
    assert item.swir2.alternates == ("https://data.example.com/B12.tif",)
    assets["nir"]["alternate"] = {"file": {"href": "file:///etc/passwd"}}
    with pytest.raises(InputError, match="s3://eodata") as caught:
        parse_item(text(assets=assets), REMOTE)
    assert "CDSE" in caught.value.hint


def test_passwords_are_not_in_what_is_printed() -> None:
    item = parse_item(text(), "https://user:word@catalogue.example.com/items/one")
    assert item.nir.href == "https://user:word@catalogue.example.com/items/B08.tif"
    assert "word" not in repr(item)


def test_item_is_a_value() -> None:
    item = parse_item(text(links=[]), REMOTE)
    assert isinstance(item, Item)
    assert item == parse_item(text(links=[]), REMOTE)
    assert item.nir.href == "https://catalogue.example.com/collections/s2/items/B08.tif"
