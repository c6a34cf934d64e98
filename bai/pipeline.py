"""A run from two items to a catalogue: the only file that knows the order of the stages."""

from __future__ import annotations

import datetime as dt
import errno
import logging
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from bai import compute, reader
from bai.errors import ComputeError, InputError
from bai.nbr import SEVERITY_NODATA
from bai.output import catalog, report
from bai.output import drawing as quicklook
from bai.output import picture as preview
from bai.stac.fetch import TIMEOUT_S
from bai.stac.href import public
from bai.stac.item import load_item
from bai.stac.pair import check_pair

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from bai.output.report import Report
    from bai.reader import Plan
    from bai.stac.item import BoaOffset, Item

log = logging.getLogger(__name__)

MASK_CLASSES = (0, 1, 3, 8, 9, 10)
"""Nodata, saturated, cloud shadow, medium and high cloud, cirrus. Dark and unclassified stay: fresh burns are so."""
SUSPICIOUS_SHARE = 0.01
"""Of pixels outside every severity class. Real pairs have hardly any; an offset taken twice turns SWIR2 negative."""
OUTPUTS = ("bai.tif", "severity.tif", "bai.png", "report.json", catalog.ITEM, catalog.CATALOG)


@dataclass(frozen=True, slots=True)
class Request:
    """What the user asks for."""

    pre: str
    """http(s) URL, `file://` URL or path of the item before the fire."""
    post: str
    output_dir: Path
    index: Literal["dnbr", "rbr"] = "dnbr"
    boa_offset: BoaOffset = "auto"
    mask: Literal["scl", "none"] | None = None
    """None: by the scene classification where the items have one."""
    mask_classes: tuple[int, ...] = MASK_CLASSES
    bbox: tuple[float, float, float, float] | None = None
    """West, south, east, north in degrees (WGS 84)."""
    compress: Literal["deflate", "zstd"] = "deflate"
    timeout_s: float = TIMEOUT_S
    """How long the catalogue's server may take to answer."""


def run(request: Request, progress: Callable[[int, int], None]) -> Report:
    """Compute the map of a pair of items and write it with its catalogue into the output directory.

    `catalog.json` comes last: where it is, the run was finished. Results of an earlier run are removed first.

    Args:
        request: What to do.
        progress: Called with the number of tasks done and of all tasks.

    Raises:
        InputError: an item or a file that cannot be used.
        ComputeError: a task, the cluster or the disk failed.
        TemporaryError: a server or the cluster does not answer.
    """
    created, stages = dt.datetime.now(dt.UTC), _Stages()
    with _disk(request.output_dir):  # first, because a CWL runner that finds no directory ignores exit code 75
        request.output_dir.mkdir(parents=True, exist_ok=True)
    with stages("items"):
        pre, post, warnings = _items(request)
    with stages("headers"):
        pre, post, doubts = reader.examine(pre, post)
        plan = reader.plan(pre, post, bbox=request.bbox)
        warnings += doubts + _declared_crs(pre, post, plan) + plan.warnings
    for warning in warnings:
        log.warning("%s", warning)
    with _whole_results(request.output_dir):
        shape = plan.grid.shape
        with stages("compute"), compute.connect() as cluster:
            log.info("running the burned area intensity on %s", cluster.name)
            log.info("burned area intensity shape: (%d, %d)", shape.rows, shape.cols)
            options = compute.Options(request.index, request.compress, _classes(request, pre, post))
            result = compute.compute(plan, options, cluster, request.output_dir, progress)
        for path in (result.bai, result.severity):
            log.info("wrote %s, %.1f MB", path, path.stat().st_size / 1e6)
        areas = report.measure(result.statistics, plan.grid)
        if areas.valid_ha == 0:
            warnings += ("no pixel has a value: nodata or masked everywhere",)
            log.warning("%s", warnings[-1])
        if areas.outside_share > SUSPICIOUS_SHARE:
            share = f"{areas.outside_share:.1%} of the pixels have a dNBR outside every class"
            warnings += (f"{share}: is the reflectance offset right? see --boa-offset",)
            log.warning("%s", warnings[-1])
        done = report.Report(
            created=created, pre=pre, post=post, grid=plan.grid, cluster=cluster.name, areas=areas, warnings=warnings,
            parameters=_parameters(request, options), histogram=result.statistics.histogram,
            stages=stages.seconds, bytes_read=result.bytes_read,
        )  # fmt: skip
        with _disk(request.output_dir):
            _describe(request.output_dir, done, stages)
    log.info("burned: %.1f ha, masked: %.1f %%", areas.burned_ha, 100 * areas.masked_share)
    log.info("done in %.1f s, %.1f MB read: %s", stages.total(), result.bytes_read / 1e6, request.output_dir)
    return done


