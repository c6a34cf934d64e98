"""Run all stages in order, from two items to a catalogue."""

from __future__ import annotations

import datetime as dt
import errno
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from rasterio.warp import transform_bounds

from bai import compute, headers, reader
from bai.aoi import load_area
from bai.buffers import keep_freed_memory
from bai.cluster import DASK_REPORT
from bai.errors import BaiError, ComputeError, InputError
from bai.files import limited
from bai.grid import Shape
from bai.nbr import SEVERITY_CLASSES, SEVERITY_NODATA
from bai.offset import SURROUNDINGS_M, Offset, measure_offset
from bai.output import catalog, drawing, page, report
from bai.output.picture import brightness, make_legend
from bai.overview import Bands, read_bands
from bai.stac.fetch import TIMEOUT_S
from bai.stac.href import public
from bai.stac.item import load_item
from bai.stac.pair import check_pair
from bai.vector.patches import FIRST

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from bai.aoi import Shapes
    from bai.output.report import Report
    from bai.reader import Plan
    from bai.stac.item import BoaOffset, Item

log = logging.getLogger(__name__)

MASK_CLASSES = (0, 1, 3, 6, 8, 9, 10)
"""Nodata, saturated, cloud shadow, water, medium and high cloud, cirrus. Dark and unclassified ground stays, because
fresh burns are classified so."""
SUSPICIOUS_SHARE = 0.01
"""Of pixels outside every severity class. Real pairs have hardly any; an offset taken twice turns SWIR2 negative."""
OUTPUTS = (
    "bai.tif", "severity.tif", "burned.gpkg", DASK_REPORT, "bai.png", "bai.html", "report.json", catalog.ITEM,
    catalog.CATALOG,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Request:
    """The parameters of a run."""

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
    aoi: Path | None = None
    """GeoJSON file of polygons to compute inside; not together with `bbox`."""
    dnbr_offset: float | Literal["auto"] = 0.0
    """Subtracted from every dNBR; `auto` measures it on unburned ground."""
    precision: float = 0.0
    """Values of bai.tif may move by half of this; 0 keeps them exact."""
    smallest_ha: float = 0.5
    """Area of the smallest patch in burned.gpkg."""
    compress: Literal["deflate", "zstd"] = "deflate"
    performance_report: bool = False
    """Keep Dask's own report of the computation, `dask-report.html`."""
    timeout_s: float | None = None
    """Seconds that a server may be silent; when None, TIMEOUT_S for items and GDAL's options for their files."""


def run(request: Request, progress: Callable[[int, int], None]) -> Report:
    """Compute the map of a pair of items and write it with its catalogue into the output directory.

    Results of an earlier run are removed first. `catalog.json` is written last, so its existence means that the run was
    finished.

    Args:
        request: What to do.
        progress: Called with the number of tasks done and of all tasks.

    Raises:
        InputError: an item or a file that cannot be used.
        ComputeError: a task, the cluster or the disk failed.
        TemporaryError: a server or the cluster does not answer.
    """
    created, stages = dt.datetime.now(dt.UTC), _Stages()
    keep_freed_memory()
    # Create the directory first, because a CWL runner ignores exit code 75 without the directory.
    with _disk(request.output_dir):
        request.output_dir.mkdir(parents=True, exist_ok=True)
    with stages("items"):
        pre, post, warnings = _items(request)
    area = None if request.aoi is None else load_area(request.aoi)
    with stages("headers"):
        pre, post, doubts = headers.examine(pre, post, request.timeout_s)
        bbox = area.bounds if area else request.bbox
        plan = reader.plan(pre, post, bbox=bbox, timeout_s=request.timeout_s)
        warnings += doubts + _declared_crs(pre, post, plan) + plan.warnings
    for warning in warnings:
        log.warning("%s", warning)
    shapes = None if area is None else area.place(plan.grid)
    masked = _classes(request, pre, post)
    with stages("offset"):
        offset = _offset(request, pre, post, plan, masked, shapes)
    with _whole_results(request.output_dir), ThreadPoolExecutor(1) as background:
        options = compute.Options(
            request.index, request.compress, masked, dnbr_offset=offset.value, precision=request.precision,
            smallest_ha=request.smallest_ha, area=shapes,
        )  # fmt: skip
        backdrop = background.submit(_backdrop, plan)
        with stages("compute"), compute.connect() as cluster:
            log.info("running the burned area intensity on %s", cluster.name)
            log.info("burned area intensity shape: (%d, %d)", plan.grid.shape.rows, plan.grid.shape.cols)
            log.info("burned area intensity dims: ('y', 'x')")
            with (
                _disk(request.output_dir),
                cluster.report(request.output_dir / DASK_REPORT if request.performance_report else None),
            ):
                result = compute.compute(plan, options, cluster, request.output_dir, progress)
        for path in (result.bai, result.severity, result.polygons.path):
            log.info("wrote %s, %.1f MB", path, path.stat().st_size / 1e6)
        areas = report.measure(result.statistics, plan.grid)
        if suspicious := _suspicious(areas):
            warnings += (suspicious,)
            log.warning("%s", suspicious)
        done = report.Report(
            created=created, pre=pre, post=post, grid=plan.grid, cluster=cluster.name, areas=areas, warnings=warnings,
            parameters=_parameters(request, options), histogram=result.statistics.histogram,
            stages=stages.seconds, bytes_read=result.bytes_read, work=_work(result), patches=_patches(request, result),
            offset=offset,
        )  # fmt: skip
        with _disk(request.output_dir):
            _describe(request.output_dir, done, stages, result.classes, backdrop.result())
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
        load_item(ref, boa_offset=request.boa_offset, timeout_s=request.timeout_s or TIMEOUT_S)
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
        "aoi": request.aoi.name if request.aoi else None,
        "dnbr_offset": "auto" if request.dnbr_offset == "auto" else options.dnbr_offset,
        "precision": options.precision,
        "smallest_ha": options.smallest_ha,
        "compress": options.compress,
    }


