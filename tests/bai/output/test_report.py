"""Test areas computed from pixel counts, and that small files are written completely or not at all."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from rasterio import Affine
from rasterio.crs import CRS

from bai.grid import Grid, Shape
from bai.nbr import Statistics
from bai.output import report

if TYPE_CHECKING:
    from pathlib import Path

GRID = Grid(CRS.from_epsg(32610), Affine(10, 0, 600000, 0, -10, 4500000), Shape(10, 20))


def test_areas_of_counts() -> None:
    counts = replace(Statistics.empty(), total=200, masked=40, outside=10, classes=(1, 2, 100, 20, 15, 10, 2))
    areas = report.measure(counts, GRID)
    assert (areas.total_ha, areas.valid_ha) == (2.0, 1.6)
    assert areas.burned_ha == pytest.approx(0.47)
    assert areas.masked_share == 0.2
    assert areas.outside_share == pytest.approx(10 / 160)
    assert [one.hectares for one in areas.classes] == [0.01, 0.02, 1.0, 0.2, 0.15, 0.1, 0.02]
    assert areas.classes[2].share == pytest.approx(100 / 160)


def test_areas_of_nothing() -> None:
    areas = report.measure(replace(Statistics.empty(), total=200, masked=200), GRID)
    assert (areas.burned_ha, areas.masked_share, areas.outside_share) == (0, 1, 0)


def test_times_are_utc() -> None:
    zone = dt.timezone(dt.timedelta(hours=2))
    assert report.utc(dt.datetime(2021, 7, 13, 21, 3, 24, tzinfo=zone)) == "2021-07-13T19:03:24Z"


def test_crs_without_a_code() -> None:
    own = CRS.from_proj4("+proj=laea +lat_0=40 +lon_0=-120 +datum=WGS84 +units=m +no_defs")
    assert report.crs_code(replace(GRID, crs=own)) is None
    assert report.crs_code(GRID) == "EPSG:32610"


def test_checksum_is_a_multihash(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert report.checksum(tmp_path / "a") == "1220" + hashlib.sha256(b"abc").hexdigest()


def test_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "report.json"
    report.write_json(path, {"run": 1})

    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space"):
        report.write_json(path, {"run": 2})
    assert path.read_text() == '{\n  "run": 1\n}\n'
    assert list(tmp_path.iterdir()) == [path]


def test_not_a_number_is_not_json(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        report.write_json(tmp_path / "a.json", {"x": float("nan")})
    assert list(tmp_path.iterdir()) == []


def test_versions_name_what_computes() -> None:
    assert {"bai", "python", "gdal", "numpy", "rasterio"} <= set(report.software())
