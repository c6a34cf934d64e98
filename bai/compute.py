"""Compute the map: one task for each window, on a cluster or in threads; write the results into the map's files."""

from __future__ import annotations

import logging
import math
import os
import platform
import resource
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from bai.buffers import keep_freed_memory
from bai.cluster import Cluster, connect, translate
from bai.cog.tiff import Raster
from bai.cog.tiles import Layout, Tiles, encode_window
from bai.cog.writer import CogWriter
from bai.errors import BaiError
from bai.files import close_all
from bai.grid import windows
from bai.kernel import compute_window
from bai.nbr import SEVERITY_CLASSES, SEVERITY_NODATA, Statistics, round_to
from bai.reader import read
from bai.vector.geopackage import PolygonWriter
from bai.vector.merge import Merger
from bai.vector.patches import Patch, find_patches

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from bai.aoi import Shapes
    from bai.grid import Grid, Shape, Window
    from bai.nbr import Bytes
    from bai.reader import Plan, Reading

log = logging.getLogger(__name__)

PICTURE_PIXELS = 1080
"""Pixels along the longer side of the map in a picture; the overview read for the map has up to twice as many."""
ROUNDING = 1e-9
"""Tolerance when hectares become pixels: 0.5 ha are 50 pixels of 10 m, not 51."""

__all__ = ["Cluster", "Options", "Result", "compute", "connect"]


@dataclass(frozen=True, slots=True)
class Options:
    """What to compute, and how to store the result."""

    index: Literal["dnbr", "rbr"] = "dnbr"
    compress: Literal["deflate", "zstd"] = "deflate"
    mask_classes: tuple[int, ...] = ()
    """Classes of the scene classification that hide a pixel on either date; none read when empty."""
    dnbr_offset: float = 0.0
    """dNBR of unburned ground, subtracted from every dNBR."""
    precision: float = 0.0
    """Values of bai.tif may move by half of this; 0 keeps them exact. Classes and counts are always of exact values."""
    smallest_ha: float = 0.5
    """Area of the smallest patch in burned.gpkg, in hectares."""
    area: Shapes | None = None
    """Where to compute; everywhere when None."""
    block: int = 512
    """Pixels along a tile's side."""
    window: int = 2048
    """Pixels along a task's side: `block` times a power of two. 2048 is 2 x 2 tiles of public B08 files, 1 of B12."""


@dataclass(frozen=True, slots=True)
class Result:
    """The numbers of a finished computation."""

    bai: Path
    severity: Path
    grid: Grid
    statistics: Statistics
    bytes_read: int
    """Compressed size of the blocks of the inputs that were read."""
    bytes_written: int
    seconds: dict[str, float]
    """Per stage: `read`, `compute`, `encode` summed over the tasks, `assemble` and `total` by the client's clock."""
    classes: Bytes
    """Every n-th row and column of severity, about the size of a picture: see `preview_step`."""
    polygons: Polygons
    workers: dict[str, int]
    """Peak memory in bytes of each process that ran tasks."""


@dataclass(frozen=True, slots=True)
class Polygons:
    """What burned.gpkg holds."""

    path: Path
    count: int
    pixels: dict[int, int]
    """Pixels per severity class."""


@dataclass(frozen=True, slots=True)
class Done:
    """What a task returns."""

    window: Window
    index: Tiles
    severity: Tiles
    patches: tuple[Patch, ...]
    preview: Bytes
    """Every n-th row and column of severity."""
    statistics: Statistics
    bytes_read: int
    seconds: dict[str, float]
    process: str
    """Host and process id."""
    peak_memory: int
    """Largest memory of the process so far, in bytes."""


def compute(
    plan: Plan, options: Options, cluster: Cluster, output_dir: Path, progress: Callable[[int, int], None]
) -> Result:
    """Compute `output_dir`/bai.tif, severity.tif and burned.gpkg; all of them appear when everything is done, or none.

    Args:
        plan: What to read.
        options: What to compute.
        cluster: Where, from `connect`.
        output_dir: An existing folder.
        progress: Called with the number of tasks done and of all tasks.

    Raises:
        InputError: A file is damaged.
        ComputeError: A task, the cluster or the disk failed.
        TemporaryError: A server or the workers do not answer.
    """
    start = time.perf_counter()
    layout, grid = Layout(plan.grid.shape, options.block, options.window), plan.grid
    paths = output_dir / "bai.tif", output_dir / "severity.tif"
    with ExitStack() as stack:
        stack.callback(close_all)
        writers = [
            stack.enter_context(CogWriter(path, layout, grid, raster))
            for path, raster in zip(paths, _rasters(plan, options), strict=True)
        ]
        polygons = stack.enter_context(PolygonWriter(output_dir / "burned.gpkg", grid))
        collected = _Collected(writers, polygons, Merger(grid.shape, options.window, smallest(options, grid)), grid)
        _run(plan, options, cluster, collected.add, progress)
        assembling = time.perf_counter()
        log.info("writing the result to a COG file")
        bytes_written = sum(writer.finish() for writer in writers)
        for writer in writers:
            writer.publish()
        polygons.publish()
    end = time.perf_counter()
    return Result(
        *paths, grid, collected.statistics, collected.bytes_read, bytes_written,
        seconds={**collected.seconds, "assemble": end - assembling, "total": end - start},
        classes=collected.classes, workers=collected.workers,
        polygons=Polygons(output_dir / "burned.gpkg", polygons.count, polygons.pixels),
    )  # fmt: skip


