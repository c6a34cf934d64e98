"""The example package for many pairs, run by `cwl-dask` on small scenes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bai.demo.items import POST, PRE
from bai.demo.scene import make

PACKAGE = Path(__file__).parents[2] / "examples" / "pairs" / "pairs.cwl"


def run(table: Path, results: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "cwl_dask.local.main", "--no-container", "--outdir", results, PACKAGE]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return subprocess.run(
        [*command, "--pairs", table], env=os.environ | {"PATH": path}, capture_output=True, text=True, check=False
    )


def test_a_table_of_pairs_becomes_a_map_for_each_and_one_catalogue(tmp_path: Path) -> None:
    make(tmp_path / "scene", size=64)
    pair = f"{tmp_path}/scene/{PRE.id}.json, {tmp_path}/scene/{POST.id}.json"
    (tmp_path / "table.csv").write_text(f"name,pre_fire_url,post_fire_url\nnorth,{pair}\nsouth,{pair}\n")
    done = run(tmp_path / "table.csv", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    results = tmp_path / "out" / "results"
    catalog = json.loads((results / "catalog.json").read_text())
    children = [link["href"] for link in catalog["links"] if link["rel"] == "child"]
    assert children == ["north/catalog.json", "south/catalog.json"]
    for child in children:
        assert json.loads((results / child).read_text())["type"] == "Catalog"
        assert (results / child).with_name("bai.tif").exists()


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("pre_fire_url\na\n", "the table of pairs has no column post_fire_url"),
        ("pre_fire_url,post_fire_url\na\n", "pair 1 of the table has 1 cells, not 2"),
        ("name,pre_fire_url,post_fire_url\nx,a,b\nx,a,b\n", "pair 2 of the table needs another name than 'x'"),
        ("name,pre_fire_url,post_fire_url\n../x,a,b\n", "pair 1 of the table needs another name than '../x'"),
    ],
)
def test_a_table_that_cannot_be_read_is_refused_with_the_reason(tmp_path: Path, table: str, message: str) -> None:
    (tmp_path / "table.csv").write_text(table)
    done = run(tmp_path / "table.csv", tmp_path / "out")
    assert done.returncode == 1
    assert message in done.stderr
