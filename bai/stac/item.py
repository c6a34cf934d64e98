"""STAC Item -> `Item` with its three `Source`s: which files, and how their numbers become reflectance. No pixels."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from bai.stac import href as hrefs
from bai.stac import itemtext

if TYPE_CHECKING:
    import datetime as dt

    from bai.stac.itemtext import Band

log = logging.getLogger(__name__)

BoaOffset = Literal["auto", "apply", "none"]

QUANTIFICATION = 1e-4
"""Reflectance per digital number (QUANTIFICATION_VALUE 10000 of every Level-2A product)."""
BOA_ADD_OFFSET = -1000
"""Digital numbers to add before scaling, in products of processing baseline 04.00 and later (ESA, 25 January 2022)."""
OFFSET_SINCE = (4, 0)
NODATA = 0
"""Digital number that means "no data" in every Level-2A band and in SCL."""


@dataclass(frozen=True, slots=True)
class Source:
    """One band of an item: where it is and what its numbers mean."""

    band: Band
    key: str
    """The asset's key in the item."""
    href: str
    """An http(s) URL or an absolute path."""
    scale: float
    """Reflectance per digital number; 1 for SCL."""
    offset: float
    """Reflectance to add after scaling; 0 for SCL."""
    nodata: int
    """The digital number that means "no data", tested before scaling."""


@dataclass(frozen=True, slots=True)
class Item:
    """A Sentinel-2 Level-2A item: what the application needs of it."""

    id: str
    href: str
    """Where it was read: an http(s) URL or an absolute path."""
    collection: str | None
    datetime: dt.datetime
    """Sensing time in UTC."""
    platform: str | None
    baseline: str | None
    """Processing baseline such as `05.09`; None when the item does not say."""
    bbox: tuple[float, float, float, float]
    """West, south, east, north in degrees (WGS 84)."""
    nir: Source
    swir2: Source
    scl: Source | None
    epsg: int | None = None
    """The grid's EPSG code as the item declares it; the raster's own one counts."""
    product: str | None = None
    """Name of ESA's product, such as `S2A_MSIL2A_20210718T190321_...`; None when the item does not say."""
    warnings: tuple[str, ...] = ()
    """What to know about the item before trusting its map."""


def load_item(ref: str, *, boa_offset: BoaOffset = "auto", timeout_s: float = hrefs.TIMEOUT_S) -> Item:
    """Read a Sentinel-2 Level-2A item and say where its bands are and what their numbers mean.

    Args:
        ref: http(s) URL, `file://` URL or path of the item's JSON.
        boa_offset: See `radiometric_offset`.
        timeout_s: Seconds for one answer of the server.

    Raises:
        InputError: not there, not JSON, not an Item, not Sentinel-2 Level-2A, a band missing, or an href that must
            not be opened.
        TemporaryError: the server cannot be reached, hangs, or keeps saying "later".
    """
    href = hrefs.normalise(ref)
    return parse_item(hrefs.read_text(href, timeout_s=timeout_s), href, boa_offset=boa_offset)


def parse_item(text: bytes, href: str, *, boa_offset: BoaOffset = "auto") -> Item:
    """Parse an item's JSON; `href` is where it came from, absolute. Errors as `load_item`."""
    data = itemtext.validate(text, hrefs.public(href))
    props = data.properties
    itemtext.require_level_2a(data)
    baseline = itemtext.baseline_of(data)
    applied = props.v1_applied if props.v1_applied is not None else props.v0_applied

    def source(band: Band, key: str) -> Source:
        asset = data.assets[key]
        where = hrefs.resolve(asset.href, href, f"asset {key!r} of item {data.id}")
        scale, offset, nodata = asset.declared()
        if band == "scl":
            return Source(band, key, where, 1.0, 0.0, _nodata(nodata))
        scale = scale if scale and math.isfinite(scale) and scale > 0 else QUANTIFICATION
        offset = radiometric_offset(boa_offset, applied=applied, declared=offset, baseline=baseline, scale=scale)
        return Source(band, key, where, scale, offset, _nodata(nodata))

    nir, swir2, scl = (
        itemtext.require_key(data, "nir"),
        itemtext.require_key(data, "swir2"),
        itemtext.find_key(data, "scl"),
    )
    if boa_offset == "auto" and baseline is None and applied is None and data.assets[nir].declared()[1] is None:
        log.warning("item %s says neither baseline nor offset: taken as before 04.00; see --boa-offset", data.id)
    return Item(
        id=data.id, href=href, collection=data.collection, datetime=data.when(),
        platform=props.platform, baseline=baseline, bbox=data.box(),
        nir=source("nir", nir), swir2=source("swir2", swir2), scl=source("scl", scl) if scl else None,
        epsg=itemtext.epsg_of(data, data.assets[nir]), product=props.uri or props.v0_product,
    )  # fmt: skip


def radiometric_offset(
    mode: BoaOffset,
    *,
    applied: bool | None,
    declared: float | None,
    baseline: str | None,
    scale: float = QUANTIFICATION,
) -> float:
    """Return the reflectance to add after scaling: the offset trap of Sentinel-2, in one place.

    The flag beats the declaration: Earth Search v1 items say `boa_offset_applied: true` (the files are already shifted)
    and declare the offset -0.1 at the same time, so applying it would subtract twice. Without a flag the declaration is
    right (Earth Search c1, CDSE); without either the processing baseline decides, never the date, because old scenes
    are reprocessed.

    Args:
        mode: `auto` by the rule above; `apply` or `none` where the user knows that the item is wrong.
        applied: The item's boa_offset_applied flag; None without one.
        declared: The asset's declared offset in reflectance; None without one.
        baseline: Processing baseline such as `04.00`; None when unknown (no offset then).
        scale: Reflectance per digital number.
    """
    full = BOA_ADD_OFFSET * scale
    if mode != "auto":
        return full if mode == "apply" else 0.0
    if applied:
        return 0.0
    if applied is None and declared is not None and math.isfinite(declared):
        return declared
    return full if baseline and _version(baseline) >= OFFSET_SINCE else 0.0


def _version(baseline: str) -> tuple[int, ...]:
    return tuple(int(part) for part in baseline.split("."))


def _nodata(declared: float | str | None) -> int:
    """Return the declared nodata where it is a number that uint16 can hold, else the product's 0."""
    return int(declared) if isinstance(declared, (int, float)) and declared in range(1 << 16) else NODATA
