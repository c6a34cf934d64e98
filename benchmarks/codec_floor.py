"""Time decoding the inputs alone and encoding the map alone, with the application's libraries and two threads.

    .venv-bench/bin/python benchmarks/codec_floor.py PRE_ITEM POST_ITEM MAP.tif

MAP.tif is a map that the application made of the two items (`--mask none`); its pixels are encoded again.
"""

import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

import rasterio
import rasterio.shutil

from bai import compute, files, reader
from bai.cog import tiles
from bai.grid import Window
from bai.stac import item as stac

THREADS = 2


def seconds(work, windows: list[Window]) -> float:
    """Time a function of a window over all windows, in two threads."""
    start = time.perf_counter()
    with ThreadPoolExecutor(THREADS) as pool:
        for _ in pool.map(work, windows):
            pass
    return time.perf_counter() - start


def gdal_seconds(result: str, compress: str) -> float:
    """Time GDAL's COG driver on the whole map, read into memory first, with the same predictor, level and tile size."""
    with rasterio.open(result) as file, rasterio.MemoryFile() as memory, tempfile.TemporaryDirectory() as scratch:
        profile = {"driver": "GTiff", "count": 1, "dtype": file.dtypes[0], "crs": file.crs, "transform": file.transform}
        with memory.open(**profile, width=file.width, height=file.height, nodata=file.nodata, tiled=True) as copy:
            copy.write(file.read(1), 1)
        options = {"PREDICTOR": "YES", "LEVEL": 1, "BLOCKSIZE": 512, "OVERVIEW_RESAMPLING": "AVERAGE"}
        with memory.open() as source:
            start = time.perf_counter()
            rasterio.shutil.copy(
                source, f"{scratch}/map.tif", driver="COG", COMPRESS=compress, NUM_THREADS=THREADS, **options
            )
            return time.perf_counter() - start


def main() -> None:
    pre, post, result = sys.argv[1:]
    plan = reader.plan(stac.load_item(pre), stac.load_item(post))
    layout = tiles.Layout(plan.grid.shape)
    shape, size = plan.grid.shape, layout.window
    windows = [
        Window(col, row, min(size, shape.cols - col), min(size, shape.rows - row))
        for row in range(0, shape.rows, size)
        for col in range(0, shape.cols, size)
    ]
    print(f"decode: {seconds(lambda window: reader.read(plan, window, masked=False), windows):.2f} s")
    files.close_all()
    with rasterio.open(result) as file:
        pixels = {
            window: file.read(
                1,
                window=(
                    (window.row_off, window.row_off + window.height),
                    (window.col_off, window.col_off + window.width),
                ),
            )
            for window in windows
        }
    for compress in ("deflate", "zstd"):
        raster, _ = compute._rasters(plan, compute.Options(compress=compress))  # noqa: SLF001 - measured as it is
        taken = seconds(
            lambda window, raster=raster: tiles.encode_window(pixels[window], window, layout, raster), windows
        )
        print(f"encode, {compress}: {taken:.2f} s")
    for compress in ("DEFLATE", "ZSTD"):
        print(f"GDAL's COG driver, {compress.lower()}: {gdal_seconds(result, compress):.2f} s")


if __name__ == "__main__":
    main()
