"""Write burned.gpkg, the burned patches as a GeoPackage, with Python's own SQLite.

Source: OGC GeoPackage 1.3 (12-128r18), clauses 1.1 (tables), 2.1 (features) and 2.1.3 (geometry blobs).
"""

from __future__ import annotations

import os
import sqlite3
import struct
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Self

import numpy as np
from rasterio.crs import CRS

from bai.errors import ComputeError
from bai.nbr import SEVERITY_CLASSES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from types import TracebackType

    from bai.grid import Grid
    from bai.vector.patches import Patch

LAYER = "burned"
_APPLICATION_ID, _VERSION = 0x47504B47, 10300
"""`GPKG` in ASCII, and version 1.3.0."""
_PRAGMAS = (
    "PRAGMA journal_mode = OFF",
    "PRAGMA synchronous = OFF",
    f"PRAGMA application_id = {_APPLICATION_ID}",
    f"PRAGMA user_version = {_VERSION}",
)
_OWN_SRS = 100_000
"""Id of a CRS without an EPSG code."""
_TABLES = f"""
CREATE TABLE gpkg_spatial_ref_sys (
  srs_name TEXT NOT NULL, srs_id INTEGER PRIMARY KEY, organization TEXT NOT NULL,
  organization_coordsys_id INTEGER NOT NULL, definition TEXT NOT NULL, description TEXT);
CREATE TABLE gpkg_contents (
  table_name TEXT NOT NULL PRIMARY KEY, data_type TEXT NOT NULL, identifier TEXT UNIQUE, description TEXT DEFAULT '',
  last_change DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')),
  min_x DOUBLE, min_y DOUBLE, max_x DOUBLE, max_y DOUBLE, srs_id INTEGER,
  CONSTRAINT fk_gc_r_srs_id FOREIGN KEY (srs_id) REFERENCES gpkg_spatial_ref_sys(srs_id));
CREATE TABLE gpkg_geometry_columns (
  table_name TEXT NOT NULL, column_name TEXT NOT NULL, geometry_type_name TEXT NOT NULL, srs_id INTEGER NOT NULL,
  z TINYINT NOT NULL, m TINYINT NOT NULL, CONSTRAINT pk_geom_cols PRIMARY KEY (table_name, column_name),
  CONSTRAINT fk_gc_tn FOREIGN KEY (table_name) REFERENCES gpkg_contents(table_name),
  CONSTRAINT fk_gc_srs FOREIGN KEY (srs_id) REFERENCES gpkg_spatial_ref_sys(srs_id));
CREATE TABLE {LAYER} (
  fid INTEGER PRIMARY KEY NOT NULL, geom POLYGON, severity INTEGER NOT NULL, class TEXT NOT NULL, label TEXT NOT NULL,
  pixels INTEGER NOT NULL, hectares DOUBLE NOT NULL);
"""
_UNDEFINED = [
    ("Undefined cartesian", -1, "NONE", -1, "undefined", "undefined cartesian coordinate reference system"),
    ("Undefined geographic", 0, "NONE", 0, "undefined", "undefined geographic coordinate reference system"),
]


