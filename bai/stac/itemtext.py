"""Read an item's JSON as the catalogues write it, STAC 1.0.0-beta to 1.1.

Only what is used is validated: the chosen assets and properties. Whatever else an item holds may have any form.
"""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field, ValidationError

from bai.errors import InputError, printable
from bai.radiometry import Stated

Band = Literal["nir", "swir2", "scl"]
RIGHT_ITEMS = "Earth Search v1 (sentinel-2-l2a), Planetary Computer (sentinel-2-l2a, signed) or CDSE"


def _text(value: object) -> object:
    """Accept a number as text; return None for any other type."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) else None


def _whole(value: object) -> object:
    """Take whole numbers, also as text; null for anything else."""
    return int(value) if isinstance(value, (int, str)) and str(value).strip().isdecimal() else None


def _version(value: object) -> object:
    """Take text and numbers as they are, since 5.1 as a number is 05.10; None for any other type."""
    return value if isinstance(value, (int, float, str)) and not isinstance(value, bool) else None


def _listed(value: object) -> object:
    """Take null for an empty list, and a null in a list for a band that states nothing."""
    return [{} if one is None else one for one in value or []] if value is None or isinstance(value, list) else value


LooseText = Annotated[str | None, BeforeValidator(_text)]
Version = Annotated[str | float | None, BeforeValidator(_version)]
LooseInt = Annotated[int | None, BeforeValidator(_whole)]


class BandInfo(BaseModel):
    """The radiometry of one band: the union of `raster:bands` (STAC 1.0) and `bands` (1.1)."""

    scale: float | None = None
    offset: float | None = None
    raster_scale: float | None = Field(None, alias="raster:scale")
    raster_offset: float | None = Field(None, alias="raster:offset")
    nodata: float | str | None = None


BandList = Annotated[list[BandInfo], BeforeValidator(_listed)]


class Asset(BaseModel):
    """An asset that is read: its file and radiometry, wherever a version of STAC or its raster extension has them."""

    href: str = Field(min_length=1)
    type: LooseText = None
    epsg: LooseInt = Field(None, alias="proj:epsg")
    code: LooseText = Field(None, alias="proj:code")
    raster_bands: BandList = Field([], alias="raster:bands")
    bands: BandList = []
    scale: float | None = Field(None, alias="raster:scale")
    offset: float | None = Field(None, alias="raster:offset")
    nodata: float | str | None = None
    alternate: Any = None

    def stated(self) -> Stated:
        """Return scale, offset and nodata as the asset states them."""
        scale, offset, nodata = self.scale, self.offset, self.nodata
        for info in (*self.bands[:1], *self.raster_bands[:1]):  # the last one that states something counts
            scale = next((v for v in (info.raster_scale, info.scale, scale) if v is not None), None)
            offset = next((v for v in (info.raster_offset, info.offset, offset) if v is not None), None)
            nodata = nodata if info.nodata is None else info.nodata
        return Stated(scale, offset, number(nodata))

    def alternates(self) -> list[str]:
        """Return the hrefs of the alternate-assets extension, which name the same file elsewhere."""
        others = self.alternate.values() if isinstance(self.alternate, dict) else self.alternate
        listed = others if isinstance(others, Iterable) and not isinstance(others, str) else ()
        hrefs = (other.get("href") if isinstance(other, dict) else other for other in listed)
        return [href for href in hrefs if isinstance(href, str) and href]


class Properties(BaseModel):
    """Properties about the product; every catalogue uses its own names for them."""

    datetime: dt.datetime | None = None
    start_datetime: dt.datetime | None = None
    platform: LooseText = None
    constellation: LooseText = None
    product_type: LooseText = Field(None, alias="product:type")
    s2_product_type: LooseText = Field(None, alias="s2:product_type")
    epsg: LooseInt = Field(None, alias="proj:epsg")
    code: LooseText = Field(None, alias="proj:code")
    s2_baseline: Version = Field(None, alias="s2:processing_baseline")
    v0_baseline: Version = Field(None, alias="sentinel:processing_baseline")
    version: Version = Field(None, alias="processing:version")
    uri: LooseText = Field(None, alias="s2:product_uri")
    v0_product: LooseText = Field(None, alias="sentinel:product_id")
    software: Any = Field(None, alias="processing:software")
    facility: Any = Field(None, alias="processing:facility")
    v1_applied: bool | None = Field(None, alias="earthsearch:boa_offset_applied")
    v0_applied: bool | None = Field(None, alias="sentinel:boa_offset_applied")


class ItemText(BaseModel):
    """The parts of an item that are read."""

    type: Literal["Feature"]
    stac_version: Annotated[str, BeforeValidator(_text)] = Field(pattern=r"^1(\.|$)")
    id: Annotated[str, BeforeValidator(_text)] = Field(min_length=1)
    collection: LooseText = None
    properties: Properties
    assets: dict[str, Any]
    links: Any = None

    @property
    def name(self) -> str:
        """The item's id, fit for one line."""
        return printable(self.id)

    def when(self) -> dt.datetime:
        """Return the sensing time in UTC, which is assumed where the item names no zone."""
        when = self.properties.datetime or self.properties.start_datetime
        if when is None:
            raise InputError(f"item {self.name} has neither datetime nor start_datetime", hint=_ONE_ITEM)
        try:
            return when.astimezone(dt.UTC) if when.tzinfo else when.replace(tzinfo=dt.UTC)
        except OverflowError as exc:
            raise InputError(f"item {self.name} has an impossible datetime: {when}", hint=_ONE_ITEM) from exc

    def asset(self, key: str) -> Asset:
        """Return one asset, validated.

        Raises:
            InputError: the asset is not as STAC describes assets.
        """
        try:
            return Asset.model_validate(self.assets[key])
        except ValidationError as exc:
            raise _invalid(exc, f"item {self.name}", ("assets", key)) from exc

    def self_link(self) -> str | None:
        """Return the href of the item's `self` link, where the item says that it lies."""
        links = self.links if isinstance(self.links, list) else ()
        hrefs = (link.get("href") for link in links if isinstance(link, dict) and link.get("rel") == "self")
        return next((href for href in hrefs if isinstance(href, str) and href), None)


