"""The computation: windows to tasks on a cluster or in threads, their tiles into bai.tif and severity.tif."""

from __future__ import annotations

import logging
import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Literal

from bai.buffers import keep_freed_memory
from bai.cluster import Cluster, connect, translate
from bai.cog.tiff import Raster
from bai.cog.tiles import Layout, Tiles, encode_window
from bai.cog.writer import CogWriter
from bai.errors import BaiError
from bai.files import close_all
from bai.grid import windows
from bai.kernel import compute_window
from bai.nbr import SEVERITY_CLASSES, SEVERITY_NODATA, Statistics
from bai.reader import read

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future
    from pathlib import Path

    from bai.grid import Grid, Window
    from bai.reader import Plan

log = logging.getLogger(__name__)

__all__ = ["Cluster", "Options", "Result", "compute", "connect"]


@dataclass(frozen=True, slots=True)
class Options:
    """What to compute, and how to store it."""

    index: Literal["dnbr", "rbr"] = "dnbr"
    compress: Literal["deflate", "zstd"] = "deflate"
    mask_classes: tuple[int, ...] = ()
    """Classes of the scene classification that hide a pixel on either date; none read when empty."""
    block: int = 512
    """Pixels along a tile's side."""
    window: int = 2048
    """Pixels along a task's side: `block` times a power of two. 2048 is 2 x 2 tiles of public B08 files, 1 of B12."""


@dataclass(frozen=True, slots=True)
class Result:
    """What was computed."""

    bai: Path
    severity: Path
    grid: Grid
    statistics: Statistics
    bytes_read: int
    """Compressed size of the blocks of the inputs that were read."""
    bytes_written: int
    seconds: dict[str, float]
    """Per stage: `read`, `compute`, `encode` summed over the tasks, `assemble` and `total` by the client's clock."""


@dataclass(frozen=True, slots=True)
class Done:
    """What a task returns."""

    window: Window
    index: Tiles
    severity: Tiles
    statistics: Statistics
    bytes_read: int
    seconds: dict[str, float]


def compute(
    plan: Plan, options: Options, cluster: Cluster, output_dir: Path, progress: Callable[[int, int], None]
) -> Result:
    """Compute `output_dir`/bai.tif and severity.tif; both appear when all is done, or none.

    Args:
        plan: What to read.
        options: What to compute.
        cluster: Where, from `connect`.
        output_dir: An existing folder.
        progress: Called with the number of tasks done and of all tasks.

    Raises:
        InputError: A file turned out to be damaged.
        ComputeError: A task, the cluster or the disk failed.
        TemporaryError: A server or the workers do not answer.
    """
    start = time.perf_counter()
    layout, grid = Layout(plan.grid.shape, options.block, options.window), plan.grid
    paths = output_dir / "bai.tif", output_dir / "severity.tif"
    statistics, bytes_read = Statistics.empty(), 0
    seconds: dict[str, float] = {}
    with ExitStack() as stack:
        stack.callback(close_all)
        writers = [
            stack.enter_context(CogWriter(path, layout, grid, raster))
            for path, raster in zip(paths, _rasters(plan, options), strict=True)
        ]

        def collect(done: Done) -> None:
            nonlocal statistics, bytes_read
            writers[0].add(done.index, done.window)
            writers[1].add(done.severity, done.window)
            statistics += done.statistics
            bytes_read += done.bytes_read
            for stage, spent in done.seconds.items():
                seconds[stage] = seconds.get(stage, 0.0) + spent

        _run(plan, options, cluster, collect, progress)
        assembling = time.perf_counter()
        bytes_written = sum(writer.finish() for writer in writers)
        for writer in writers:
            writer.publish()
    end = time.perf_counter()
    clock = {**seconds, "assemble": end - assembling, "total": end - start}
    return Result(*paths, grid, statistics, bytes_read, bytes_written, clock)


def _run(
    plan: Plan,
    options: Options,
    cluster: Cluster,
    collect: Callable[[Done], None],
    progress: Callable[[int, int], None],
) -> None:
    """Have all windows computed, a bounded number at a time; on failure nothing is left running."""
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
    try:
        reading = read(plan, window, masked=bool(options.mask_classes))
    except BaiError as error:
        log.debug("failed to read %s", window, exc_info=True)
        error.__cause__ = error.__context__ = None  # GDAL's errors cannot be pickled, and the message says it all
        raise
    clock.append(time.perf_counter())
    index, classes, statistics = compute_window(reading.pre, reading.post, options.index, options.mask_classes)
    bytes_read = reading.bytes_read
    del reading
    clock.append(time.perf_counter())
    layout = Layout(plan.grid.shape, options.block, options.window)
    rasters = _rasters(plan, options)
    tiles = encode_window(index, window, layout, rasters[0]), encode_window(classes, window, layout, rasters[1])
    clock.append(time.perf_counter())
    seconds = {name: clock[i + 1] - clock[i] for i, name in enumerate(("read", "compute", "encode"))}
    return Done(window, tiles[0], tiles[1], statistics, bytes_read, seconds)


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
