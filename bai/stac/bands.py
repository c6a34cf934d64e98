"""Find the assets of an item that hold the bands: by key, as the catalogues name them, else by the band's name."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from bai.errors import InputError, printable
from bai.stac.itemtext import RIGHT_ITEMS, number

if TYPE_CHECKING:
    from bai.stac.itemtext import Band, ItemText

KEYS: dict[Band, tuple[str, ...]] = {
    "nir": ("B08", "nir", "B08_10m", "B8"),
    "swir2": ("B12", "swir22", "B12_20m"),
    "scl": ("SCL", "SCL_20m"),
}
"""Asset keys, in any case: Earth Search v0, Planetary Computer and DE Africa; Earth Search v1 and c1; CDSE."""
NAMES: dict[Band, tuple[str, ...]] = {"nir": ("nir", "b08", "b8"), "swir2": ("swir22", "b12"), "scl": ("scl",)}
"""Common names and names of bands, in lower case."""


def require_key(data: ItemText, band: Band) -> str:
    """Return the key of a band's asset.

    Raises:
        InputError: there is none; the message lists the keys that there are.
    """
    key = find_key(data, band)
    if key is None:
        keys = printable(", ".join(sorted(data.assets))) or "none"
        stores = [
            key for key in data.assets if "zarr" in f"{_field(data, key, 'href')} {_field(data, key, 'type')}".lower()
        ]
        zarr = "; its Zarr stores are not read" if stores else ""
        raise InputError(
            f"item {data.name} has no asset for {band} ({', '.join(KEYS[band])}): its keys are {keys}{zarr}",
            hint=f"give a Level-2A item with B08 and B12 as GeoTIFF or JPEG 2000, from {RIGHT_ITEMS}",
        )
    return key


def find_key(data: ItemText, band: Band) -> str | None:
    """Find a band by asset key, then by the name of its band: the finest asset, a JPEG 2000 twin last.

    Zarr stores are passed over, because a file in another format may hold the same band.
    """
    readable = [key for key, asset in data.assets.items() if isinstance(asset, dict) and not is_zarr(data, key)]
    by_key = {key.lower(): key for key in reversed(readable)}
    for key in KEYS[band]:
        if key.lower() in by_key:
            return by_key[key.lower()]
    named = [key for key in readable if _band_names(data, key) & set(NAMES[band])]

    def rank(key: str) -> tuple[bool, float, str]:
        gsd = number(_field(data, key, "gsd"))
        return "jp2" in str(_field(data, key, "type") or key), math.inf if gsd is None else gsd, key

    return min(named, key=rank, default=None)


def is_zarr(data: ItemText, key: str) -> bool:
    """Tell whether an asset is a Zarr store or a part of one."""
    return "zarr" in f"{_field(data, key, 'href')} {_field(data, key, 'type')}".lower()


def _field(data: ItemText, key: str, name: str) -> object:
    asset = data.assets[key]
    return asset.get(name) if isinstance(asset, dict) else None


def _band_names(data: ItemText, key: str) -> set[str]:
    """Return the names of the band of a one-band asset, in lower case; none for composites."""
    bands = _field(data, key, "eo:bands") or _field(data, key, "bands")
    if not isinstance(bands, list) or len(bands) != 1 or not isinstance(bands[0], dict):
        return set()
    names = (bands[0].get(name) for name in ("common_name", "eo:common_name", "name"))
    return {name.lower() for name in names if isinstance(name, str)}
