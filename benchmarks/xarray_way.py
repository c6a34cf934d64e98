"""Make the same map for comparison, with stackstac, which stacks bands lazily, and rioxarray, which writes the COG.

    python benchmarks/xarray_way.py PRE_ITEM POST_ITEM OUTPUT.tif

Works on the cluster named by DASK_GATEWAY_CLUSTER. No mask, DEFLATE, as applications of this kind are usually written.
"""

import os
import sys

import pystac
import rioxarray  # noqa: F401 - registers `.rio`
import stackstac
from dask_gateway import Gateway
from rasterio.enums import Resampling


def bands(item: pystac.Item) -> list[str]:
    return ["B08", "B12"] if "B08" in item.assets else ["nir", "swir22"]


def nbr(href: str):
    item = pystac.Item.from_file(href)
    item.make_asset_hrefs_absolute()
    keys = bands(item)
    stack = stackstac.stack(
        [item],
        assets=keys,
        resolution=10,
        epsg=32610,
        resampling=Resampling.nearest,
        chunksize=(1, 1, 1024, 1024),
        rescale=False,
    )
    stack = stack.assign_coords(band=["nir", "swir2"]).drop_vars("time")
    nir, swir2 = stack.sel(band="nir").squeeze("time"), stack.sel(band="swir2").squeeze("time")
    return (nir - swir2) / (nir + swir2)


def main() -> None:
    pre, post, output = sys.argv[1:]
    with Gateway() as gateway, gateway.connect(os.environ["DASK_GATEWAY_CLUSTER"]) as cluster, cluster.get_client():
        index = (nbr(pre) - nbr(post)).astype("float32")
        index = index.drop_vars([name for name in index.coords if name not in ("x", "y")])
        index = index.rio.write_crs(32610).rio.set_spatial_dims("x", "y")
        index.rio.to_raster(output, driver="COG", compress="deflate", blocksize=512, overview_resampling="nearest")


if __name__ == "__main__":
    main()
