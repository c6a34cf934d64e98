"""Test which product an item describes: satellite, level and processing baseline, in every spelling."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bai.errors import InputError
from bai.stac.item import parse_item
from bai.stac.itemtext import validate
from bai.stac.product import baseline_of, parse_baseline

ITEMS = Path(__file__).parents[2] / "data" / "items"
REMOTE = "https://catalogue.example.com/collections/s2/items/one"


def text(name: str = "earth-search-v1-n0301", **changes: object) -> bytes:
    """Return a fixture with top-level keys replaced."""
    return json.dumps(json.loads((ITEMS / f"{name}.json").read_text()) | changes).encode()


def with_properties(name: str, **changes: object) -> bytes:
    properties = json.loads(text(name))["properties"] | changes
    return text(name, properties={k: v for k, v in properties.items() if v is not None})


def test_baseline_from_the_product_name() -> None:
    body = with_properties("planetary-computer-n0400", **{"s2:processing_baseline": None})
    assert parse_item(body, "/items/a.json").baseline == "04.00"


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


@pytest.mark.parametrize(
    ("stated", "baseline"),
    [
        ("05.09", "05.09"), ("5.09", "05.09"), ("N0509", "05.09"), ("0509", "05.09"), ("V05.11", "05.11"), ("n05.11", "05.11"),
        (5.09, "05.09"), (5.1, "05.10"), (4.0, "04.00"), ("400", "04.00"), (509, "05.09"), (" 05.00 ", "05.00"),
        ("04.00.01", "04.00"), ("unknown", None), ("", None), ("5", None), (None, None), ("N05091", None),
    ],
)  # fmt: skip
def test_spellings_of_a_baseline(stated, baseline):
    assert parse_baseline(stated) == baseline


def baseline(**properties: object) -> tuple[str | None, tuple[str, ...]]:
    known = {"datetime": "2021-07-13T19:03:24Z", "platform": "sentinel-2a"}
    return baseline_of(validate(text(id=properties.pop("id", "one"), properties=known | properties), "item"))


def test_a_product_name_confirms_a_version():
    name = "S2B_MSIL2A_20250712T184919_N0511_R113_T10TFK_20250712T223015"
    assert baseline(id=name, **{"processing:version": "05.11"}) == ("05.11", ())
    assert baseline(id=name, **{"processing:version": "3.7.10"}) == ("05.11", ())


@pytest.mark.parametrize("version", ["3.7.10", "4.2", "2.11.0", "v1.2", 4.2, "10.01"])
def test_another_processors_version_is_no_baseline(version):
    found, doubts = baseline(**{"processing:version": version})
    assert found is None
    assert "is not ESA's processing baseline" in doubts[0]


def test_a_version_that_could_be_a_baseline_is_doubted():
    found, doubts = baseline(**{"processing:version": "05.11"})
    assert (found, "--boa-offset" in doubts[0]) == ("05.11", True)
    for software in ({"processing:software": {"FORCE": "05.11"}}, {"processing:facility": "Theia"}):
        found, doubts = baseline(**{"processing:version": "05.11"}, **software)
        assert found is None
        assert "does not count" in doubts[0]


def test_a_users_own_run_of_sen2cor_has_no_baseline_of_esa():
    for stated in (
        {"s2:processing_baseline": "99.99"},
        {"id": "S2A_MSIL2A_20200305T103021_N9999_R108_T32TMT_20240101T000000"},
    ):
        found, doubts = baseline(**stated)
        assert found is None
        assert "99.99 is not ESA's" in doubts[0]


def test_a_baseline_that_is_not_understood_or_contradicted_is_a_doubt():
    assert baseline(**{"s2:processing_baseline": "new"}) == (None, ("the processing baseline 'new' is not understood",))
    found, doubts = baseline(
        **{
            "s2:processing_baseline": "05.00",
            "s2:product_uri": "S2B_MSIL2A_20210713T184919_N0301_R113_T10TFK_2021.SAFE",
        }
    )
    assert found == "05.00"
    assert "03.01 in the product's name" in doubts[0]
