"""Open raster files with rasterio, local or over HTTP, keep them open, and read again after a transfer was cut short.

GDAL reads its options from the environment when it needs them, so they are set there, in the client and in every
worker. Options that the user has set stay unchanged.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

import rasterio
from rasterio.enums import MaskFlags, Resampling
from rasterio.errors import RasterioError
from rasterio.vrt import WarpedVRT

from bai.failures import CutShortError, DamagedError, explain
from bai.radiometry import NODATA, Stated
from bai.stac.href import is_remote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bai.grid import Grid

log = logging.getLogger(__name__)
T = TypeVar("T")
logging.getLogger("rasterio").setLevel(logging.CRITICAL)  # in workers too: its lines hold URLs with their passwords

GDAL_OPTIONS = {
    "GDAL_CACHEMAX": "16",  # MB in a process; every block is used once, and GDAL's default is 5 % of the memory
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_INGESTED_BYTES_AT_OPEN": "32768",  # a COG's header in one request
    "GDAL_HTTP_MERGE_CONSECUTIVE_RANGES": "YES",
    "GDAL_NUM_THREADS": "1",  # in GDAL's own threads a JPEG 2000 tile that was cut short is no error but wrong pixels
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


DRIVERS = ("GTiff", "JP2OpenJPEG")
"""The two formats of Sentinel-2. Files of other formats can name further files, and items are untrusted."""
RETRY_DELAYS_S = (0.2, 1.0)
"""Seconds before a file is opened anew and read again, when a transfer was cut short."""
SIDECARS = (".msk", ".aux.xml")
"""Files beside a local file that hold a mask, nodata, scale or offset of it."""


class Dataset:
    """An open band, warped onto a grid if one is given. Not thread-safe."""

    def __init__(self, href: str, warp: Grid | None) -> None:
        """Open the file, whatever its name; its first bytes tell the format."""
        self.file = _open(href)
        self.masked = MaskFlags.per_dataset in self.file.mask_flag_enums[0]
        """Whether the file has a mask, or an alpha band, that says where it has data."""
        self.band: Any = self.file
        if warp is not None:
            self.masked = False  # warping leaves masked pixels at nodata
            self.band = WarpedVRT(
                self.file,
                crs=warp.crs,
                transform=warp.transform,
                width=warp.shape.cols,
                height=warp.shape.rows,
                resampling=Resampling.nearest,
                src_nodata=NODATA,
                nodata=NODATA,
            )

    @property
    def stated(self) -> Stated:
        """Scale, offset and nodata that the file states. GDAL reports scale 1 and offset 0 for a file without both."""
        scale, offset, nodata = self.file.scales[0], self.file.offsets[0], self.file.nodata
        return Stated(None if scale == 1 and offset == 0 else scale, offset or None, nodata)

    @property
    def end(self) -> int:
        """Bytes that the file must have for its blocks, 0 when unknown; blocks of a sparse file take none."""
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


def _open(href: str) -> Any:
    """Open a file with the first driver that knows its format; the name only says which one is tried first.

    Raises:
        RasterioError: as rasterio.open.
    """
    first, second = DRIVERS[::-1] if urlsplit(href).path.lower().endswith((".jp2", ".j2k")) else DRIVERS
    with _sidecars(href):
        try:
            file = rasterio.open(href, driver=first, sharing=False)
        except RasterioError as error:
            if "not recognized" not in str(error):
                raise
            file = rasterio.open(href, driver=second, sharing=False)
        _ = file.mask_flag_enums  # GDAL looks for a mask beside the file when it is asked first
        return file


def _sidecars(href: str) -> AbstractContextManager[object]:
    """Let GDAL look for files beside a local file where there are any; over HTTP that would cost requests."""
    if is_remote(href) or not any(os.path.exists(href + ending) for ending in SIDECARS):  # noqa: PTH110
        return nullcontext()
    looking: AbstractContextManager[object] = rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="FALSE")
    return looking


def limited(timeout_s: float | None) -> AbstractContextManager[object]:
    """Let GDAL wait at most so long for a server while the block runs in this thread; as long as it does when None."""
    if timeout_s is None:
        return nullcontext()
    whole = max(1, round(timeout_s))
    limits: AbstractContextManager[object] = rasterio.Env(
        GDAL_HTTP_LOW_SPEED_TIME=whole, GDAL_HTTP_CONNECTTIMEOUT=whole
    )
    return limits


_free: list[tuple[object, Dataset]] = []
_lock = threading.Lock()


def use(href: str, function: Callable[[Dataset], T], warp: Grid | None = None) -> T:
    """Open a dataset, call a function with it and return the result; retry when a transfer was cut short.

    Args:
        href: An http(s) URL or a path.
        function: Called with the open dataset, and again after a retry.
        warp: The grid to warp onto by nearest neighbour, if any.

    Raises:
        InputError: The file is not found, may not be read, or is damaged.
        TemporaryError: The server does not answer, asks to try later, or cuts every transfer short.
    """
    for delay_s in RETRY_DELAYS_S:
        try:
            with opened(href, warp) as dataset:
                return function(dataset)
        except (CutShortError, DamagedError) as error:
            if not is_remote(href):
                raise
            log.info("reading again: %s", error)
        time.sleep(delay_s)
        forget(href)
    with opened(href, warp) as dataset:
        return function(dataset)


def forget(href: str) -> None:
    """Remove a remote file from GDAL's cache, which also remembers files that were not found."""
    with rasterio.Env(CPL_VSIL_CURL_NON_CACHED="/vsicurl/"), suppress(RasterioError, OSError):
        rasterio.open(href, driver=DRIVERS[0], sharing=False).close()


@contextmanager
def opened(href: str, warp: Grid | None = None) -> Iterator[Dataset]:
    """Yield an open dataset to the calling thread alone, and keep it open for the next thread.

    When too many are open the least recently used one is closed.

    Args:
        href: An http(s) URL or a path.
        warp: The grid to warp onto by nearest neighbour, if any.

    Raises:
        InputError: The file is not found, may not be read, or is damaged.
        TemporaryError: The server does not answer, or asks to try later.
    """
    key = (href, warp)
    with _lock:
        place = next((i for i, (name, _) in enumerate(_free) if name == key), None)
        dataset = None if place is None else _free.pop(place)[1]
    try:
        dataset = dataset or Dataset(href, warp)
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
    """Close the datasets that are open and not in use."""
    with _lock:
        datasets, _free[:] = [dataset for _, dataset in _free], []
    for dataset in datasets:
        dataset.close()
