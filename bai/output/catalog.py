"""Write the STAC catalogue of a run: `catalog.json`, and one STAC 1.1 Item beside it, `bai.json`."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rasterio.crs import CRS
from rasterio.warp import transform

from bai import __version__
from bai.nbr import HISTOGRAM_LOWER, HISTOGRAM_UPPER, SEVERITY_CLASSES, SEVERITY_NODATA
from bai.output.report import checksum, crs_code, utc, write_json
from bai.stac.href import is_remote, public

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bai.grid import Grid
    from bai.output.report import Report
    from bai.stac.item import Item

STAC_VERSION = "1.1.0"
ITEM, CATALOG = "bai.json", "catalog.json"
EXTENSIONS = [
    f"https://stac-extensions.github.io/{name}/schema.json"
    for name in ("projection/v2.0.0", "raster/v2.0.0", "processing/v1.2.0", "file/v2.1.0", "classification/v2.0.0")
]
_COG = "image/tiff; application=geotiff; profile=cloud-optimized"
_WGS84 = CRS.from_epsg(4326)
HALF_TURN = 180.0
"""Longitude of the antimeridian, in degrees."""
_EDGE_POINTS = 8
"""Points along an edge of the footprint: a straight line of the grid is not one in degrees."""


def write(directory: Path, report: Report, valid: NDArray[np.bool_]) -> None:
    """Write the item, then the catalogue.

    Args:
        directory: Where the files of the run are.
        report: The finished run.
        valid: Where the map has values, shape (rows, cols), decimated evenly from the grid; for the footprint.

    Raises:
        OSError: the disk.
    """
    item = make_item(report, footprint(valid, report.grid))
    for asset in item["assets"].values():
        path = directory / asset["href"]
        asset |= {"file:size": path.stat().st_size, "file:checksum": checksum(path)}
    write_json(directory / ITEM, item)
    write_json(
        directory / CATALOG,
        {
            "type": "Catalog",
            "stac_version": STAC_VERSION,
            "id": "bai",
            "title": "Burned area intensity",
            "description": f"Burned area intensity from {report.pre.id} and {report.post.id}.",
            "links": [
                _link("root", CATALOG, "application/json"),
                _link("item", ITEM, "application/geo+json"),
            ],
        },
    )


def make_item(report: Report, geometry: dict[str, Any]) -> dict[str, Any]:
    """Make the item, without the sizes and checksums of its assets."""
    grid, index = report.grid, report.parameters["index"]
    first, last = sorted((report.pre.datetime, report.post.datetime))
    west, south, east, north = grid.bounds
    return {
        "type": "Feature",
        "stac_version": STAC_VERSION,
        "stac_extensions": EXTENSIONS,
        "id": re.sub(r"[^\w.-]", "_", f"{index}_{report.pre.id}_{report.post.id}"),
        "geometry": geometry,
        "bbox": bounding_box(geometry),
        "properties": {
            "title": "Burned area intensity",
            "datetime": None,
            "start_datetime": utc(first),
            "end_datetime": utc(last),
            "created": utc(report.created),
            "constellation": "sentinel-2",
            "gsd": abs(grid.transform.a),
            "proj:code": crs_code(grid),
            **({} if crs_code(grid) else {"proj:wkt2": grid.crs.to_wkt(version="WKT2_2019")}),
            "proj:shape": [grid.shape.rows, grid.shape.cols],
            "proj:transform": list(grid.transform)[:6],
            "proj:bbox": [west, south, east, north],
            "processing:level": "L3",
            "processing:lineage": f"{index} of B08 and B12 of two Sentinel-2 Level-2A items",
            "processing:software": {"bai": __version__},
            "bai:burned_ha": report.areas.burned_ha,
            "bai:masked_share": report.areas.masked_share,
        },
        "links": [
            _link("root", CATALOG, "application/json"),
            _link("parent", CATALOG, "application/json"),
            *(_derived_from(one) for one in (report.pre, report.post)),
        ],
        "assets": _assets(report),
    }


def _assets(report: Report) -> dict[str, dict[str, Any]]:
    index = report.parameters["index"]
    label = {"dnbr": "Difference of the Normalized Burn Ratio", "rbr": "Relativized Burn Ratio"}[index]
    histogram = {
        "count": len(report.histogram),
        "min": HISTOGRAM_LOWER,
        "max": HISTOGRAM_UPPER,
        "buckets": list(report.histogram),
    }
    classes = [
        {
            "value": one.value,
            "name": one.name,
            "title": one.label,
            "description": f"dNBR from {one.lower:g} to below {one.upper:g}",
            "color_hint": "".join(f"{part:02X}" for part in one.colour),
        }
        for one in SEVERITY_CLASSES
    ]
    resolution = {"raster:spatial_resolution": abs(report.grid.transform.a)}
    return {
        "bai": {
            "href": "./bai.tif",
            "type": _COG,
            "title": label,
            "roles": ["data"],
            "data_type": "float32",
            "nodata": "nan",
            "unit": "1",
            "bands": [{"name": index, "description": label}],
            "raster:scale": 1.0,
            "raster:offset": 0.0,
            "raster:histogram": histogram,
            **resolution,
        },
        "severity": {
            "href": "./severity.tif",
            "type": _COG,
            "title": "Burn severity, classes of Key & Benson (2006)",
            "roles": ["data", "classification"],
            "data_type": "uint8",
            "nodata": SEVERITY_NODATA,
            "bands": [{"name": "severity", "description": "Class of burn severity"}],
            "classification:classes": classes,
            **resolution,
        },
        "burned": {
            "href": "./burned.gpkg",
            "type": "application/geopackage+sqlite3",
            "title": f"Burned patches of {report.patches.smallest_ha:g} ha and more, a polygon each",
            "roles": ["data"],
        },
        "page": {"href": "./bai.html", "type": "text/html", "title": "Map, areas and inputs", "roles": ["overview"]},
        "quicklook": {"href": "./bai.png", "type": "image/png", "title": "Quicklook", "roles": ["overview"]},
        "report": {"href": "./report.json", "type": "application/json", "title": "Report", "roles": ["metadata"]},
    }


def footprint(valid: NDArray[np.bool_], grid: Grid) -> dict[str, Any]:
    """Return the convex hull of the valid pixels as GeoJSON in WGS 84; the whole grid's outline when there are none.

    A hull across the antimeridian becomes two polygons that meet there (RFC 7946, 3.1.9).

    Args:
        valid: Shape (rows, cols), decimated evenly from the grid.
        grid: The map's grid.
    """
    rows, cols = valid.shape
    scale = grid.shape.cols / cols, grid.shape.rows / rows
    lines = np.flatnonzero(valid.any(1))
    firsts, lasts = valid.argmax(1), cols - valid[:, ::-1].argmax(1)
    points = {(int(side[row]), int(row) + down) for row in lines for side in (firsts, lasts) for down in (0, 1)}
    ring = _hull(points or {(0, 0), (cols, 0), (cols, rows), (0, rows)})
    edges = [
        (a[0] + (b[0] - a[0]) * step / _EDGE_POINTS, a[1] + (b[1] - a[1]) * step / _EDGE_POINTS)
        for a, b in pairwise([*ring, ring[0]])
        for step in range(_EDGE_POINTS)
    ]
    a, b, c, d, e, f = grid.transform[:6]
    at = [(col * scale[0], row * scale[1]) for col, row in edges]
    places = [(a * x + b * y + c, d * x + e * y + f) for x, y in at]
    lon, lat = transform(grid.crs, _WGS84, *zip(*places, strict=True))[:2]
    outline = [(round(x, 7), round(y, 7)) for x, y in zip(lon, lat, strict=True)]
    if max(lon) - min(lon) <= HALF_TURN:
        return {"type": "Polygon", "coordinates": [_closed(outline)]}
    unbroken = [(x % 360, y) for x, y in outline]
    west, east = _cut(unbroken, 1), [(round(x - 360, 7), y) for x, y in _cut(unbroken, -1)]
    parts = [[_closed(part)] for part in (west, east) if len({x for x, _ in part}) > 1]
    return {"type": "MultiPolygon", "coordinates": parts}


def _closed(ring: list[tuple[float, float]]) -> list[list[float]]:
    return [list(place) for place in (*ring, ring[0])]


def _cut(ring: list[tuple[float, float]], side: int) -> list[tuple[float, float]]:
    """Return the part of a ring (longitudes in [0, 360)) west of 180 degrees, side 1, or east of it, side -1.

    Source: Sutherland & Hodgman (1974), for one edge.
    """
    out: list[tuple[float, float]] = []
    for (x, y), (next_x, next_y) in pairwise([*ring, ring[0]]):
        if (HALF_TURN - x) * side >= 0:
            out.append((x, y))
        if (HALF_TURN - x) * (HALF_TURN - next_x) < 0:
            out.append((HALF_TURN, round(y + (next_y - y) * (HALF_TURN - x) / (next_x - x), 7)))
    return out


def bounding_box(geometry: dict[str, Any]) -> list[float]:
    """Return west, south, east, north in degrees; across the antimeridian west exceeds east (RFC 7946, 5.2)."""
    polygons = geometry["coordinates"] if geometry["type"] == "MultiPolygon" else [geometry["coordinates"]]
    first, last = (np.array(polygon[0]) for polygon in (polygons[0], polygons[-1]))
    south, north = (float(pick([pick(one[:, 1]) for one in (first, last)])) for pick in (min, max))
    return [float(first[:, 0].min()), south, float(last[:, 0].max()), north]


def _hull(points: set[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the convex hull, counter-clockwise on a map (rows grow southwards). Andrew's monotone chain."""
    ordered = sorted(points)

    def chain(sequence: list[tuple[int, int]]) -> list[tuple[int, int]]:
        out: list[tuple[int, int]] = []
        for x, y in sequence:
            while len(out) > 1 and _turn(out[-2], out[-1], (x, y)) >= 0:
                out.pop()
            out.append((x, y))
        return out[:-1]

    return chain(ordered) + chain(ordered[::-1])


def _turn(a: tuple[int, int], b: tuple[int, int], c: tuple[int, int]) -> int:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _link(rel: str, file: str, media: str) -> dict[str, str]:
    return {"rel": rel, "href": f"./{file}", "type": media}


def _derived_from(item: Item) -> dict[str, str]:
    """Link an input; a local one by its file URL."""
    href = public(item.href) if is_remote(item.href) else Path(item.href).as_uri()
    return {"rel": "derived_from", "href": href, "type": "application/geo+json", "title": item.id}
