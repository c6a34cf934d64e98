"""Run the application from the command line: parse options, run once, return an exit code."""

from __future__ import annotations

import argparse
import logging
import math
import os
import signal
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NoReturn

from bai import __version__
from bai.errors import BaiError, UsageError
from bai.terminal import configure_logging, progress

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from bai.pipeline import Request

log = logging.getLogger("bai.main")

UNWIND_S = 5.0
"""Seconds that the clean-up may take after a signal: less than the grace period of any runner."""

DESCRIPTION = "Map how severely a fire burned, from two Sentinel-2 Level-2A STAC items."
EPILOG = """\
results in the output directory:
  bai.tif        the index, float32, nodata NaN (Cloud-Optimized GeoTIFF on the pre-fire item's 10 m grid)
  severity.tif   classes of Key & Benson (2006): 1 and 2 regrowth, 3 unburned, 4 to 7 low to high, 255 nodata
  burned.gpkg    the burned patches as polygons with class and hectares (GeoPackage)
  bai.png        a picture with legend, areas and scale bar
  bai.html       one page: both dates with a slider, areas, histogram, items, parameters
  report.json    hectares and shares per class, histogram, inputs, parameters, versions, seconds
  catalog.json   a STAC catalogue with one item, bai.json; written last

environment:
  DASK_GATEWAY_CLUSTER, DASK_CLUSTER   name of a running cluster at the gateway of Dask's configuration
  DASK_SCHEDULER_ADDRESS               a running scheduler; without any of these: threads of this process
  GDAL_HTTP_MAX_RETRY, GDAL_HTTP_TIMEOUT and GDAL's other options, for reading assets

exit codes:
  0 done   2 usage   3 an input cannot be used   4 the computation failed   75 temporary failure, try again
"""


class Interrupted(BaseException):
    """Raised in the main thread by SIGTERM, so that partial files are removed before the process ends."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.exit_code = 128 + number


def make_parser() -> argparse.ArgumentParser:
    """Make the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m bai", description=DESCRIPTION, epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False,
    )  # fmt: skip
    add = parser.add_argument
    item = "STAC item {} the fire: http(s) URL, file:// URL or path of its JSON"
    add("--pre-fire-url", "--pre_fire_url", dest="pre", required=True, metavar="URL", help=item.format("before"))
    add("--post-fire-url", "--post_fire_url", dest="post", required=True, metavar="URL", help=item.format("after"))
    add(
        "--output-dir", type=Path, default=Path(), metavar="DIR", help="results' directory (default: working directory)"
    )
    add("--index", choices=("dnbr", "rbr"), default="dnbr",
        help="dNBR, or RBR = dNBR / (NBR before + 1.001) (default: %(default)s)")  # fmt: skip
    add("--boa-offset", choices=("auto", "apply", "none"), default="auto",
        help="reflectance offset -0.1 of processing baseline 04.00 and later: as the item says, always, or never; "
        "some items say it wrong (default: %(default)s)")  # fmt: skip
    add("--mask", choices=("scl", "none"), default=None,
        help="leave out pixels by the scene classification (default: scl where the items have one)")  # fmt: skip
    add("--mask-classes", type=_classes, default=None, metavar="N,N,...",
        help="scene classes to leave out, 0 to 11 (default: 0,1,3,6,8,9,10: nodata, saturated, cloud shadow, water, "
        "clouds, cirrus); without 3 where fresh burns were taken for shadow")  # fmt: skip
    add("--bbox", type=_bbox, default=None, metavar="W,S,E,N",
        help="crop to this box, in degrees (WGS 84), before anything is read; across the antimeridian W is above E, "
        "such as 179.5,-17,-179.5,-16 (default: the whole item)")  # fmt: skip
    add("--aoi", type=Path, default=None, metavar="FILE",
        help="GeoJSON polygons, such as a fire's footprint: read, count and map only inside")  # fmt: skip
    add("--dnbr-offset", type=_offset, default=0.0, metavar="auto|VALUE|none",
        help="dNBR of unburned ground to subtract; auto measures it around the burn (default: none)")  # fmt: skip
    add("--precision", type=_precision, default=0.0, metavar="STEP",
        help="round bai.tif: values move by up to half of STEP; 0.0001 halves the file (default: exact)")  # fmt: skip
    add("--smallest-patch", type=_hectares, default=0.5, metavar="HA",
        help="area of the smallest polygon in burned.gpkg, in hectares (default: %(default)s)")  # fmt: skip
    add("--performance-report", action="store_true",
        help="keep Dask's report of the computation as dask-report.html; needs a cluster")  # fmt: skip
    add("--compress", choices=("deflate", "zstd"), default="deflate",
        help="compression of the maps; zstd reads faster, but in fewer programs (default: %(default)s)")  # fmt: skip
    add("--timeout", type=_seconds, default=None, metavar="SECONDS",
        help="how long a server may be silent, for workers too (default: 30 s for items, 20 s for files)")  # fmt: skip
    add("-v", "--verbose", action="count", default=0, help="more details, and the traceback of a failure")
    add("-q", "--quiet", action="store_true", help="warnings and errors only")
    add("--log-format", choices=("plain", "json"), default="plain", help="log lines on stderr (default: %(default)s)")
    add("--version", action="version", version=f"bai {__version__}")
    return parser


