"""Test that items of five catalogues become equal sources, and the offset rule for each catalogue."""

from __future__ import annotations

import datetime as dt
import json
import logging
from pathlib import Path

import pytest

from bai.errors import InputError
from bai.stac.item import Item, load_item, parse_item, radiometric_offset

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
    assert item.bbox == (-121.83, 39.66, -120.54, 40.64)
    assert item.datetime.utcoffset() == dt.timedelta(0)
    for source in (item.nir, item.swir2):
        assert (source.scale, source.nodata) == (1e-4, 0)
        assert source.offset == pytest.approx(offset)
        assert Path(source.href).parent == ITEMS
    assert (item.scl.scale, item.scl.offset) == (1.0, 0.0)


@pytest.mark.parametrize(
    ("applied", "declared", "baseline", "expected"),
    [
        (True, -0.1, "05.09", 0.0),  # the trap: the files are shifted already
        (True, None, "04.00", 0.0),
        (False, -0.1, "05.09", -0.1),
        (False, None, "04.00", -0.1),
        (False, 0.0, "05.09", -0.1),  # the flag counts, not the declaration
        (False, -0.1, "03.01", 0.0),
        (None, -0.1, "05.00", -0.1),
        (None, 0.0, "03.01", 0.0),
        (None, -0.05, None, -0.05),
        (None, float("nan"), "05.00", -0.1),
        (None, None, "04.00", -0.1),
        (None, None, "03.01", 0.0),
        (None, None, "02.14", 0.0),
        (None, None, "10.00", -0.1),
        (None, None, None, 0.0),
    ],
)
def test_offset_rule(applied: bool | None, declared: float | None, baseline: str | None, expected: float) -> None:
    rule = {"applied": applied, "declared": declared, "baseline": baseline}
    assert radiometric_offset("auto", **rule) == pytest.approx(expected)
    assert radiometric_offset("apply", **rule) == pytest.approx(-0.1)
    assert radiometric_offset("none", **rule) == 0.0


def test_offset_follows_the_scale() -> None:
    assert radiometric_offset("apply", applied=None, declared=None, baseline=None, scale=1.0) == -1000


def test_user_overrides_a_wrong_flag() -> None:
    item = load_item(str(ITEMS / "earth-search-v1-n0509-applied.json"), boa_offset="apply")
    assert item.nir.offset == item.swir2.offset == pytest.approx(-0.1)


def test_warns_when_nothing_says_the_offset(caplog: pytest.LogCaptureFixture) -> None:
    body = with_properties("planetary-computer-n0400", **{"s2:processing_baseline": None, "s2:product_uri": None})
    with caplog.at_level(logging.WARNING):
        assert parse_item(body, "/items/a.json").nir.offset == 0.0
    assert "--boa-offset" in caplog.text


def test_baseline_from_the_product_name() -> None:
    body = with_properties("planetary-computer-n0400", **{"s2:processing_baseline": None})
    assert parse_item(body, "/items/a.json").baseline == "04.00"


def test_common_name_when_no_key_is_known() -> None:
    assets = json.loads(text())["assets"]
    renamed = {{"nir": "near", "nir-jp2": "a-jp2"}.get(key, key): asset for key, asset in assets.items()}
    item = parse_item(text(assets=renamed), "/items/a.json")
    assert item.nir.key == "near"  # neither the jp2 twin, which sorts first, nor nir08


def test_finest_asset_of_a_common_name() -> None:
    assets = json.loads(text("cdse-n0511"))["assets"]
    assets = {key.replace("B12_", "SWIR_"): asset for key, asset in assets.items()}
    assert parse_item(text("cdse-n0511", assets=assets), "/items/a.json").swir2.key == "SWIR_20m"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"<html>sorry</html>", "is not JSON"),
        (b"", "is not JSON"),
        (b"[1, 2]", "not a STAC 1.0 or 1.1 Item"),
        (b'{"type": "FeatureCollection", "features": []}', "type: .*FeatureCollection"),
        (text(stac_version="0.9.0"), "stac_version: .*0.9.0"),
        (text(bbox=[1, 2, 3]), "bbox has 3 numbers"),
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


@pytest.mark.parametrize(
    ("collection", "changes", "message"),
    [
        (
            "landsat-c2-l2",
            {"platform": "landsat-8", "constellation": "landsat"},
            "not Sentinel-2: platform 'landsat-8'",
        ),
        ("sentinel-1-grd", {"platform": "sentinel-1a", "constellation": "sentinel-1"}, "not Sentinel-2"),
        (None, {"platform": None, "constellation": None}, "not Sentinel-2"),
        ("sentinel-2-l1c", {}, "Level-1C"),
        ("sentinel-2", {"s2:product_type": "S2MSI1C"}, "Level-1C"),
    ],
)
def test_refuses_other_satellites_and_levels(
    collection: str | None, changes: dict[str, str | None], message: str
) -> None:
    properties = json.loads(with_properties("earth-search-v1-n0301", **changes))["properties"]
    with pytest.raises(InputError, match=message):
        parse_item(text(collection=collection, properties=properties), REMOTE)


def test_platform_alone_is_enough() -> None:
    properties = json.loads(with_properties("earth-search-v1-n0301", constellation=None))["properties"]
    assert parse_item(text(collection=None, properties=properties), REMOTE).platform == "sentinel-2b"


def test_item_without_scene_classification() -> None:
    assets = {key: asset for key, asset in json.loads(text())["assets"].items() if key != "scl"}
    assert parse_item(text(assets=assets), REMOTE).scl is None


def test_bbox_with_heights_and_time_without_zone() -> None:
    properties = json.loads(with_properties("earth-search-v1-n0301", datetime="2021-07-13T19:03:24"))["properties"]
    item = parse_item(text(bbox=[1, 2, 0, 3, 4, 100], properties=properties), REMOTE)
    assert item.bbox == (1, 2, 3, 4)
    assert item.datetime == dt.datetime(2021, 7, 13, 19, 3, 24, tzinfo=dt.UTC)


def test_start_datetime_stands_in() -> None:
    properties = json.loads(
        with_properties("earth-search-v1-n0301", datetime=None, start_datetime="2021-07-13T00:00:00Z")
    )
    assert parse_item(json.dumps(properties).encode(), REMOTE).datetime.day == 13


@pytest.mark.parametrize("nodata", ["nan", -1, 0.5, None])
def test_impossible_nodata_becomes_zero(nodata: object) -> None:
    assets = json.loads(text())["assets"]
    assets["nir"]["raster:bands"][0]["nodata"] = nodata
    assert parse_item(text(assets=assets), REMOTE).nir.nodata == 0


def test_item_is_a_value() -> None:
    item = parse_item(text(), REMOTE)
    assert isinstance(item, Item)
    assert item == parse_item(text(), REMOTE)
    assert item.nir.href == "https://catalogue.example.com/collections/s2/items/B08.tif"
