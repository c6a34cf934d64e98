"""Test that the demo's items describe the same pixels in the form of each catalogue."""

from __future__ import annotations

import json
from pathlib import Path

import pystac
import pytest
import rasterio

from bai.demo import scene as demo
from bai.demo.items import CATALOGUES, POST, PRE, Catalogue
from bai.stac.item import load_item


@pytest.mark.parametrize("catalogue", CATALOGUES)
def test_the_application_reads_the_items_of_each_catalogue(tmp_path: Path, catalogue: Catalogue) -> None:
    made = demo.make(tmp_path, size=64, catalogue=catalogue)
    item = load_item(str(made.pre))
    assert item.scl is not None
    assert Path(item.nir.href).is_file()
    with rasterio.open(item.nir.href) as file:
        numbers = file.read(1)
    assert numbers[numbers > 0].min() * item.nir.scale + item.nir.offset > 0
    assert numbers[numbers > 0].mean() * item.nir.scale + item.nir.offset == pytest.approx(0.27, abs=0.08)
    if catalogue != "earth-search-v0":  # its items name extensions in a form that is no longer valid
        pystac.Item.from_dict(json.loads(made.pre.read_text()), migrate=False)


def test_ids_are_those_of_the_catalogue_and_of_the_product() -> None:
    assert (PRE.id, POST.id) == ("S2B_10TFK_20210713_0_L2A", "S2A_10TFK_20210718_0_L2A")
    assert PRE.product == "S2B_MSIL2A_20210713T190324_N0500_R013_T10TFK_20210713T190324"
