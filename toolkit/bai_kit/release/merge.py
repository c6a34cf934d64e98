"""Merge one mapping of values over another, as Helm does."""

import copy
from collections.abc import Mapping
from typing import Any

Values = dict[str, Any]


def merge(base: Mapping[str, Any], override: Mapping[str, Any]) -> Values:
    """Return `base` with `override` on top; neither is changed.

    Mappings are merged, lists are replaced. Null stays in the result: Helm itself applies it to the chart's defaults.
    """
    merged = copy.deepcopy(dict(base))
    for key, value in override.items():
        below = merged.get(key)
        if isinstance(below, dict) and isinstance(value, Mapping):
            merged[key] = merge(below, value)
        else:
            merged[key] = copy.deepcopy(value)
    return merged
