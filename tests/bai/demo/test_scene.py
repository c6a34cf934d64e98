"""Test the demo's scene: reproducible, in the form of real products, and as its items describe it."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pytest
import rasterio

from bai.demo import scene as demo
from bai.demo.server import make_server


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> demo.Demo:
    return demo.make(tmp_path_factory.mktemp("scene"), size=512)


def test_files_are_like_the_public_ones(scene: demo.Demo) -> None:
    assert (scene.pre.name, scene.post.name) == ("S2B_10TFK_20210713_0_L2A.json", "S2A_10TFK_20210718_0_L2A.json")
    for path, gsd, dtype in (("B08.tif", 10, "uint16"), ("B12.tif", 20, "uint16"), ("SCL.tif", 20, "uint8")):
        with rasterio.open(scene.pre.with_suffix("") / path) as file:
            assert file.crs.to_epsg() == 32610
            assert tuple(file.transform)[:6] == (gsd, 0, 600000, 0, -gsd, 4500000)
            assert file.shape == (5120 // gsd, 5120 // gsd)
            assert (file.dtypes[0], file.nodata) == (dtype, 0)
            assert file.profile["tiled"]
            assert file.profile["compress"] == "deflate"


def test_same_size_same_bytes(scene: demo.Demo, tmp_path: Path) -> None:
    demo.make(tmp_path, size=512)
    for path in scene.pre.parent.rglob("*.*"):
        assert (tmp_path / path.relative_to(scene.pre.parent)).read_bytes() == path.read_bytes()


def test_looks_like_a_landscape(scene: demo.Demo) -> None:
    with rasterio.open(scene.post.with_suffix("") / "SCL.tif") as file:
        classes = file.read(1)
    assert {0, 3, 4, 5, 6, 8, 9} <= set(np.unique(classes).tolist())
    assert 0.02 < (classes == 0).mean() < 0.1
    shares = {name: area / 2621.44 for name, area in scene.class_ha.items()}
    assert shares["unburned"] > 0.7
    assert all(shares[name] > 0.005 for name in ("low", "moderate-low", "moderate-high", "high"))
    assert scene.burnt_ha == pytest.approx(
        sum(scene.class_ha[n] for n in ("moderate-low", "moderate-high", "high")), abs=0.1
    )
    assert json.loads((scene.pre.parent / "scar.json").read_text())["burnt_ha"] == scene.burnt_ha


@pytest.mark.parametrize("size", [63, 62, 0, -2])
def test_impossible_sizes(tmp_path: Path, size: int) -> None:
    with pytest.raises(ValueError, match=f"size {size}"):
        demo.make(tmp_path, size=size)


def test_command_line(tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "bai.demo", str(tmp_path), "--size"]
    done = subprocess.run([*argv, "64"], capture_output=True, text=True, check=True)
    assert [Path(line).is_file() for line in done.stdout.splitlines()] == [True, True]
    assert subprocess.run([*argv, "63"], capture_output=True, check=False).returncode == 2


def test_server_has_ranges(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"0123456789")

    def get(name: str, asked: str | None = None) -> tuple[int, bytes]:
        headers = {} if asked is None else {"Range": asked}
        try:
            with opener.open(urllib.request.Request(f"{url}/{name}", headers=headers), timeout=10) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as exc:
            exc.close()
            return exc.code, b""

    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with make_server(tmp_path, 0, "127.0.0.1") as server:
        url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            assert get("a.txt") == (200, b"0123456789")
            assert get("a.txt", "bytes=2-4") == (206, b"234")
            assert get("a.txt", "bytes=7-") == (206, b"789")
            assert get("a.txt", "bytes=7-99") == (206, b"789")
            assert get("a.txt", "bytes=10-") == (416, b"")
            assert get("a.txt", "bytes=-3") == (200, b"0123456789")
            assert get("none", "bytes=0-1") == (404, b"")
            assert get("../../etc/hostname", "bytes=0-1") == (404, b"")
        finally:
            server.shutdown()
            thread.join()
