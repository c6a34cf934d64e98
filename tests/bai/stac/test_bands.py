"""Test which asset holds a band, by key or by the name of the band, and the message when no asset does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bai.errors import InputError
from bai.stac.bands import find_key, require_key
from bai.stac.item import parse_item
from bai.stac.itemtext import ItemText, validate

ITEMS = Path(__file__).parents[2] / "data" / "items"


def text(name: str = "earth-search-v1-n0301", **changes: object) -> bytes:
    """Return a fixture with top-level keys replaced."""
    return json.dumps(json.loads((ITEMS / f"{name}.json").read_text()) | changes).encode()


def item(**assets: object) -> ItemText:
    return validate(text(assets=assets), "item")


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
    ("band", "key"),
    [
        ("nir", "B08"),
        ("nir", "b08"),
        ("nir", "NIR"),
        ("nir", "B8"),
        ("swir2", "B12_20m"),
        ("swir2", "b12"),
        ("scl", "SCL"),
    ],
)
def test_keys_in_any_case(band, key):
    assert find_key(item(red={"href": "r"}, **{key: {"href": "x"}}), band) == key


@pytest.mark.parametrize(
    "bands",
    [
        {"eo:bands": [{"name": "nir", "common_name": "nir"}]},
        {"eo:bands": [{"name": "B08"}]},
        {"bands": [{"name": "B08", "eo:common_name": "nir"}]},
        {"bands": [{"name": "b08"}]},
    ],
)
def test_names_of_bands_in_stac_1_0_and_1_1(bands):
    assets = {"a": {"href": "a.tif", **bands}, "b": {"href": "b.tif", "eo:bands": [{"name": "nir"}, {"name": "red"}]}}
    assert find_key(item(**assets), "nir") == "a"


def test_other_bands_of_similar_names_are_not_taken():
    near = {"nir08": {"href": "x", "eo:bands": [{"name": "nir08", "common_name": "nir08"}]}, "B8A": {"href": "x"}}
    assert find_key(item(**near), "nir") is None


@pytest.mark.parametrize("asset", [None, [], "x.tif", {"eo:bands": [None]}, {"bands": [[{"name": "nir"}]]}])
def test_odd_assets_are_passed_over(asset):
    assert find_key(item(odd=asset), "nir") is None


def test_zarr_stores_are_named_with_what_would_work():
    store = {"href": "https://host.example.com/S2A.zarr/r10m", "type": "application/vnd+zarr; version=2"}
    with pytest.raises(
        InputError, match=r"no asset for nir .*its keys are SR_10m; its Zarr stores are not read"
    ) as caught:
        require_key(item(SR_10m=store), "nir")
    assert "Earth Search" in caught.value.hint
    with pytest.raises(InputError, match="Zarr stores are not read"):
        require_key(item(B08=store), "nir")
    assert require_key(item(B08=store, nir={"href": "B08.tif"}), "nir") == "nir"