class PolygonWriter:
    """Writes one file of patches. The file gets its name in `publish`; a failure leaves no file.

    Raises:
        ComputeError: The disk is full or fails.
    """

    def __init__(self, path: Path, grid: Grid) -> None:
        """Create the file's tables.

        Args:
            path: The file.
            grid: Where the patches' columns and rows are.
        """
        self._path, self._grid = path, grid
        self._part = path.with_name(f".{path.name}.part")
        self._bounds = np.array([np.inf, np.inf, -np.inf, -np.inf])
        self.pixels = dict.fromkeys(range(256), 0)
        """Pixels of the patches written so far, per class."""
        self.count = 0
        """Patches written so far."""
        self._srs = grid.crs.to_epsg() or _OWN_SRS
        self._hectares = grid.pixel_hectares
        with self._disk():
            self._part.unlink(missing_ok=True)
            # No journal and no locks: nobody else opens the file, and network file systems often lack locks.
            place = f"{self._part.absolute().as_uri()}?nolock=1"
            self._base = sqlite3.connect(place, uri=True, isolation_level=None, check_same_thread=False)
            for statement in (*_PRAGMAS, *_TABLES.split(";"), "BEGIN"):
                self._base.execute(statement)

    def __enter__(self) -> Self:
        """Return the writer; leaving closes it."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file, and remove it when it was not published."""
        self._base.close()
        self._part.unlink(missing_ok=True)

    def add(self, patches: Iterable[Patch]) -> None:
        """Write patches, in any order: a patch's id is the number of the pixel at the start of its outline."""
        labels = {one.value: (one.name, one.label) for one in SEVERITY_CLASSES}
        rows = []
        for patch in patches:
            self.count += 1
            self.pixels[patch.value] += patch.pixels
            area = round(patch.pixels * self._hectares, 4)
            rows.append((self._id(patch), self._geometry(patch), patch.value, *labels[patch.value], patch.pixels, area))
        with self._disk():
            self._base.executemany(f"INSERT INTO {LAYER} VALUES (?, ?, ?, ?, ?, ?, ?)", rows)  # noqa: S608 - a constant

    def _id(self, patch: Patch) -> int:
        """Return a number that no other patch has: the outline's westernmost corner, of these the northernmost."""
        cols, rows = patch.rings[0].T
        col, row = cols.min(), rows[cols == cols.min()].min()
        return int(row) * (self._grid.shape.cols + 1) + int(col) + 1

    def _geometry(self, patch: Patch) -> bytes:
        """Return a patch as a GeoPackage's geometry: a header with the bounds, then well-known binary."""
        a, _, c, _, e, f = self._grid.transform[:6]
        lengths = np.array([len(ring) for ring in patch.rings])
        begins = np.cumsum(lengths) - lengths
        corners = np.concatenate(patch.rings)
        closed = np.insert(corners, begins + lengths, corners[begins], axis=0) * (a, e) + (c, f)
        (west, south), (east, north) = closed.min(0), closed.max(0)
        low, high = np.minimum(self._bounds[:2], (west, south)), np.maximum(self._bounds[2:], (east, north))
        self._bounds = np.hstack([low, high])
        flags = 0b11  # little-endian, with the bounds of columns and rows
        out = bytearray(struct.pack("<2sBBi4d", b"GP", 0, flags, self._srs, west, east, south, north))
        out += struct.pack("<BII", 1, 3, len(lengths))  # little-endian, a polygon
        words = closed.astype("<f8").view("<u4").ravel()  # four for a place; before each ring its number of places
        out += np.insert(words, 4 * (begins + np.arange(len(begins))), lengths + 1).tobytes()
        return bytes(out)

    def publish(self) -> None:
        """Write the description of the layer, and rename the file to its final name."""
        crs, code = self._grid.crs, self._grid.crs.to_epsg()
        own = (crs.to_wkt()[:60] if code is None else f"EPSG:{code}", self._srs)
        systems = [
            ("WGS 84 geodetic", 4326, "EPSG", 4326, CRS.from_epsg(4326).to_wkt(), "longitude and latitude in degrees"),
            *_UNDEFINED,
            (*own, "EPSG" if code else "NONE", self._srs, crs.to_wkt(), None),
        ]
        bounds = self._bounds.tolist() if self.count else [None] * 4
        with self._disk():
            self._base.executemany("INSERT OR IGNORE INTO gpkg_spatial_ref_sys VALUES (?, ?, ?, ?, ?, ?)", systems)
            self._base.execute(
                "INSERT INTO gpkg_contents (table_name, data_type, identifier, description, min_x, min_y, max_x, "
                "max_y, srs_id) VALUES (?, 'features', ?, 'Burned patches by severity class', ?, ?, ?, ?, ?)",
                (LAYER, LAYER, *bounds, self._srs),
            )
            self._base.execute(
                "INSERT INTO gpkg_geometry_columns VALUES (?, 'geom', 'POLYGON', ?, 0, 0)", (LAYER, self._srs)
            )
            self._base.execute("COMMIT")
            self._base.close()
            with self._part.open("rb") as file:
                os.fsync(file.fileno())
            self._part.replace(self._path)

    @contextmanager
    def _disk(self) -> Iterator[None]:
        """Translate errors of SQLite and of the disk."""
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            with suppress(OSError):
                self._part.unlink(missing_ok=True)
            hint = "check the free space and your permissions in --output-dir"
            raise ComputeError(f"cannot write {self._path}: {error}", hint=hint) from error
