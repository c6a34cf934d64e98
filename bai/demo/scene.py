"""`python -m bai.demo DIR`: a synthetic Sentinel-2 pair around a fire, as files and STAC items. Needs no network.

Deterministic: the same size gives the same pixels. Memory does not grow with the size, so full tiles (10980) too.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import rasterio
from rasterio import Affine
from rasterio.crs import CRS
from rasterio.warp import transform_bounds
from rasterio.windows import Window

from bai.demo import landscape
from bai.demo.items import CATALOGUES, EPSG, ORIGIN, POST, PRE, RAW_OFFSET, SHIFTED, Acquisition, Catalogue, make_item
from bai.demo.server import make_server
from bai.nbr import SEVERITY_CLASSES, severity

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bai.demo.landscape import Field

SIZE = 2048
STRIP = 512
"""Rows of 20 m made at a time: one row of B08's tiles. The noise is drawn by strip, so it is part of the scene."""
BURNT = 0.27
"""dNBR from which the demo calls ground burnt: moderate-low severity and up."""
_FILES = ("B08.tif", "B12.tif", "SCL.tif")


@dataclass(frozen=True, slots=True)
class Demo:
    """The files of a demo pair, and the burned area that they contain."""

    pre: Path
    """Path of the pre-fire item."""
    post: Path
    burnt_ha: float
    """Hectares of the scar (dNBR of `BURNT` and up) that both dates see."""
    class_ha: dict[str, float]
    """Hectares per severity class that both dates see."""


def make(directory: Path, *, size: int = SIZE, catalogue: Catalogue = "earth-search-v1") -> Demo:
    """Make the pair: two items, six files and `scar.json` with the truth.

    Args:
        directory: Directory to write to; created when it does not exist.
        size: Pixels of 10 m along each side, even, at least 64.
        catalogue: The catalogue whose form the items have.

    Raises:
        ValueError: `size` is odd or too small.
    """
    if size < 64 or size % 2:  # noqa: PLR2004 - a landscape needs some room
        raise ValueError(f"size {size} is not an even number from 64 up")
    counts = np.zeros(len(SEVERITY_CLASSES), np.int64)
    with ExitStack() as stack:
        stack.enter_context(rasterio.Env(GDAL_CACHEMAX=64, GDAL_NUM_THREADS=os.cpu_count() or 1))
        writers = [_writers(stack, directory / date.id, size) for date in (PRE, POST)]
        offset = 0 if catalogue in SHIFTED else RAW_OFFSET
        for row in range(0, size // 2, 2 * STRIP):
            strips = []
            for start in range(row, min(row + 2 * STRIP, size // 2), STRIP):
                strip = landscape.strip(size // 2, start, min(STRIP, size // 2 - start))
                counts += severity(strip.dnbr)[1].classes
                dates = strip.pre, strip.post
                for files, date in zip(writers, dates, strict=True):
                    _write(files[0], _numbers(date.nir, offset), 2 * start)
                strips.append([(_numbers(date.swir2, offset), date.scl) for date in dates])
            # Write whole tiles only: a tile that is written twice is stored twice.
            for files, parts in zip(writers, zip(*strips, strict=True), strict=True):
                for file, bands in zip(files[1:], zip(*parts, strict=True), strict=True):
                    _write(file, np.concatenate(bands), row)
    items = [_write_item(directory, date, size, catalogue) for date in (PRE, POST)]
    hectares = {c.name: round(float(n) * 0.04, 2) for c, n in zip(SEVERITY_CLASSES, counts, strict=True)}
    burnt = sum(hectares[c.name] for c in SEVERITY_CLASSES if c.lower >= BURNT)
    demo = Demo(items[0], items[1], round(burnt, 2), hectares)
    truth = {"burnt_ha": demo.burnt_ha, "burnt_from_dnbr": BURNT, "class_ha": hectares, "size": size}
    _write_json(directory / "scar.json", truth)
    return demo


def _writers(stack: ExitStack, directory: Path, size: int) -> list[Any]:
    """Open B08, B12 and SCL for writing: tiled, DEFLATE with a predictor, as the public files are."""
    directory.mkdir(parents=True, exist_ok=True)
    files = []
    for name in _FILES:
        gsd = 10 if name == "B08.tif" else 20
        pixels = size * 10 // gsd
        block = min(1024, max(16, 1 << (pixels // 4).bit_length() - 1))  # at least four across, as full tiles have
        files.append(
            stack.enter_context(
                rasterio.open(
                    directory / name, "w", driver="GTiff", width=pixels, height=pixels, count=1, nodata=0,
                    dtype="uint8" if name == "SCL.tif" else "uint16", crs=CRS.from_epsg(EPSG),
                    transform=Affine(gsd, 0, ORIGIN[0], 0, -gsd, ORIGIN[1]),
                    tiled=True, blockxsize=block, blockysize=block,
                    compress="DEFLATE", predictor=2, zlevel=6,
                )
            )
        )  # fmt: skip
    return files


def _write(file: Any, band: NDArray[Any], row: int) -> None:
    """Write the rows of a band from `row` on."""
    file.write(band, 1, window=Window(0, row, band.shape[1], band.shape[0]))


def _numbers(reflectance: Field, offset: int) -> NDArray[np.uint16]:
    """Convert reflectance to digital numbers: 0 is nodata, so valid numbers start at 1."""
    numbers = np.rint(reflectance * np.float32(10000)) + np.float32(offset)
    return np.where(np.isnan(numbers), 0, np.clip(numbers, 1, 65535)).astype(np.uint16)


def _write_item(directory: Path, date: Acquisition, size: int, catalogue: Catalogue) -> Path:
    west, north = ORIGIN
    bounds = (west, north - 10 * size, west + 10 * size, north)
    bbox = [round(value, 6) for value in transform_bounds(CRS.from_epsg(EPSG), CRS.from_epsg(4326), *bounds)]
    b08, b12, scl = (f"./{date.id}/{name}" for name in _FILES)
    path = directory / f"{date.id}.json"
    _write_json(path, make_item(date, catalogue, size=size, hrefs=(b08, b12, scl), bbox=bbox))
    return path


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


def main(argv: list[str] | None = None) -> int:
    """Make the demo from the command line; print the two items' paths."""
    description = "Make a synthetic Sentinel-2 pair around a fire: two STAC items and their files."
    parser = argparse.ArgumentParser(prog="python -m bai.demo", description=description)
    parser.add_argument("directory", type=Path, metavar="DIR", help="where to write")
    side = "pixels of 10 m along each side, even (default: %(default)s; a full tile has 10980)"
    parser.add_argument("--size", type=int, default=SIZE, metavar="N", help=side)
    shape = "the catalogue whose form the items have (default: %(default)s)"
    parser.add_argument("--catalogue", choices=CATALOGUES, default="earth-search-v1", help=shape)
    serve = "then serve DIR over HTTP, on all addresses, until the process is ended"
    parser.add_argument("--serve", type=int, metavar="PORT", help=serve)
    args = parser.parse_args(argv)
    try:
        demo = make(args.directory, size=args.size, catalogue=args.catalogue)
    except (ValueError, OSError) as exc:
        parser.error(str(exc))
    sys.stdout.write(f"{demo.pre}\n{demo.post}\n")
    sys.stdout.flush()
    if args.serve is not None:
        with make_server(args.directory, args.serve) as server, suppress(KeyboardInterrupt):
            server.serve_forever()
    return 0
