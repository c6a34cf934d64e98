"""Tell which product an item describes: Sentinel-2 Level-2A, of which processing baseline, on which grid."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from bai.errors import InputError
from bai.stac.itemtext import RIGHT_ITEMS

if TYPE_CHECKING:
    from bai.stac.itemtext import Asset, ItemText


LAST_MAJOR = 20
"""ESA's baselines are at 05.12 in 2025; 99.99 is what a user's own run of Sen2Cor writes."""


def require_level_2a(data: ItemText) -> None:
    """Raise InputError for a product that is not Sentinel-2 or is Level-1C (top of atmosphere)."""
    props = data.properties
    says = " ".join(filter(None, (props.constellation, props.platform, data.collection))).lower()
    if not re.search(r"sentinel[-_ ]?(s?2|2[a-d])\b|sentinel-2|\bs2[a-d]?_", says):
        raise InputError(
            f"item {data.name} is not Sentinel-2: platform {props.platform!r}, collection {data.collection!r}",
            hint=f"the severity classes and band names are Sentinel-2's: give Level-2A items of {RIGHT_ITEMS}",
        )
    names = (props.product_type, props.s2_product_type, props.uri, props.v0_product, data.collection, data.id)
    if re.search(r"MSI_?L?1C|[-_ ]L1C", " ".join(filter(None, names)), re.IGNORECASE):
        raise InputError(
            f"item {data.name} is Level-1C (top of atmosphere), not Level-2A",
            hint=f"give the Level-2A item of the same tile and time, from {RIGHT_ITEMS}",
        )


def baseline_of(data: ItemText) -> tuple[str | None, tuple[str, ...]]:
    """Return ESA's processing baseline such as `05.09`, None when unknown, and a warning for each doubt.

    A property of Sentinel-2 counts first, then `_N0509_` in a product name. `processing:version` may be the version of
    any processor, so it counts only where it has ESA's form and the item names no other software.
    """
    props, doubts = data.properties, []
    names = " ".join(filter(None, (props.uri, props.v0_product, data.id)))
    in_name = found[1] if (found := re.search(r"_(N\d{4})_", names)) else None
    stated = props.s2_baseline if props.s2_baseline is not None else props.v0_baseline
    by_name = parse_baseline(in_name)
    baseline = parse_baseline(stated)
    if stated is not None and baseline is None:
        doubts.append(f"the processing baseline {stated!r} is not understood")
    if baseline and by_name and baseline != by_name:
        doubts.append(f"the processing baseline is stated as {baseline}, and as {by_name} in the product's name")
    baseline = baseline or by_name
    if baseline and int(baseline[:2]) > LAST_MAJOR:
        doubts.append(f"the processing baseline {baseline} is not ESA's: a user's own run of Sen2Cor writes 99.99")
        baseline = None
    if baseline is None and props.version is not None:
        version = str(props.version)
        if re.fullmatch(r"N?0[2-9]\.?\d\d", version) and not _other_software(data):
            baseline = parse_baseline(version)
            doubts.append(f"processing:version {version} is taken as ESA's processing baseline; see --boa-offset")
        else:
            doubts.append(f"processing:version {version!r} is not ESA's processing baseline and does not count")
    return baseline, tuple(doubts)


def parse_baseline(stated: str | float | None) -> str | None:
    """Return a baseline written as 05.09, 5.9, N0509, 0509 or V05.09 as `05.09`; None when it is none of these."""
    text = f"{stated:.2f}" if isinstance(stated, float) and stated < 100 else str(stated)  # noqa: PLR2004 - 05.10 as a number is 5.1
    found = re.fullmatch(
        r"\s*[NV]?(\d{1,2})\.(\d{1,2})(?:\.\d+)?\s*|\s*[NV]?(\d{1,2})(\d{2})(?:\.0+)?\s*", text, re.IGNORECASE
    )
    if not found:
        return None
    major, minor = (found[1], found[2]) if found[1] else (found[3], found[4])
    return f"{int(major):02d}.{int(minor):02d}"


def _other_software(data: ItemText) -> bool:
    """Tell whether the item names a processor other than ESA's."""
    named = json.dumps([data.properties.software, data.properties.facility]).lower()
    return named != "[null, null]" and not re.search(r"\besa\b|sen2cor|pdgs|ipf|copernicus|sentinel-2 processor", named)


def epsg_of(data: ItemText, asset: Asset) -> int | None:
    """Return the EPSG code of `proj:code` (1.1) or `proj:epsg` (1.0), on the asset or on the item."""
    for says in (asset, data.properties):
        if says.code and says.code.upper().startswith("EPSG:") and says.code[5:].isdecimal():
            return int(says.code[5:])
        if says.epsg is not None:
            return says.epsg
    return None
