"""Write Cloud-Optimized GeoTIFFs: collect the encoded tiles on disk as they arrive, then write overviews first.

The bytes of the file do not depend on the order in which windows come.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from bai.cog import tiff
from bai.cog.tiles import Layout, Tiles, encode_tile
from bai.errors import ComputeError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType

    import numpy.typing as npt

    from bai.grid import Grid, Window

COPY_BYTES = 4 << 20
"""Size in bytes of the pieces that are copied from the spool file into the result."""


class CogWriter:
    """Writes one file, which gets its name when it is complete and on the disk; a failure leaves no file.

    Memory holds the positions of the tiles, and quarters of overview tiles whose other quarters have not arrived.

    Raises:
        ComputeError: The disk is full or fails.
    """

    def __init__(self, path: Path, layout: Layout, grid: Grid, raster: tiff.Raster) -> None:
        self._path, self._layout, self._raster = path, layout, raster
        self._part = path.with_name(f".{path.name}.part")
        self._tags = tiff.tags(raster, grid, layout.block)
        self._tiles = [layout.tiles(level) for level in range(len(layout.levels))]
        self._places = [np.zeros((2, tiles.rows * tiles.cols), np.int64) for tiles in self._tiles]
        """For every level: offsets in the spool file (row 0) and sizes in bytes (row 1) of its tiles, row by row."""
        self._quarters: dict[tuple[int, int, int], list[tuple[int, int, npt.NDArray[Any]]]] = {}
        self._spooled = 0
        with self._disk(0):
            self._spool = tempfile.TemporaryFile(dir=path.parent)  # noqa: SIM115 - closed in __exit__

    def __enter__(self) -> Self:
        """Return the writer; leaving frees the spool."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Delete the spool file, which has no name, and a result that was not published."""
        self._spool.close()
        self._part.unlink(missing_ok=True)

    def add(self, tiles: Tiles, window: Window) -> None:
        """Store the tiles of one window; windows may arrive in any order."""
        self._append(tiles.blob, tiles.index)
        if tiles.rest is not None:
            size = self._layout.window
            self._join(self._layout.owned, window.row_off // size, window.col_off // size, tiles.rest)

    def _append(self, blob: npt.NDArray[np.uint8], index: tuple[tuple[int, int, int, int], ...]) -> None:
        with self._disk(len(blob)):
            self._spool.write(blob.data)
        for level, row, col, size in index:
            self._places[level][:, row * self._tiles[level].cols + col] = self._spooled, size
            self._spooled += size

    def _join(self, level: int, row: int, col: int, quarter: npt.NDArray[Any]) -> None:
        """Store the quarter of a tile that tile (row, col) of the level below makes; the last completes the tile."""
        key = (level, row // 2, col // 2)
        quarters = self._quarters.setdefault(key, [])
        quarters.append((row % 2, col % 2, quarter))
        below = self._tiles[level - 1]
        if len(quarters) < min(2, below.rows - key[1] * 2) * min(2, below.cols - key[2] * 2):
            return
        block = self._layout.block
        tile = np.full((block, block), self._raster.nodata, self._raster.dtype)
        for down, right, part in self._quarters.pop(key):
            tile[down * block // 2 :, right * block // 2 :][: part.shape[0], : part.shape[1]] = part
        blob = np.frombuffer(b"".join(encode_tile(tile, block, self._raster)), np.uint8)
        self._append(blob, ((*key, len(blob)),))
        if level + 1 < len(self._tiles):
            self._join(level + 1, key[1], key[2], tile[::2, ::2])

    def finish(self) -> int:
        """Write the file under a temporary name.

        Returns:
            Its size in bytes.
        """
        missing = sum(int((sizes == 0).sum()) for _, sizes in self._places)
        if missing:
            raise ComputeError(f"{self._path}: {missing} tiles were never computed")
        levels: list[tiff.Level] = []
        end = 0
        for shape, (_, sizes) in reversed(list(zip(self._layout.levels, self._places, strict=True))):
            offsets = end + np.cumsum(sizes) - sizes
            end += int(sizes.sum())
            # The directory names the data alone, between the size and the repeated last four bytes.
            levels.insert(0, tiff.Level(shape.rows, shape.cols, offsets + 4, sizes - 8))
        header = tiff.header(self._tags, levels)
        with self._disk(len(header) + end):
            self._write(header)
        return len(header) + end

    def _write(self, header: bytes) -> None:
        with self._part.open("wb") as file:
            file.write(header)
            self._spool.flush()
            for start, size in self._runs():
                for offset in range(start, start + size, COPY_BYTES):
                    file.write(os.pread(self._spool.fileno(), min(COPY_BYTES, start + size - offset), offset))
            file.flush()
            os.fsync(file.fileno())

    def publish(self) -> None:
        """Rename the finished file to its final name."""
        with self._disk(0):
            self._part.replace(self._path)

    def _runs(self) -> Iterator[tuple[int, int]]:
        """Yield offset and size of what to copy from the spool, in the file's order, neighbours together."""
        start = size = 0
        for places in reversed(self._places):
            for offset, length in places.T.tolist():
                if offset != start + size:
                    yield start, size
                    start, size = offset, 0
                size += length
        yield start, size

    @contextmanager
    def _disk(self, needed: int) -> Iterator[None]:
        """Translate errors of the disk into ComputeError, with the numbers."""
        try:
            yield
        except OSError as error:
            folder = self._path.parent
            free = f", {shutil.disk_usage(folder).free / 1e6:.0f} MB free" if folder.is_dir() else ""
            raise ComputeError(
                f"{self._path}: cannot write {needed / 1e6:.1f} MB: {error.strerror} ({self._spooled / 1e6:.1f} MB "
                f"collected so far{free} in {folder})",
                hint="free space in --output-dir: a run needs twice the size of its results",
            ) from error
