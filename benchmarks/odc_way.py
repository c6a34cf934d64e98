"""Make the same map for comparison, with odc-stac, which loads lazily, and odc-geo, which writes the COG with Dask.

python benchmarks/odc_way.py PRE_ITEM POST_ITEM OUTPUT.tif
"""

import os
import sys

import numpy as np
import odc.geo.xr
import odc.stac
import pystac
from dask_gateway import Gateway
from odc.geo.cog import save_cog_with_dask


def nbr(href: str):
    item = pystac.Item.from_file(href)
    item.make_asset_hrefs_absolute()
    keys = ["B08", "B12"] if "B08" in item.assets else ["nir", "swir22"]
    data = odc.stac.load(
        [item], bands=keys, resolution=10, crs="EPSG:32610", chunks={"x": 2048, "y": 2048}, resampling="nearest"
    )
    data = data.isel(time=0, drop=True).astype("float32")
    nir, swir2 = (data[key].where(data[key] != 0) for key in keys)
    return (nir - swir2) / (nir + swir2)


def main() -> None:
    pre, post, output = sys.argv[1:]
    with (
        Gateway() as gateway,
        gateway.connect(os.environ["DASK_GATEWAY_CLUSTER"]) as cluster,
        cluster.get_client() as client,
    ):
        index = (nbr(pre) - nbr(post)).astype("float32")
        index.attrs["nodata"] = np.nan
        saved = save_cog_with_dask(
            index, output, compression="deflate", blocksize=[512], overview_resampling="nearest", client=client
        )
        client.compute(saved, sync=True)


if __name__ == "__main__":
    main()
