"""Mappings on top of each other."""

from bai_kit.release.merge import merge


def test_maps_merge_lists_are_replaced_and_null_stays_for_helm():
    base, top = {"m": {"a": 1, "b": 2}, "l": [1, 2], "n": {"x": 1}}, {"m": {"b": 3}, "l": [9], "n": None}
    assert merge(base, top) == {"m": {"a": 1, "b": 3}, "l": [9], "n": None}
    assert base == {"m": {"a": 1, "b": 2}, "l": [1, 2], "n": {"x": 1}}


def test_the_result_shares_nothing_with_what_it_was_made_of():
    base, top = {"l": [1]}, {"m": {"x": [2]}}
    merged = merge(base, top)
    merged["l"].append(3)
    merged["m"]["x"].append(3)
    assert (base, top) == ({"l": [1]}, {"m": {"x": [2]}})