def _classes(text: str) -> tuple[int, ...]:
    try:
        classes = tuple(sorted({int(part) for part in text.split(",")}))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of numbers such as 0,1,3") from None
    if not set(classes) <= set(range(12)):
        raise argparse.ArgumentTypeError(f"{text!r}: the scene classes are 0 to 11")
    return classes


def _bbox(text: str) -> tuple[float, float, float, float]:
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not W,S,E,N, four numbers in degrees") from None
    if not (-180 <= west <= 180 and -180 <= east <= 360 and -90 <= south < north <= 90):  # noqa: PLR2004 - degrees
        raise argparse.ArgumentTypeError(f"{text!r}: longitudes go from -180 to 180, latitudes from -90 up to 90")
    east -= 360 if east > 180 else 0  # noqa: PLR2004 - degrees
    if not (west < east or east + 360 - west <= 180):  # noqa: PLR2004 - a box with its sides swapped is wider
        raise argparse.ArgumentTypeError(f"{text!r}: west must be below east, except in a box across 180 degrees")
    return west, south, east, north


def _offset(text: str) -> float | Literal["auto"]:
    if text in {"auto", "none"}:
        return "auto" if text == "auto" else 0.0
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not -1 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not auto, none, or a number from -1 to 1")
    return value


def _precision(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 1e-6 <= value <= 0.1:  # noqa: PLR2004 - float32 has no more digits; a class is 0.1 wide
        raise argparse.ArgumentTypeError(f"{text!r} is not a step from 0.000001 to 0.1")
    return value


def _hectares(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 1e6:  # noqa: PLR2004 - a tile has 1.2 million
        raise argparse.ArgumentTypeError(f"{text!r} is not an area in hectares")
    return value


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0
    if not 0 < seconds <= 3600:  # noqa: PLR2004 - an hour
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds up to 3600")
    return seconds


def main(argv: list[str] | None = None) -> int:
    """Run the application.

    Returns:
        The exit code: 0 done, 2 usage, 3 input, 4 computation, 75 temporary, 128 + n after signal n.
    """
    args = make_parser().parse_args(_join_negative(sys.argv[1:] if argv is None else argv))
    verbosity = -1 if args.quiet else args.verbose
    configure_logging(verbosity, args.log_format)
    bar = sys.stderr.isatty() and args.log_format == "plain" and verbosity >= 0
    try:
        with _unwinding_signals():
            request = _request(args)
            from bai import pipeline  # noqa: PLC0415 - `--help` answers at once

            with progress(bar=bar) as show:
                pipeline.run(request, show)
    except BaiError as exc:
        log.error("%s%s", exc, f"; {exc.hint}" if exc.hint else "", exc_info=verbosity > 0)  # noqa: TRY400
        return exc.exit_code
    except Interrupted as exc:
        log.error("ended by %s: no incomplete file is left", exc)  # noqa: TRY400
        return exc.exit_code
    return 0


def _request(args: argparse.Namespace) -> Request:
    if args.mask == "none" and args.mask_classes is not None:
        raise UsageError("--mask none and --mask-classes contradict each other", hint="give one of them")
    if args.aoi is not None and args.bbox is not None:
        raise UsageError("--aoi and --bbox contradict each other", hint="give one of them")
    from bai.pipeline import MASK_CLASSES, Request  # noqa: PLC0415 - `--help` answers at once

    return Request(
        pre=args.pre, post=args.post, output_dir=args.output_dir, index=args.index, boa_offset=args.boa_offset,
        mask=args.mask, mask_classes=MASK_CLASSES if args.mask_classes is None else args.mask_classes,
        bbox=args.bbox, aoi=args.aoi, dnbr_offset=args.dnbr_offset, precision=args.precision,
        smallest_ha=args.smallest_patch, performance_report=args.performance_report,
        compress=args.compress, timeout_s=args.timeout,
    )  # fmt: skip


def _join_negative(argv: list[str]) -> list[str]:
    """Join options and values that may start with a minus, which argparse takes for another option."""
    out: list[str] = []
    for word in argv:
        if out and out[-1] in {"--bbox", "--dnbr-offset"}:
            out[-1] = f"{out[-1]}={word}"
        else:
            out.append(word)
    return out


@contextmanager
def _unwinding_signals() -> Iterator[None]:
    """Make SIGTERM and SIGINT end the run with clean-up; a second signal or a hanging clean-up ends the process."""

    def end(number: int, _frame: FrameType | None) -> NoReturn:
        for other in (signal.SIGTERM, signal.SIGINT):
            signal.signal(other, signal.SIG_DFL)
        # A thread that waits for a server cannot be interrupted, so a timer ends the process. Incomplete files have
        # another name then, because files get their final names only when complete.
        last = threading.Timer(UNWIND_S, os._exit, (128 + number,))
        last.daemon = True
        last.start()
        raise Interrupted(number)

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


if __name__ == "__main__":
    sys.exit(main())
