"""Raster files opened, lent and read with rasterio, here or over HTTP.

GDAL looks its options up in the environment when it needs them, so they are set there, in the client and in every
worker; what the user has set stays.
"""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import rasterio
from rasterio.enums import Resampling
from rasterio.errors import RasterioError
from rasterio.vrt import WarpedVRT

from bai.failures import explain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bai.grid import Grid

GDAL_OPTIONS = {
    "GDAL_CACHEMAX": "32",  # MB in a process; every block is used once, and GDAL's default is 5 % of the memory
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_INGESTED_BYTES_AT_OPEN": "32768",  # a COG's header in one request
    "GDAL_HTTP_MERGE_CONSECUTIVE_RANGES": "YES",
    "GDAL_HTTP_MAX_RETRY": "4",
    "GDAL_HTTP_RETRY_DELAY": "1",  # seconds, then twice that, and so on
    "GDAL_HTTP_CONNECTTIMEOUT": "10",
    "GDAL_HTTP_LOW_SPEED_TIME": "20",  # seconds of silence before a server counts as hanging
    "GDAL_HTTP_LOW_SPEED_LIMIT": "1",
    "GDAL_HTTP_TIMEOUT": "300",
}
for _name, _value in GDAL_OPTIONS.items():
    os.environ.setdefault(_name, _value)

OPEN_DATASETS = 24
"""Datasets kept open in a process: six files for each of four threads."""


class Dataset:
    """An open band, warped onto a grid if need be. Not safe for two threads at once."""

    def __init__(self, href: str, warp: Grid | None, nodata: int) -> None:
        """Open the file.

        Only the two formats of Sentinel-2 are tried: others can name further files, and items come from strangers.
        """
        driver = "JP2OpenJPEG" if urlsplit(href).path.endswith(".jp2") else "GTiff"
        self.file = rasterio.open(href, driver=driver, sharing=False)
        self.band: Any = self.file
        if warp is not None:
            self.band = WarpedVRT(
                self.file,
                crs=warp.crs,
                transform=warp.transform,
                width=warp.shape.cols,
                height=warp.shape.rows,
                resampling=Resampling.nearest,
                src_nodata=nodata,
                nodata=nodata,
            )

    @property
    def end(self) -> int:
        """Bytes that the file must have for its tiles, 0 when unknown."""
        items = [
            [
                int(self.file.get_tag_item(f"BLOCK_{what}_{col}_{row}", "TIFF", bidx=1) or 0)
                for what in ("OFFSET", "SIZE")
            ]
            for (row, col), _ in self.file.block_windows(1)
            if self.file.driver == "GTiff"
        ]
        return max((offset + size for offset, size in items), default=0)

    def close(self) -> None:
        """Close the band and its file."""
        self.band.close()
        self.file.close()


_free: list[tuple[object, Dataset]] = []
_lock = threading.Lock()


@contextmanager
def lend(href: str, warp: Grid | None = None, nodata: int = 0) -> Iterator[Dataset]:
    """Lend an open dataset to the calling thread; kept open for the next, the least recently used one closed.

    Args:
        href: An http(s) URL or a path.
        warp: The grid to warp onto by nearest neighbour, if any.
        nodata: The number for pixels that the file does not cover, when warped.

    Raises:
        InputError: The file is not there, may not be read, or is damaged.
        TemporaryError: The server does not answer, or says that it is busy.
    """
    key = (href, warp, nodata)
    with _lock:
        place = next((i for i, (name, _) in enumerate(_free) if name == key), None)
        dataset = None if place is None else _free.pop(place)[1]
    try:
        dataset = dataset or Dataset(href, warp, nodata)
        yield dataset
    except BaseException as error:
        end = dataset.end if dataset else 0
        if dataset:
            dataset.close()
        if isinstance(error, RasterioError | OSError):
            raise explain(href, error, end) from error
        raise
    with _lock:
        _free.append((key, dataset))
        surplus = [_free.pop(0)[1] for _ in range(len(_free) - OPEN_DATASETS)]
    for old in surplus:
        old.close()


def close_all() -> None:
    """Close the datasets that nobody has borrowed."""
    with _lock:
        datasets, _free[:] = [dataset for _, dataset in _free], []
    for dataset in datasets:
        dataset.close()
