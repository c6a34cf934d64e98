"""Decide what the numbers of an item's bands mean: scale, offset and nodata, as user, item, file and baseline say.

Pure arithmetic; nothing is opened here. docs/items.md has the same rules as a table.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from bai.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

BoaOffset = Literal["auto", "apply", "none"]

QUANTIFICATION = 1e-4
"""Reflectance per digital number: QUANTIFICATION_VALUE is 10000 in every Level-2A product."""
BOA_ADD_OFFSET = -1000
"""Digital numbers to add before scaling, in products of processing baseline 04.00 and later (ESA, 25 January 2022)."""
OFFSET_SINCE = (4, 0)
NODATA = 0
"""Digital number of a pixel without data in every band of a Level-2A product, and in its scene classification."""
LARGEST_OFFSET = 0.2
"""Reflectance beyond which an offset is an error: twice that of ESA's products."""
_HINT = "run with --boa-offset apply (subtract 0.1) or --boa-offset none"


@dataclass(frozen=True, slots=True)
class Stated:
    """What an item or a file states about one band; None where it states nothing."""

    scale: float | None = None
    """Reflectance per digital number."""
    offset: float | None = None
    """Reflectance to add after scaling."""
    nodata: float | None = None
    """Digital number of a pixel without data."""


SILENT = Stated()


@dataclass(frozen=True, slots=True)
class Rule:
    """The facts that decide about the offset, in addition to the statements for each band."""

    mode: BoaOffset = "auto"
    """The user's choice: `apply` or `none` override the item, the file and the baseline."""
    applied: bool | None = None
    """The item's flag that the offset is already taken out of the files; None without a flag."""
    baseline: str | None = None
    """ESA's processing baseline such as `05.09`; None when unknown."""


AUTO = Rule()


@dataclass(frozen=True, slots=True)
class Meaning:
    """What the numbers of one band mean: reflectance is number * scale + offset."""

    scale: float
    offset: float
    nodata: tuple[int, ...]
    """Digital numbers of pixels without data."""


def decide(rule: Rule, bands: Mapping[str, tuple[Stated, Stated]]) -> tuple[dict[str, Meaning], tuple[str, ...]]:
    """Decide scale, offset and nodata of the reflectance bands of one item.

    All bands of a product have the same offset, so a statement for one band counts for all, perhaps with a warning.

    Args:
        rule: The user's choice, the item's flag and the baseline.
        bands: By band name, what the item and what the file state.

    Returns:
        The meaning of each band, and a warning for each doubt.

    Raises:
        InputError: the statements contradict each other and nothing says which is right, or an offset is impossible.
    """
    doubts: list[str] = []
    if rule.mode != "auto" or rule.applied:  # the user's choice overrides the offset that item and file state
        bands = {name: (replace(i, offset=None), replace(f, offset=None)) for name, (i, f) in bands.items()}
    known = {name: _band(name, item, file, doubts) for name, (item, file) in bands.items()}
    offset = _offset(rule, {name: offset for name, (_, offset) in known.items()}, doubts)
    scales = {scale for scale, _ in known.values()}
    if len(scales) > 1:
        doubts.append(f"the bands have different scales: {', '.join(f'{scale:g}' for scale in sorted(scales))}")
    if offset and rule.mode == "auto" and any(_only_scaled(item, file) for item, file in bands.values()):
        doubts.append(f"a file states a scale and no offset, where {offset:g} is used; see --boa-offset")
    meanings = {
        name: Meaning(known[name][0], offset, nodata_numbers(name, item, file, doubts))
        for name, (item, file) in bands.items()
    }
    return meanings, tuple(dict.fromkeys(doubts))


def _band(name: str, item: Stated, file: Stated, doubts: list[str]) -> tuple[float, float | None]:
    """Return a band's scale, and its offset in reflectance as item or file state it; None when both are silent."""
    by_item, by_file = (_statement(side, name, one, doubts) for side, one in (("item", item), ("file", file)))
    for word, ours, theirs in zip(("scale", "offset"), by_item, by_file, strict=True):
        if ours is not None and theirs is not None and not math.isclose(ours, theirs, rel_tol=1e-6, abs_tol=1e-9):
            doubts.append(f"the item states {word} {ours:g} for {name} and the file {theirs:g}: the item's is used")
    scale, offset = (theirs if ours is None else ours for ours, theirs in zip(by_item, by_file, strict=True))
    return QUANTIFICATION if scale is None else scale, offset


