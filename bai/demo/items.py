"""Make the items of the demo's scene in the form of five catalogues; all of them describe the same pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Catalogue = Literal["earth-search-v0", "earth-search-v1", "earth-search-c1", "planetary-computer", "cdse"]
CATALOGUES: tuple[Catalogue, ...] = (
    "earth-search-v0",
    "earth-search-v1",
    "earth-search-c1",
    "planetary-computer",
    "cdse",
)
EPSG = 32610
TILE = "10TFK"
ORIGIN = (600000, 4500000)
"""Easting and northing of the tile's upper left corner, in metres."""
RAW_OFFSET = 1000
"""Added to the digital numbers where the catalogue serves files as ESA made them (baseline 04.00 and later)."""
SHIFTED: tuple[Catalogue, ...] = ("earth-search-v0", "earth-search-v1")
"""Catalogues whose files no longer contain the offset."""

_PROJECTION = "https://stac-extensions.github.io/projection/"
_RASTER = "https://stac-extensions.github.io/raster/v1.1.0/schema.json"
_GEOTIFF = "image/tiff; application=geotiff; profile=cloud-optimized"
_KEYS = {
    "earth-search-v0": ("B08", "B12", "SCL"),
    "earth-search-v1": ("nir", "swir22", "scl"),
    "earth-search-c1": ("nir", "swir22", "scl"),
    "planetary-computer": ("B08", "B12", "SCL"),
    "cdse": ("B08_10m", "B12_20m", "SCL_20m"),
}
_COLLECTIONS = {"earth-search-v0": "sentinel-s2-l2a-cogs", "earth-search-c1": "sentinel-2-c1-l2a"}


@dataclass(frozen=True, slots=True)
class Acquisition:
    """One date of the demo."""

    satellite: str
    """`S2A` or `S2B`."""
    datetime: str
    """RFC 3339, UTC."""

    @property
    def id(self) -> str:
        """The item's id, as Earth Search makes it."""
        return f"{self.satellite}_{TILE}_{self.datetime[:10].replace('-', '')}_0_L2A"

    @property
    def product(self) -> str:
        """The name of ESA's product, baseline 05.00."""
        time = self.datetime[:19].replace("-", "").replace(":", "")
        return f"{self.satellite}_MSIL2A_{time}_N0500_R013_T{TILE}_{time}"


PRE = Acquisition("S2B", "2021-07-13T19:03:24Z")
POST = Acquisition("S2A", "2021-07-18T19:03:26Z")


def make_item(
    date: Acquisition, catalogue: Catalogue, *, size: int, hrefs: tuple[str, str, str], bbox: list[float]
) -> dict[str, Any]:
    """Make one item.

    Args:
        date: The date before or after the fire.
        catalogue: The catalogue whose form the item has.
        size: Pixels of 10 m along each side.
        hrefs: Of B08, B12 and SCL.
        bbox: West, south, east, north in degrees.
    """
    west, south, east, north = bbox
    assets = {
        key: _asset(catalogue, band, href, size)
        for key, band, href in zip(_KEYS[catalogue], ("B08", "B12", "SCL"), hrefs, strict=True)
    }
    version = {"earth-search-v0": "1.0.0-beta.2", "cdse": "1.1.0"}.get(catalogue, "1.0.0")
    return {
        "type": "Feature",
        "stac_version": version,
        "stac_extensions": _extensions(catalogue),
        "id": date.product if catalogue in {"planetary-computer", "cdse"} else date.id,
        "collection": _COLLECTIONS.get(catalogue, "sentinel-2-l2a"),
        "geometry": {
            "type": "Polygon",
            "coordinates": [[[west, south], [east, south], [east, north], [west, north], [west, south]]],
        },
        "bbox": bbox,
        "properties": _properties(date, catalogue),
        "links": [],
        "assets": assets,
    }


def _extensions(catalogue: Catalogue) -> list[str]:
    if catalogue == "earth-search-v0":
        return ["eo", "view", "proj"]
    if catalogue == "cdse":
        return [f"{_PROJECTION}v2.0.0/schema.json", "https://stac-extensions.github.io/raster/v2.0.0/schema.json"]
    raster = [] if catalogue == "planetary-computer" else [_RASTER]
    return [f"{_PROJECTION}v1.1.0/schema.json", *raster]


def _properties(date: Acquisition, catalogue: Catalogue) -> dict[str, Any]:
    """Return the properties; Earth Search v0 and v1 have a flag which says that the files contain no offset."""
    mission = f"sentinel-2{date.satellite[-1].lower()}"
    common = {"datetime": date.datetime, "platform": mission, "constellation": "sentinel-2", "instruments": ["msi"]}
    own: dict[Catalogue, dict[str, Any]] = {
        "earth-search-v0": {
            "sentinel:product_id": date.product,
            "sentinel:boa_offset_applied": True,
            "proj:epsg": EPSG,
        },
        "earth-search-v1": {
            "s2:processing_baseline": "05.00",
            "earthsearch:boa_offset_applied": True,
            "proj:epsg": EPSG,
            "grid:code": f"MGRS-{TILE}",
        },
        "earth-search-c1": {"s2:processing_baseline": "05.00", "proj:epsg": EPSG, "grid:code": f"MGRS-{TILE}"},
        "planetary-computer": {
            "platform": f"Sentinel-2{date.satellite[-1]}",
            "constellation": "Sentinel 2",
            "s2:processing_baseline": "05.00",
            "s2:product_uri": f"{date.product}.SAFE",
            "proj:epsg": EPSG,
        },
        "cdse": {"processing:version": "05.00", "processing:level": "L2", "product:type": "S2MSI2A"},
    }
    return common | own[catalogue]


def _asset(catalogue: Catalogue, band: str, href: str, size: int) -> dict[str, Any]:
    """Return an asset. Earth Search v1 declares the offset although its files do not need one."""
    gsd = 10 if band == "B08" else 20
    pixels = size * 10 // gsd
    asset: dict[str, Any] = {
        "href": href,
        "type": _GEOTIFF,
        "roles": ["data"],
        "proj:shape": [pixels, pixels],
        "proj:transform": [gsd, 0, ORIGIN[0], 0, -gsd, ORIGIN[1]],
    }
    name = {"B08": "nir", "B12": "swir22"}.get(band)
    if catalogue == "cdse":
        asset |= {"proj:code": f"EPSG:{EPSG}", "gsd": gsd, "nodata": 0, "data_type": "uint16" if name else "uint8"}
        if name:
            asset |= {"raster:scale": 1e-4, "raster:offset": -0.1, "roles": ["data", "reflectance"]}
            asset["bands"] = [{"name": band, "eo:common_name": name}]
    elif name and catalogue != "earth-search-v0":
        asset["eo:bands"] = [{"name": name if catalogue.startswith("earth") else band, "common_name": name}]
        if catalogue != "planetary-computer":
            asset["raster:bands"] = [{"nodata": 0, "data_type": "uint16", "scale": 1e-4, "offset": -0.1}]
    return asset
