"""Read a STAC Item into an `Item`: the files of its three bands, and their stated scale, offset and nodata."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from bai.errors import InputError
from bai.radiometry import AUTO, NODATA, QUANTIFICATION, SILENT, BoaOffset, Rule, Stated, decide, nodata_numbers
from bai.stac import bands, fetch, itemtext, product
from bai.stac import href as hrefs

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from bai.stac.itemtext import Asset, Band

__all__ = ["BoaOffset", "Item", "Source", "load_item", "parse_item", "with_radiometry"]


@dataclass(frozen=True, slots=True)
class Source:
    """One band of an item: where its file is, and what the numbers in the file mean."""

    band: Band
    key: str
    """The asset's key in the item."""
    href: str = field(repr=False)
    """An http(s) URL, with user and password where they are needed, or an absolute path."""
    scale: float = QUANTIFICATION
    """Reflectance per digital number; 1 for SCL."""
    offset: float = 0.0
    """Reflectance to add after scaling; 0 for SCL."""
    nodata: tuple[int, ...] = (NODATA,)
    """Digital numbers of pixels without data, tested before scaling."""
    stated: Stated = SILENT
    """What the item states, before the file is known."""
    alternates: tuple[str, ...] = field(default=(), repr=False)
    """Where else the same file is, as `href`; tried in order when it cannot be read there."""


@dataclass(frozen=True, slots=True)
class Item:
    """The parts of a Sentinel-2 Level-2A item that the application needs."""

    id: str
    """The item's id, with control characters escaped."""
    href: str = field(repr=False)
    """Where it was read: an http(s) URL, with user and password where they are needed, or an absolute path."""
    collection: str | None
    datetime: dt.datetime
    """Sensing time in UTC."""
    platform: str | None
    baseline: str | None
    """Processing baseline such as `05.09`; None when the item does not say."""
    nir: Source
    swir2: Source
    scl: Source | None
    epsg: int | None = None
    """The grid's EPSG code as the item declares it; the raster's own one counts."""
    product: str | None = None
    """Name of ESA's product, such as `S2A_MSIL2A_20210718T190321_...`; None when the item does not say."""
    rule: Rule = AUTO
    """What decides about the offset beside the bands' own statements."""
    warnings: tuple[str, ...] = ()
    """What to know about the item before trusting its map."""

    @property
    def sources(self) -> tuple[Source, ...]:
        """The item's sources: NIR, SWIR2, and SCL where there is one."""
        return (self.nir, self.swir2) if self.scl is None else (self.nir, self.swir2, self.scl)


def load_item(ref: str, *, boa_offset: BoaOffset = "auto", timeout_s: float = fetch.TIMEOUT_S) -> Item:
    """Read a Sentinel-2 Level-2A item and find where its bands are.

    Args:
        ref: http(s) URL, `file://` URL or path of the item's JSON.
        boa_offset: See `bai.radiometry.Rule`.
        timeout_s: Seconds for one answer of the server.

    Raises:
        InputError: not found, not JSON, not an Item, not Sentinel-2 Level-2A, a band missing, or an href that must
            not be opened.
        TemporaryError: the server cannot be reached, hangs, or keeps asking to try again later.
    """
    href = hrefs.normalise(ref)
    text = fetch.read_text(href, timeout_s=timeout_s)
    return parse_item(text.body, href, moved_to=text.moved_to, boa_offset=boa_offset)


def parse_item(body: bytes, href: str, *, moved_to: str | None = None, boa_offset: BoaOffset = "auto") -> Item:
    """Parse an item's JSON.

    Args:
        body: The JSON.
        href: Where the item was asked for, absolute.
        moved_to: The final URL when the server redirected the request.
        boa_offset: See `bai.radiometry.Rule`.

    Raises:
        InputError: as `load_item`.
    """
    data = itemtext.validate(body, hrefs.public(href))
    props = data.properties
    product.require_level_2a(data)
    baseline, doubts = product.baseline_of(data)
    bases = hrefs.bases(href, moved_to, data.self_link())
    keys: dict[Band, str] = {"nir": bands.require_key(data, "nir"), "swir2": bands.require_key(data, "swir2")}
    if scl := bands.find_key(data, "scl"):
        keys["scl"] = scl
    assets = {band: data.asset(key) for band, key in keys.items()}

    def source(band: Band) -> Source:
        key, asset = keys[band], assets[band]
        where = _places(asset, bases, f"asset {key!r} of item {data.name}")
        return Source(band, key, where[0], stated=asset.stated(), alternates=where[1:])

    item = Item(
        id=data.name, href=moved_to or href, collection=data.collection, datetime=data.when(),
        platform=props.platform, baseline=baseline,
        nir=source("nir"), swir2=source("swir2"), scl=source("scl") if "scl" in keys else None,
        epsg=product.epsg_of(data, assets["nir"]), product=props.uri or props.v0_product,
        rule=Rule(boa_offset, props.v1_applied if props.v1_applied is not None else props.v0_applied, baseline),
        warnings=() if boa_offset != "auto" else tuple(f"item {data.name}: {doubt}" for doubt in doubts),
    )  # fmt: skip
    return with_radiometry(item, {})[0]


def _places(asset: Asset, bases: tuple[str, ...], what: str) -> tuple[str, ...]:
    """Return where an asset's file may be, the best place first.

    Raises:
        InputError: every href is one that must not or cannot be opened; the error is that of the asset's own href.
    """
    places: list[str] = []
    refused: list[InputError] = []
    for href in (asset.href, *asset.alternates()):
        for base in bases if hrefs.is_relative(href) else bases[-1:]:
            try:
                places.append(place := hrefs.resolve(href, base, what))
                places += hrefs.signed_like(place, base)
            except InputError as exc:
                refused.append(exc)
    if not places:
        raise refused[0]
    return tuple(dict.fromkeys(places))


def with_radiometry(item: Item, files: Mapping[Source, Stated]) -> tuple[Item, tuple[str, ...]]:
    """Decide what the numbers of an item's bands mean.

    Args:
        item: The item.
        files: What each source's file states; nothing for a source that is left out.

    Returns:
        The item with scale, offset and nodata of its sources, and a warning for each doubt.

    Raises:
        InputError: what item and files state cannot be.
    """
    stated = {source: (source.stated, files.get(source, SILENT)) for source in item.sources}
    try:
        meanings, doubts = decide(item.rule, {s.band: both for s, both in stated.items() if s.band != "scl"})
    except InputError as exc:
        raise InputError(f"item {item.id}: {exc}", hint=exc.hint) from exc

    def complete(source: Source) -> Source:
        meaning = meanings[source.band]
        return replace(source, scale=meaning.scale, offset=meaning.offset, nodata=meaning.nodata)

    scl = item.scl and replace(item.scl, scale=1.0, nodata=nodata_numbers("scl", *stated[item.scl], []))
    filled = replace(item, nir=complete(item.nir), swir2=complete(item.swir2), scl=scl)
    return filled, tuple(f"item {item.id}: {doubt}" for doubt in doubts)