_ONE_ITEM = "give one Sentinel-2 Level-2A item, such as a feature's `self` link of a search result"


def validate(text: bytes, name: str) -> ItemText:
    """Parse an item's text in UTF-8, UTF-16 or UTF-32, with or without a byte order mark.

    Args:
        text: The item's JSON.
        name: The item's reference, fit for a message.

    Raises:
        InputError: not JSON, or not a STAC Item; says the first thing that is wrong.
    """
    try:
        data = json.loads(text)
    except UnicodeDecodeError as exc:
        encoding = json.detect_encoding(text)
        raise InputError(f"{name} is not {encoding} text: {exc.reason}", hint="save the item as UTF-8") from exc
    except (ValueError, RecursionError) as exc:
        raise InputError(f"{name} is not JSON: {exc}", hint="give a STAC Item, not a web page or a raster") from exc
    try:
        return ItemText.model_validate(data)
    except ValidationError as exc:
        raise _invalid(exc, name, ()) from exc


def _invalid(exc: ValidationError, name: str, where: tuple[str, ...]) -> InputError:
    first = exc.errors(include_url=False)[0]
    place = printable(".".join(map(str, (*where, *first["loc"])))) or "item"
    got = f", not {str(first['input'])[:60]!r}" if first["type"] in {"literal_error", "string_pattern_mismatch"} else ""
    return InputError(f"{name} is not a STAC 1.0 or 1.1 Item: {place}: {first['msg']}{got}", hint=_ONE_ITEM)


def number(value: object) -> float | None:
    """Take a number, also as text; None for anything else, such as `nan` or null."""
    if not isinstance(value, (int, float, str)) or isinstance(value, bool):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None
