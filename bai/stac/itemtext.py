"""An item's JSON as the catalogues write it: the models of the outside text, and where each of them keeps what we need.

STAC 1.0.0-beta to 1.1 of Earth Search v0, v1 and c1, Planetary Computer and CDSE.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from typing import Literal, Self

from pydantic import BaseModel, Field, ValidationError, model_validator

from bai.errors import InputError

Band = Literal["nir", "swir2", "scl"]

KEYS: dict[Band, tuple[str, ...]] = {
    "nir": ("B08", "nir", "B08_10m"),
    "swir2": ("B12", "swir22", "B12_20m"),
    "scl": ("SCL", "scl", "SCL_20m"),
}
"""Asset keys in order: Earth Search v0 and Planetary Computer, Earth Search v1 and c1, CDSE."""
COMMON_NAMES: dict[Band, str] = {"nir": "nir", "swir2": "swir22", "scl": "scl"}


class BandInfo(BaseModel):
    """One band of an asset: the union of `eo:bands`, `raster:bands` (STAC 1.0) and `bands` (1.1)."""

    common_name: str | None = None
    eo_common_name: str | None = Field(None, alias="eo:common_name")
    scale: float | None = None
    offset: float | None = None
    raster_scale: float | None = Field(None, alias="raster:scale")
    raster_offset: float | None = Field(None, alias="raster:offset")
    nodata: float | str | None = None


class Asset(BaseModel):
    """An asset: its bands and radiometry, wherever the versions of STAC and its raster extension put them."""

    href: str = Field(min_length=1)
    type: str | None = None
    gsd: float | None = None
    epsg: int | None = Field(None, alias="proj:epsg")
    code: str | None = Field(None, alias="proj:code")
    eo_bands: list[BandInfo] = Field([], alias="eo:bands")
    raster_bands: list[BandInfo] = Field([], alias="raster:bands")
    bands: list[BandInfo] = []
    scale: float | None = Field(None, alias="raster:scale")
    offset: float | None = Field(None, alias="raster:offset")
    nodata: float | str | None = None

    def common_name(self) -> str | None:
        """Return the common name of a one-band asset; None for composites."""
        named = self.eo_bands or self.bands
        return (named[0].common_name or named[0].eo_common_name) if len(named) == 1 else None

    def declared(self) -> tuple[float | None, float | None, float | str | None]:
        """Return (scale, offset, nodata) as the asset declares them; None where it is silent."""
        scale, offset, nodata = self.scale, self.offset, self.nodata
        for info in (self.raster_bands or self.bands)[:1]:
            scale = next((v for v in (info.raster_scale, info.scale, scale) if v is not None), None)
            offset = next((v for v in (info.raster_offset, info.offset, offset) if v is not None), None)
            nodata = nodata if info.nodata is None else info.nodata
        return scale, offset, nodata


class Properties(BaseModel):
    """What the catalogues say about the product, each under its own names."""

    datetime: dt.datetime | None = None
    start_datetime: dt.datetime | None = None
    platform: str | None = None
    constellation: str | None = None
    product_type: str | None = Field(None, alias="product:type")
    s2_product_type: str | None = Field(None, alias="s2:product_type")
    epsg: int | None = Field(None, alias="proj:epsg")
    code: str | None = Field(None, alias="proj:code")
    s2_baseline: str | None = Field(None, alias="s2:processing_baseline")
    v0_baseline: str | None = Field(None, alias="sentinel:processing_baseline")
    version: str | None = Field(None, alias="processing:version")
    uri: str | None = Field(None, alias="s2:product_uri")
    v0_product: str | None = Field(None, alias="sentinel:product_id")
    v1_applied: bool | None = Field(None, alias="earthsearch:boa_offset_applied")
    v0_applied: bool | None = Field(None, alias="sentinel:boa_offset_applied")


class ItemText(BaseModel):
    """The parts of an item that we read; whatever else it has is left alone."""

    type: Literal["Feature"]
    stac_version: str = Field(pattern=r"^1\.[01](\.|$)")
    id: str = Field(min_length=1)
    collection: str | None = None
    bbox: list[float]
    properties: Properties
    assets: dict[str, Asset]

    @model_validator(mode="after")
    def _check(self) -> Self:
        if len(self.bbox) not in {4, 6} or not all(map(math.isfinite, self.bbox)):
            raise ValueError(f"bbox has {len(self.bbox)} numbers, not 4 (or 6) finite ones")
        if self.properties.datetime is None and self.properties.start_datetime is None:
            raise ValueError("properties have neither datetime nor start_datetime")
        return self

    def box(self) -> tuple[float, float, float, float]:
        """Return west, south, east, north in degrees, without heights."""
        half = len(self.bbox) // 2
        return self.bbox[0], self.bbox[1], self.bbox[half], self.bbox[half + 1]

    def when(self) -> dt.datetime:
        """Return the sensing time, in UTC where the item names no zone."""
        when = self.properties.datetime or self.properties.start_datetime
        if when is None:
            raise AssertionError("validated before")
        return when.astimezone(dt.UTC) if when.tzinfo else when.replace(tzinfo=dt.UTC)


def validate(text: bytes, name: str) -> ItemText:
    """Parse an item's text.

    Raises:
        InputError: not JSON, or not a STAC Item; says the first thing that is wrong. `name` is the item's reference.
    """
    try:
        return ItemText.model_validate_json(text)
    except ValidationError as exc:
        first = exc.errors(include_url=False)[0]
    if first["type"] == "json_invalid":
        why = first["msg"].partition(": ")[2]
        raise InputError(f"{name} is not JSON: {why}", hint="give a STAC Item, not a web page or a raster")
    where = ".".join(map(str, first["loc"])) or "item"
    got = f", not {str(first['input'])[:60]!r}" if first["type"] in {"literal_error", "string_pattern_mismatch"} else ""
    raise InputError(
        f"{name} is not a STAC 1.0 or 1.1 Item: {where}: {first['msg']}{got}",
        hint="give one Sentinel-2 Level-2A item, such as a feature's `self` link of a search result",
    )


def require_level_2a(data: ItemText) -> None:
    """Refuse what is not Sentinel-2, and top-of-atmosphere Level-1C."""
    props = data.properties
    says = " ".join(filter(None, (props.constellation, props.platform, data.collection))).lower()
    if not re.search(r"sentinel-?(s?2|2[a-d])\b|sentinel-2|\bs2[a-d]?_", says):
        raise InputError(
            f"item {data.id} is not Sentinel-2: platform {props.platform!r}, collection {data.collection!r}",
            hint="give Sentinel-2 Level-2A items: the severity classes and the band names are theirs",
        )
    names = (props.product_type, props.s2_product_type, props.uri, props.v0_product, data.collection, data.id)
    if re.search(r"MSI_?L?1C|[-_ ]L1C", " ".join(filter(None, names)), re.IGNORECASE):
        raise InputError(
            f"item {data.id} is Level-1C (top of atmosphere), not Level-2A",
            hint="give the Level-2A item of the same tile and time",
        )


def require_key(data: ItemText, band: Band) -> str:
    """Return the key of a band's asset; an InputError that lists the keys when there is none."""
    key = find_key(data, band)
    if key is None:
        keys = ", ".join(sorted(data.assets)) or "none"
        raise InputError(
            f"item {data.id} has no asset for {band} ({', '.join(KEYS[band])}): its keys are {keys}",
            hint="give a Level-2A item with B08 and B12",
        )
    return key