class _Stages:
    """Seconds per stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - start
        log.debug("%s took %.2f s", name, self.seconds[name])

    def total(self) -> float:
        return sum(self.seconds.values())


def _items(request: Request) -> tuple[Item, Item, tuple[str, ...]]:
    """Read both items; return them with warnings about the items and the pair."""
    log.info("pre event %s", public(request.pre))
    log.info("post event %s", public(request.post))
    pre, post = (
        load_item(ref, boa_offset=request.boa_offset, timeout_s=request.timeout_s)
        for ref in (request.pre, request.post)
    )
    warnings = pre.warnings + post.warnings + check_pair(pre, post)
    if request.mask == "none":
        pre, post = replace(pre, scl=None), replace(post, scl=None)
    else:
        bare = [item.id for item in (pre, post) if item.scl is None]
        if bare and request.mask == "scl":
            raise InputError(f"item {bare[0]} has no scene classification (SCL)", hint="run with --mask none")
        warnings += tuple(f"item {one} has no scene classification: its clouds are not masked" for one in bare)
    return pre, post, warnings


def _declared_crs(pre: Item, post: Item, plan: Plan) -> tuple[str, ...]:
    found = plan.grid.crs.to_epsg()
    return tuple(
        f"item {item.id} declares EPSG:{item.epsg}, the result lies on EPSG:{found}"
        for item in (pre, post)
        if item.epsg not in {None, found}
    )


def _classes(request: Request, pre: Item, post: Item) -> tuple[int, ...]:
    """Return the scene classes to mask: none where no item has a classification."""
    return request.mask_classes if pre.scl or post.scl else ()


def _parameters(request: Request, options: compute.Options) -> dict[str, object]:
    return {
        "index": options.index,
        "boa_offset": request.boa_offset,
        "mask": "scl" if options.mask_classes else "none",
        "mask_classes": list(options.mask_classes),
        "bbox": list(request.bbox) if request.bbox else None,
        "compress": options.compress,
    }


def _describe(directory: Path, done: Report, stages: _Stages) -> None:
    """Write what explains the map: picture, report, item, and last the catalogue."""
    with stages("picture"):
        classes = preview.read_classes(directory / "severity.tif")
        metres = done.grid.transform.a * done.grid.shape.cols / classes.shape[1]
        light = preview.read_light(done.post.nir, done.grid, classes.shape)
        picture = quicklook.draw(classes, metres, preview.make_legend(done), light)
        report.write_bytes(directory / "bai.png", quicklook.png(picture))
    report.write_json(directory / "report.json", done.as_dict())
    with stages("catalogue"):
        catalog.write(directory, done, classes != SEVERITY_NODATA)


@contextmanager
def _whole_results(directory: Path) -> Iterator[None]:
    """Remove the results of an earlier run, and all of this one's when it fails or is ended.

    The catalogue, which says that a run was finished, goes first.
    """

    def remove() -> None:
        for name in reversed(OUTPUTS):
            (directory / name).unlink(missing_ok=True)

    with _disk(directory):
        remove()
    try:
        yield
    except BaseException:
        with suppress(OSError):
            remove()
        raise


@contextmanager
def _disk(directory: Path) -> Iterator[None]:
    """Turn an error of the output directory into one line that says what to do.

    Raises:
        ComputeError: the directory cannot be written to.
    """
    try:
        yield
    except OSError as exc:
        raise ComputeError(f"cannot write to {directory}: {exc.strerror or exc}", hint=_disk_hint(exc)) from exc


def _disk_hint(exc: OSError) -> str:
    if exc.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
        return "free some space, or choose another disk with --output-dir; nothing of this run is left there"
    if exc.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return "choose a directory that you may write to with --output-dir"
    return "give a directory that exists or can be made with --output-dir"