def _statement(side: str, name: str, stated: Stated, doubts: list[str]) -> tuple[float | None, float | None]:
    """Return scale and offset in reflectance, or None for both when they are 1 and 0, which tools write by default."""
    scale, offset, who = stated.scale, stated.offset, f"the {side} states for {name}"
    if scale is not None and not (math.isfinite(scale) and scale > 0):
        doubts.append(f"{who} the scale {scale:g}, which is impossible and ignored")
        scale = None
    if offset is not None and not math.isfinite(offset):
        doubts.append(f"{who} the offset {offset:g}, which is impossible and ignored")
        offset = None
    if scale == 1:
        scale, offset = None, offset or None
    elif scale is not None and not math.isclose(scale, QUANTIFICATION, rel_tol=1e-6):
        doubts.append(f"{who} the scale {scale:g}, where Sentinel-2 has {QUANTIFICATION:g}")
    if offset is None:
        return scale, None
    in_numbers = abs(offset) >= 1
    if in_numbers != (stated.scale == 1):
        unit = "digital numbers" if in_numbers else "reflectance"
        at = f" at a scale of {stated.scale:g}" if stated.scale else ""
        doubts.append(f"{who} the offset {offset:g}{at}, which is taken as {unit}")
    reflectance = offset * (scale or QUANTIFICATION) if in_numbers else offset
    if abs(reflectance) > LARGEST_OFFSET:
        raise InputError(f"{who} the offset {offset:g}, which is impossible for reflectance", hint=_HINT)
    return scale, reflectance


def _offset(rule: Rule, stated: Mapping[str, float | None], doubts: list[str]) -> float:
    """Return the reflectance to add to all bands of an item.

    The order of trust: the user, the flag, what item or file state for all bands, the baseline.
    """
    full = BOA_ADD_OFFSET * QUANTIFICATION
    if rule.mode != "auto":
        return full if rule.mode == "apply" else 0.0
    if rule.applied:  # Earth Search v1 states -0.1 beside this flag, and taking it would subtract twice
        return 0.0
    values = sorted({round(value, 6) for value in stated.values() if value is not None})
    by_baseline = _offset_of_baseline(rule.baseline)
    if by_baseline is None:
        return _without_baseline(values, None in stated.values(), doubts)
    if values and values != [round(by_baseline, 6)]:
        flagged = rule.applied is False
        for_all = len(values) == 1 and None not in stated.values() and not flagged
        chosen = values[0] if for_all else by_baseline
        says = f"baseline {rule.baseline}" + (" and the flag boa_offset_applied: false" if flagged else "")
        shown = " and ".join(f"{value:g}" for value in values)
        doubts.append(f"the stated offset {shown} contradicts {says}: {chosen:g} is used; see --boa-offset")
        return chosen
    return by_baseline


def _without_baseline(values: list[float], some_are_silent: bool, doubts: list[str]) -> float:
    """Return the offset that is stated for the bands, where no baseline is known."""
    if not values:
        doubts.append("neither baseline nor offset is stated, so none is subtracted; see --boa-offset")
        return 0.0
    if len(values) > 1:
        shown = " and ".join(f"{value:g}" for value in values)
        raise InputError(f"its bands state the offsets {shown}, and no baseline says which is right", hint=_HINT)
    if some_are_silent:
        doubts.append(f"only one band states an offset, {values[0]:g}: it is used for both; see --boa-offset")
    if values[0] not in {0, BOA_ADD_OFFSET * QUANTIFICATION}:
        doubts.append(f"the stated offset is {values[0]:g}, where Sentinel-2 has 0 or -0.1; see --boa-offset")
    return values[0]


def _only_scaled(item: Stated, file: Stated) -> bool:
    """Return whether the file states a scale and neither file nor item an offset, so the offset may be 0."""
    return item.offset is None and file.offset is None and file.scale not in {None, 1}


def nodata_numbers(name: str, item: Stated, file: Stated, doubts: list[str]) -> tuple[int, ...]:
    """Return the digital numbers of pixels without data: the product's 0, and what item and file state besides."""
    numbers = [int(n) for n in (item.nodata, file.nodata) if n is not None and math.isfinite(n) and n == int(n)]
    if len(set(numbers)) > 1:
        doubts.append(
            f"item and file of {name} state different nodata numbers, {numbers[0]} and {numbers[1]}: both count"
        )
    return tuple(sorted({NODATA, *(n for n in numbers if 0 <= n < 1 << 16)}))


def _offset_of_baseline(baseline: str | None) -> float | None:
    if baseline is None:
        return None
    version = tuple(int(part) for part in baseline.split("."))
    return BOA_ADD_OFFSET * QUANTIFICATION if version >= OFFSET_SINCE else 0.0