def _offset(
    request: Request, pre: Item, post: Item, plan: Plan, masked: tuple[int, ...], shapes: Shapes | None
) -> Offset:
    """Return the dNBR offset that the user gave, or measure it on the map and its surroundings."""
    if request.dnbr_offset != "auto":
        return Offset(request.dnbr_offset, 0)
    around = plan
    if request.aoi or request.bbox:
        west, south, east, north = plan.grid.bounds
        wider = (west - SURROUNDINGS_M, south - SURROUNDINGS_M, east + SURROUNDINGS_M, north + SURROUNDINGS_M)
        around = reader.plan(
            pre, post, bbox=transform_bounds(plan.grid.crs, reader.WGS84, *wider), timeout_s=plan.timeout_s
        )
    found = measure_offset(around, masked, shapes)
    log.info("dNBR offset %.4f: mean of %d unburned pixels of the overview", found.value, found.pixels)
    return found


def _backdrop(plan: Plan) -> tuple[Bands, Bands] | None:
    """Read both dates for the pictures while the map is computed; None where that is impossible or slow."""
    step = compute.preview_step(plan.grid.shape)
    shape = Shape(-(-plan.grid.shape.rows // step), -(-plan.grid.shape.cols // step))
    try:
        with limited(plan.timeout_s):
            pre, post = (read_bands(date, plan.grid, shape) for date in (plan.pre, plan.post))
    except BaiError as error:  # continue without land under the classes: an unreadable overview must not fail the run
        log.debug("read no land for the pictures: %s", error)
        return None
    return (pre, post) if pre and post else None


def _suspicious(areas: report.Areas) -> str | None:
    """Return a warning when the values as a whole are unlikely."""
    if areas.valid_ha == 0:
        return "no pixel has a value: nodata or masked everywhere"
    if areas.outside_share > SUSPICIOUS_SHARE:
        share = f"{areas.outside_share:.1%} of the pixels have a dNBR outside every class"
        return f"{share}: is the reflectance offset right? see --boa-offset"
    return None


def _work(result: compute.Result) -> report.Work:
    seconds = {name: result.seconds.get(name, 0.0) for name in ("read", "compute", "encode")}
    return report.Work(len(result.workers), seconds, max(result.workers.values(), default=0))


def _patches(request: Request, result: compute.Result) -> report.Patches:
    unit = result.grid.pixel_hectares
    areas = {c.name: result.polygons.pixels[c.value] * unit for c in SEVERITY_CLASSES if c.value >= FIRST}
    return report.Patches(request.smallest_ha, result.polygons.count, areas)


def _describe(
    directory: Path,
    done: Report,
    stages: _Stages,
    classes: NDArray[np.uint8],
    backdrop: tuple[Bands, Bands] | None,
) -> None:
    """Write the files that describe the map: pictures, report, item, and last the catalogue."""
    with stages("picture"):
        metres = done.grid.transform.a * done.grid.shape.cols / classes.shape[1]
        light = brightness(backdrop[1].nir) if backdrop else None
        picture = drawing.draw(classes, metres, make_legend(done), light)
        report.write_bytes(directory / "bai.png", drawing.png(picture))
    with stages("page"):
        images = page.make_images(classes, backdrop, picture)
    report.write_bytes(directory / "bai.html", page.make_page(done, images).encode())
    report.write_json(directory / "report.json", done.as_dict())
    with stages("catalogue"):
        catalog.write(directory, done, classes != SEVERITY_NODATA)


@contextmanager
def _whole_results(directory: Path) -> Iterator[None]:
    """Remove the results of an earlier run, and those of this run when it fails or is ended.

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
    """Translate an error of the output directory into one line with a hint.

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