def find_key(data: ItemText, band: Band) -> str | None:
    """Find a band by asset key, then by common name: the finest asset of one band, a jp2 twin (requester pays) last."""
    for key in KEYS[band]:
        if key in data.assets:
            return key
    named = [k for k, a in data.assets.items() if a.common_name() == COMMON_NAMES[band]]

    def rank(key: str) -> tuple[bool, float, str]:
        asset = data.assets[key]
        return "jp2" in (asset.type or key), asset.gsd or math.inf, key

    return min(named, key=rank, default=None)


def baseline_of(data: ItemText) -> str | None:
    """Return the processing baseline: a property of its own, else `_N0301_` in a product name."""
    props = data.properties
    for says in (props.s2_baseline, props.v0_baseline, props.version):
        if says and re.fullmatch(r"\d{1,2}\.\d{1,2}", says):
            return says
    names = " ".join(filter(None, (props.uri, props.v0_product, data.id)))
    found = re.search(r"_N(\d\d)(\d\d)_", names)
    return f"{found[1]}.{found[2]}" if found else None


def epsg_of(data: ItemText, asset: Asset) -> int | None:
    """Return the EPSG code of `proj:code` (1.1) or `proj:epsg` (1.0), on the asset or on the item."""
    for says in (asset, data.properties):
        if says.code and says.code.upper().startswith("EPSG:") and says.code[5:].isdecimal():
            return int(says.code[5:])
        if says.epsg is not None:
            return says.epsg
    return None
