"""Write `report.json`: areas, histogram, inputs, parameters, versions and times of a run."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import platform
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import rasterio

from bai import __version__
from bai.nbr import HISTOGRAM_LOWER, HISTOGRAM_UPPER, SEVERITY_CLASSES, Statistics
from bai.stac.href import public

if TYPE_CHECKING:
    from pathlib import Path

    from bai.grid import Grid
    from bai.offset import Offset
    from bai.stac.item import Item

BURNED_FROM = 0.1
"""dNBR from which ground counts as burned: the lower bound of low severity."""
_PACKAGES = ("numpy", "rasterio", "dask", "distributed", "dask-gateway")


@dataclass(frozen=True, slots=True)
class ClassArea:
    """The area of one severity class."""

    value: int
    name: str
    label: str
    lower: float
    upper: float
    pixels: int
    hectares: float
    share: float
    """Of the pixels with a value, in [0, 1]."""


@dataclass(frozen=True, slots=True)
class Areas:
    """The areas of a map."""

    total_ha: float
    valid_ha: float
    burned_ha: float
    """Of dNBR `BURNED_FROM` and up."""
    masked_share: float
    """Pixels without a value, of all, in [0, 1]."""
    outside_share: float
    """Pixels with a dNBR outside every class, of those with a value, in [0, 1]: suspicious when large."""
    classes: tuple[ClassArea, ...]


@dataclass(frozen=True, slots=True)
class Work:
    """Time and memory that the processes of the computation needed."""

    processes: int
    seconds: dict[str, float]
    """`read`, `compute` and `encode`, summed over the tasks."""
    peak_memory_bytes: int
    """Peak memory of the process that needed most."""


@dataclass(frozen=True, slots=True)
class Patches:
    """The polygons of burned.gpkg."""

    smallest_ha: float
    count: int
    hectares: dict[str, float]
    """Area per class name, from low severity up."""


@dataclass(frozen=True, slots=True)
class Report:
    """A finished run."""

    created: dt.datetime
    pre: Item
    post: Item
    grid: Grid
    parameters: dict[str, Any]
    cluster: str
    """Place of the computation: the cluster's name, or `threads`."""
    areas: Areas
    histogram: tuple[int, ...]
    warnings: tuple[str, ...]
    stages: dict[str, float]
    """Seconds per stage, in order."""
    bytes_read: int
    work: Work
    patches: Patches
    offset: Offset
    """Offset that was subtracted from every dNBR."""

    def as_dict(self) -> dict[str, Any]:
        """Return the report as JSON data."""
        return {
            "version": 1,
            "created": utc(self.created),
            "software": software(),
            "inputs": {"pre": _input(self.pre), "post": _input(self.post)},
            "parameters": self.parameters,
            "cluster": self.cluster,
            "grid": {
                "crs": crs_code(self.grid) or self.grid.crs.to_wkt(),
                "shape": [self.grid.shape.rows, self.grid.shape.cols],
                "transform": list(self.grid.transform)[:6],
                "bounds": list(self.grid.bounds),
            },
            "area": _fields(self.areas) | {"classes": [_fields(one) for one in self.areas.classes]},
            "histogram": {"lower": HISTOGRAM_LOWER, "upper": HISTOGRAM_UPPER, "counts": list(self.histogram)},
            "polygons": self._polygons(),
            "dnbr_offset": {"value": self.offset.value, "unburned_pixels": self.offset.pixels},
            "warnings": list(self.warnings),
            "seconds": {name: round(seconds, 3) for name, seconds in self.stages.items()},
            "seconds_total": round(sum(self.stages.values()), 3),
            "bytes_read": self.bytes_read,
            "workers": self._workers(),
        }

    def _polygons(self) -> dict[str, Any]:
        """Return the polygons' areas, and the area left out as too small; their sum is the burned area."""
        kept = sum(self.patches.hectares.values())
        return {
            "smallest_ha": self.patches.smallest_ha,
            "count": self.patches.count,
            "hectares": {name: round(area, 4) for name, area in self.patches.hectares.items()},
            "left_out_ha": round(max(0.0, self.areas.burned_ha - kept), 4),
        }

    def _workers(self) -> dict[str, Any]:
        """Return the work of all tasks. MB/s are of compressed input, per second of one task's reading and of all."""
        reading, computing = self.work.seconds.get("read", 0.0), self.stages.get("compute", 0.0)
        return {
            "processes": self.work.processes,
            "seconds": {name: round(seconds, 3) for name, seconds in self.work.seconds.items()},
            "read_mb_per_second": round(self.bytes_read / 1e6 / reading, 1) if reading else None,
            "mb_per_second": round(self.bytes_read / 1e6 / computing, 1) if computing else None,
            "peak_memory_mb": round(self.work.peak_memory_bytes / 1e6, 1),
        }


def measure(statistics: Statistics, grid: Grid) -> Areas:
    """Turn pixel counts into areas; hectares count as if the CRS were equal-area, which UTM is within 0.1 %."""
    unit = grid.pixel_hectares
    valid = statistics.total - statistics.masked
    classes = tuple(
        ClassArea(
            one.value, one.name, one.label, one.lower, one.upper, count, round(count * unit, 4), _share(count, valid)
        )
        for one, count in zip(SEVERITY_CLASSES, statistics.classes, strict=True)
    )
    burned = sum(one.pixels for one in classes if one.lower >= BURNED_FROM)
    return Areas(
        total_ha=round(statistics.total * unit, 4),
        valid_ha=round(valid * unit, 4),
        burned_ha=round(burned * unit, 4),
        masked_share=_share(statistics.masked, statistics.total),
        outside_share=_share(statistics.outside, valid),
        classes=classes,
    )


def crs_code(grid: Grid) -> str | None:
    """Return the CRS as `EPSG:32610`; None when it has no code."""
    epsg = grid.crs.to_epsg()
    return None if epsg is None else f"EPSG:{epsg}"


def utc(when: dt.datetime) -> str:
    """Return a time as RFC 3339 in UTC, as STAC wants it."""
    return when.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")


def software() -> dict[str, str]:
    """Return the versions of the software that computed the map."""
    found = {"bai": __version__, "python": platform.python_version(), "gdal": rasterio.__gdal_version__}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def write_json(path: Path, value: object) -> None:
    """Write JSON under a temporary name and rename it, so that a reader sees the whole file or none.

    Raises:
        OSError: the disk.
    """
    write_bytes(path, (json.dumps(value, indent=2, allow_nan=False) + "\n").encode())


def write_bytes(path: Path, data: bytes) -> None:
    """Write a small file completely or not at all. Raises the errors of `write_json`."""
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def checksum(path: Path) -> str:
    """Return a file's SHA-256 as a multihash in hexadecimal, as STAC's file extension wants it."""
    with path.open("rb") as file:
        return "1220" + hashlib.file_digest(file, "sha256").hexdigest()


def _share(part: int, whole: int) -> float:
    return round(part / whole, 6) if whole else 0.0


def _fields(value: Areas | ClassArea) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__slots__}


def _input(item: Item) -> dict[str, Any]:
    return {
        "id": item.id,
        "href": public(item.href),
        "collection": item.collection,
        "datetime": utc(item.datetime),
        "platform": item.platform,
        "processing_baseline": item.baseline,
        "bands": {
            source.band: {
                "key": source.key,
                "href": public(source.href),
                "scale": source.scale,
                "offset": source.offset,
                "nodata": list(source.nodata),
            }
            for source in item.sources
        },
    }