class _Collected:
    """The merged results of the tasks so far."""

    def __init__(self, writers: list[CogWriter], polygons: PolygonWriter, merger: Merger, grid: Grid) -> None:
        self._writers, self._polygons, self._merger = writers, polygons, merger
        self._step = preview_step(grid.shape)
        shape = -(-grid.shape.rows // self._step), -(-grid.shape.cols // self._step)
        self.classes = np.full(shape, SEVERITY_NODATA, np.uint8)
        self.statistics, self.bytes_read = Statistics.empty(), 0
        self.seconds: dict[str, float] = {}
        self.workers: dict[str, int] = {}

    def add(self, done: Done) -> None:
        """Take the results of one task."""
        self._writers[0].add(done.index, done.window)
        self._writers[1].add(done.severity, done.window)
        self._polygons.add(self._merger.add(done.window, done.patches))
        row, col = done.window.row_off // self._step, done.window.col_off // self._step
        self.classes[row : row + done.preview.shape[0], col : col + done.preview.shape[1]] = done.preview
        self.statistics += done.statistics
        self.bytes_read += done.bytes_read
        for stage, spent in done.seconds.items():
            self.seconds[stage] = self.seconds.get(stage, 0.0) + spent
        self.workers[done.process] = max(self.workers.get(done.process, 0), done.peak_memory)


def preview_step(shape: Shape) -> int:
    """Return how many pixels of a raster one pixel of its picture stands for: a power of two, as for overviews."""
    step = 1
    while max(shape.rows, shape.cols) >= 2 * step * PICTURE_PIXELS:
        step *= 2
    return step


def smallest(options: Options, grid: Grid) -> int:
    """Return the smallest number of pixels of a patch in burned.gpkg."""
    return max(1, math.ceil(options.smallest_ha / grid.pixel_hectares - ROUNDING))


def _run(
    plan: Plan,
    options: Options,
    cluster: Cluster,
    collect: Callable[[Done], None],
    progress: Callable[[int, int], None],
) -> None:
    """Compute all windows, a bounded number at the same time; after a failure no task keeps running."""
    todo = windows(plan.grid.shape, options.window)
    total, finished, waiting = len(todo), 0, iter(todo)
    running: set[Future[Done]] = set()
    try:
        while True:
            free = cluster.in_flight - len(running)
            running |= {
                cluster.executor.submit(task, plan, options, window) for window in islice(waiting, max(0, free))
            }
            if not running:
                return
            done, running = cluster.wait(running)
            while done:
                collect(done.pop().result())
                finished += 1
                progress(finished, total)
    except BaseException as error:
        for future in running:
            future.cancel()
        if (clear := translate(error, cluster)) is not None and clear is not error:
            raise clear from error
        raise


def task(plan: Plan, options: Options, window: Window) -> Done:
    """Read, compute and encode one window: what a worker does."""
    keep_freed_memory()
    clock = [time.perf_counter()]
    inside = None if options.area is None else options.area.inside(plan.grid, window)
    reading = None if inside is not None and not inside.any() else _read(plan, options, window)
    clock.append(time.perf_counter())
    if reading is None:
        size = window.height, window.width
        index, classes = np.full(size, np.nan, np.float32), np.full(size, SEVERITY_NODATA, np.uint8)
        statistics, bytes_read = Statistics.empty(), 0
    else:
        index, classes, statistics = compute_window(
            reading.pre, reading.post, options.index, options.mask_classes, offset=options.dnbr_offset, inside=inside
        )
        bytes_read = reading.bytes_read
        del reading
    if options.precision:
        round_to(index, options.precision)
    patches = find_patches(classes, window, smallest(options, plan.grid))
    clock.append(time.perf_counter())
    layout = Layout(plan.grid.shape, options.block, options.window)
    rasters = _rasters(plan, options)
    tiles = encode_window(index, window, layout, rasters[0]), encode_window(classes, window, layout, rasters[1])
    step = preview_step(plan.grid.shape)
    clock.append(time.perf_counter())
    seconds = {name: clock[i + 1] - clock[i] for i, name in enumerate(("read", "compute", "encode"))}
    return Done(
        window, *tiles, patches, classes[::step, ::step].copy(), statistics, bytes_read, seconds,
        f"{platform.node()}:{os.getpid()}", peak_memory(),
    )  # fmt: skip


def _read(plan: Plan, options: Options, window: Window) -> Reading:
    try:
        return read(plan, window, masked=bool(options.mask_classes))
    except BaiError as error:
        log.debug("failed to read %s", window, exc_info=True)
        error.__cause__ = error.__context__ = (
            None  # GDAL's errors cannot be pickled, and the message contains everything
        )
        raise


def peak_memory() -> int:
    """Return the peak memory of this process in bytes.

    Linux counts `ru_maxrss` on from the process that started this one, so its own status is read where there is one.
    """
    with suppress(OSError, StopIteration):
        lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) << 10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


def _rasters(plan: Plan, options: Options) -> tuple[Raster, Raster]:
    """Describe the two files."""
    index = Raster(
        dtype="float32",
        nodata=float("nan"),
        description="dNBR" if options.index == "dnbr" else "RBR",
        compress=options.compress,
        predictor=3,
        unit="1",
        tags=plan.tags,
    )
    colours = {c.value: c.colour for c in SEVERITY_CLASSES}
    severity = replace(
        index,
        dtype="uint8",
        nodata=SEVERITY_NODATA,
        description="burn severity",
        predictor=1,
        unit="",
        colours=colours,
        tags=plan.tags | {f"CLASS_{c.value}": c.label for c in SEVERITY_CLASSES},
    )
    return index, severity
