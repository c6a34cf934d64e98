"""burned.gpkg: valid tables, geometries in the right place, areas that add up, and nothing half-written."""

from __future__ import annotations

import sqlite3
import struct
from typing import TYPE_CHECKING

import numpy as np
import pytest
from rasterio import Affine
from rasterio.crs import CRS

from bai.errors import ComputeError
from bai.grid import Grid, Shape
from bai.vector.geopackage import PolygonWriter
from bai.vector.patches import Patch

if TYPE_CHECKING:
    from pathlib import Path

GRID = Grid(CRS.from_epsg(32610), Affine(10, 0, 600000, 0, -10, 4500000), Shape(100, 200))
SQUARE = Patch(6, 8, (np.array([(1, 2), (1, 5), (4, 5), (4, 2)]), np.array([(2, 3), (3, 3), (3, 4), (2, 4)])))


def write(path: Path, *patches: object, grid: Grid = GRID) -> sqlite3.Connection:
    with PolygonWriter(path, grid) as writer:
        writer.add(patches)
        assert not path.exists()
        writer.publish()
    assert [one.name for one in path.parent.iterdir()] == [path.name]
    return sqlite3.connect(path)


def rings(blob: bytes) -> list[list[tuple[float, float]]]:
    """Read a GeoPackage polygon."""
    magic, version, flags, srs = struct.unpack_from("<2sBBi", blob)
    assert (magic, version, flags, srs) == (b"GP", 0, 3, 32610)
    order, kind, count = struct.unpack_from("<BII", blob, 40)
    assert (order, kind) == (1, 3)
    out, at = [], 49
    for _ in range(count):
        (places,) = struct.unpack_from("<I", blob, at)
        out.append([struct.unpack_from("<2d", blob, at + 4 + 16 * i) for i in range(places)])
        at += 4 + 16 * places
    assert at == len(blob)
    return out


def test_a_patch_with_its_attributes(tmp_path: Path) -> None:
    base = write(tmp_path / "burned.gpkg", SQUARE)
    ((fid, geometry, *attributes),) = base.execute("SELECT * FROM burned").fetchall()
    assert attributes == [6, "moderate-high", "Moderate-high severity", 8, 0.08]
    assert fid == 2 * 201 + 1 + 1
    outline, hole = rings(geometry)
    assert outline[0] == outline[-1]
    assert set(outline) == {(600010, 4499980), (600040, 4499980), (600040, 4499950), (600010, 4499950)}
    assert set(hole) == {(600020, 4499970), (600030, 4499970), (600030, 4499960), (600020, 4499960)}
    assert struct.unpack_from("<4d", geometry, 8) == (600010, 600040, 4499950, 4499980)


def test_tables_that_readers_need(tmp_path: Path) -> None:
    base = write(tmp_path / "burned.gpkg", SQUARE)
    assert base.execute("PRAGMA application_id").fetchone() == (0x47504B47,)
    assert base.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    systems = {row[0] for row in base.execute("SELECT srs_id FROM gpkg_spatial_ref_sys")}
    assert systems == {-1, 0, 4326, 32610}
    contents = base.execute("SELECT table_name, data_type, min_x, max_y, srs_id FROM gpkg_contents").fetchone()
    assert contents == ("burned", "features", 600010, 4499980, 32610)
    columns = base.execute("SELECT column_name, geometry_type_name FROM gpkg_geometry_columns").fetchone()
    assert columns == ("geom", "POLYGON")


def test_no_patches_and_no_code_for_the_crs(tmp_path: Path) -> None:
    own = Grid(CRS.from_proj4("+proj=utm +zone=10 +ellps=intl +units=m"), GRID.transform, GRID.shape)
    base = write(tmp_path / "burned.gpkg", grid=own)
    assert base.execute("SELECT count(*) FROM burned").fetchone() == (0,)
    assert base.execute("SELECT min_x, srs_id FROM gpkg_contents").fetchone() == (None, 100000)


def test_a_failure_leaves_nothing(tmp_path: Path) -> None:
    with PolygonWriter(tmp_path / "burned.gpkg", GRID) as writer:
        writer.add([SQUARE])
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ComputeError, match=r"cannot write .*burned\.gpkg"):
        PolygonWriter(tmp_path / "none" / "burned.gpkg", GRID)


def test_a_full_disk(tmp_path: Path) -> None:
    corners = np.array([(0, 0), (0, 1), (1, 1), (1, 0)])
    patches = [Patch(4, 1, (corners + np.array((0, i)),)) for i in range(500)]
    with PolygonWriter(tmp_path / "burned.gpkg", GRID) as writer:
        writer._base.execute("PRAGMA max_page_count = 8")
        with pytest.raises(ComputeError, match=r"burned\.gpkg: .*full"):
            writer.add(patches)
    assert list(tmp_path.iterdir()) == []
