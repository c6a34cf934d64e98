"""Test each way in which user, flag, item, file and baseline agree or contradict each other."""

from __future__ import annotations

import math

import pytest

from bai.errors import InputError
from bai.radiometry import Rule, Stated, decide

SILENT = Stated()


def offset(rule: Rule, nir: Stated, swir2: Stated | None = None, file: Stated = SILENT) -> tuple[float, str]:
    """Return the offset of both bands, and all doubts."""
    meanings, doubts = decide(rule, {"nir": (nir, file), "swir2": (nir if swir2 is None else swir2, file)})
    assert meanings["nir"].offset == meanings["swir2"].offset
    return meanings["nir"].offset, " / ".join(doubts)


@pytest.mark.parametrize(
    ("applied", "stated", "baseline", "expected", "doubted"),
    [
        (True, -0.1, "05.09", 0.0, False),  # Earth Search v1: the files are shifted already
        (True, None, "04.00", 0.0, False),
        (True, -1000, "05.09", 0.0, False),
        (False, -0.1, "05.09", -0.1, False),
        (False, None, "04.00", -0.1, False),
        (False, 0.0, "05.09", -0.1, True),
        (False, -0.1, "03.01", 0.0, True),
        (False, -0.1, None, -0.1, False),
        (False, None, None, 0.0, True),
        (None, -0.1, "05.00", -0.1, False),
        (None, 0.0, "03.01", 0.0, False),
        (None, 0.0, "05.09", 0.0, True),
        (None, -0.1, "03.01", -0.1, True),
        (None, 0.1, "05.00", 0.1, True),
        (None, -0.05, None, -0.05, True),
        (None, float("nan"), "05.00", -0.1, True),
        (None, None, "04.00", -0.1, False),
        (None, None, "03.01", 0.0, False),
        (None, None, "02.14", 0.0, False),
        (None, None, "10.00", -0.1, False),
        (None, None, None, 0.0, True),
    ],
)
def test_the_order_of_trust(applied, stated, baseline, expected, doubted):
    found, doubts = offset(Rule("auto", applied, baseline), Stated(1e-4, stated))
    assert found == pytest.approx(expected)
    assert bool(doubts) == doubted
    assert offset(Rule("apply", applied, baseline), Stated(1e-4, stated)) == (pytest.approx(-0.1), "")
    assert offset(Rule("none", applied, baseline), Stated(1e-4, stated)) == (0.0, "")


@pytest.mark.parametrize(
    ("scale", "stated", "baseline", "expected", "doubt"),
    [
        (1e-4, -1000, "05.00", -0.1, "taken as digital numbers"),
        (None, -1000, "05.00", -0.1, "taken as digital numbers"),
        (1, -1000, "05.00", -0.1, ""),  # digital numbers throughout
        (1, -0.1, "05.00", -0.1, "taken as reflectance"),
        (1, 0, "05.00", -0.1, ""),  # a tool's defaults state nothing
        (1, 0, "03.01", 0.0, ""),
        (0, -0.1, "05.00", -0.1, "scale 0, which is impossible"),
        (-1e-4, -0.1, "05.00", -0.1, "impossible"),
        (math.inf, -0.1, "05.00", -0.1, "impossible"),
        (1e-3, -0.1, "05.00", -0.1, "where Sentinel-2 has 0.0001"),
    ],
)
def test_scales_and_offsets_that_do_not_fit_each_other(scale, stated, baseline, expected, doubt):
    found, doubts = offset(Rule(baseline=baseline), Stated(scale, stated))
    assert found == pytest.approx(expected)
    assert doubt in doubts
    assert bool(doubts) == bool(doubt)


@pytest.mark.parametrize("stated", [-5000.0, 3000.0, -0.5])
def test_an_impossible_offset_is_refused(stated):
    with pytest.raises(InputError, match=f"offset {stated:g}") as caught:
        offset(Rule(baseline="05.00"), Stated(1e-4, stated))
    assert "--boa-offset" in caught.value.hint
    assert offset(Rule("apply"), Stated(1e-4, stated)) == (pytest.approx(-0.1), "")


@pytest.mark.parametrize(
    ("nir", "swir2", "baseline", "expected", "doubted"),
    [
        (-0.1, None, "05.00", -0.1, False),
        (-0.1, None, "03.01", 0.0, True),
        (-0.1, None, None, -0.1, True),
        (None, 0.0, "05.00", -0.1, True),
        (-0.1, 0.0, "05.00", -0.1, True),
        (-0.1, 0.0, "03.01", 0.0, True),
    ],
)
def test_one_band_only(nir, swir2, baseline, expected, doubted):
    found, doubts = offset(Rule(baseline=baseline), Stated(1e-4, nir), Stated(1e-4, swir2))
    assert found == pytest.approx(expected)
    assert bool(doubts) == doubted


def test_bands_that_contradict_each_other_are_refused_without_a_baseline():
    with pytest.raises(InputError, match=r"offsets -0.1 and 0, and no baseline"):
        offset(Rule(), Stated(1e-4, -0.1), Stated(1e-4, 0.0))


@pytest.mark.parametrize(
    ("item", "file", "baseline", "expected", "doubt"),
    [
        (SILENT, Stated(1e-4, -0.1), "05.00", -0.1, ""),
        (SILENT, Stated(1e-4, -0.1), None, -0.1, ""),
        (SILENT, Stated(1e-4, -0.1), "03.01", -0.1, "contradicts baseline 03.01"),
        (SILENT, Stated(1e-4, None), "05.00", -0.1, "a scale and no offset"),
        (SILENT, Stated(1e-4, None), "03.01", 0.0, ""),
        (Stated(1, 0), Stated(1e-4, -0.1), None, -0.1, ""),
        (Stated(1e-4, 0.0), Stated(1e-4, -0.1), "03.01", 0.0, "the file -0.1: the item's is used"),
        (Stated(1e-4, -0.1), Stated(2e-4, -0.1), "05.00", -0.1, "the file 0.0002: the item's is used"),
        (Stated(1e-4, -0.1), Stated(1e-4, -0.1), "05.00", -0.1, ""),
    ],
)
def test_the_item_counts_before_the_file_and_the_file_before_the_baseline(item, file, baseline, expected, doubt):
    found, doubts = offset(Rule(baseline=baseline), item, file=file)
    assert found == pytest.approx(expected)
    assert doubt in doubts
    assert bool(doubts) == bool(doubt)


def test_different_scales_of_the_bands_are_a_doubt():
    meanings, doubts = decide(Rule(baseline="03.01"), {"nir": (Stated(1e-4), SILENT), "swir2": (Stated(2e-4), SILENT)})
    assert (meanings["nir"].scale, meanings["swir2"].scale) == (1e-4, 2e-4)
    assert "different scales: 0.0001, 0.0002" in " ".join(doubts)


@pytest.mark.parametrize(
    ("item", "file", "numbers", "doubted"),
    [
        (None, None, (0,), False),
        (0, None, (0,), False),
        (None, 65535, (0, 65535), False),
        (0, 65535, (0, 65535), True),
        (65535, 65535, (0, 65535), False),
        (None, -9999, (0,), False),
        (None, float("nan"), (0,), False),
        (0.5, None, (0,), False),
    ],
)
def test_nodata_of_product_item_and_file_all_count(item, file, numbers, doubted):
    meanings, doubts = decide(Rule(baseline="03.01"), {"nir": (Stated(nodata=item), Stated(nodata=file))})
    assert meanings["nir"].nodata == numbers
    assert bool(doubts) == doubted
