"""Compare the computation with a direct one, in threads and on a real Dask cluster."""

from __future__ import annotations

import logging
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import rasterio
from distributed import LocalCluster

from bai.cluster import Cluster
from bai.compute import Options, compute, connect
from bai.errors import InputError
from bai.nbr import severity
from bai.reader import plan

MASKED = (0, 1, 3, 8, 9, 10)
SMALL = Options(block=64, window=64)


@pytest.fixture
def threads():
    """Run in two threads."""
    with ThreadPoolExecutor(2) as executor:
        yield Cluster("threads", executor, lambda: 2)


@pytest.fixture
def run(threads, tmp_path):
    """Compute into a new folder and return the result, and both rasters."""

    def go(pre, post, options=SMALL, cluster=threads, bbox=None):
        folder = tmp_path / f"out-{len(list(tmp_path.glob('out-*')))}"
        folder.mkdir()
        steps = []
        result = compute(
            plan(pre, post, bbox=bbox), options, cluster, folder, lambda done, total: steps.append((done, total))
        )
        assert steps == [(i + 1, len(steps)) for i in range(len(steps))]
        assert sorted(p.name for p in folder.iterdir()) == ["bai.tif", "burned.gpkg", "severity.tif"]
        with rasterio.open(result.bai) as index, rasterio.open(result.severity) as classes:
            return result, index.read(1), classes.read(1)

    return go


def twice(pixels, shape):
    return pixels.repeat(2, axis=0).repeat(2, axis=1)[: shape[0], : shape[1]]


def plain(nir, swir2, offset, hidden):
    """Return NBR in float64, computed directly from the formula."""
    nir_, swir2_ = nir * 1e-4 + offset, swir2 * 1e-4 + offset
    with np.errstate(all="ignore"):
        ratio = (nir_ - swir2_) / (nir_ + swir2_)
    ratio[(nir == 0) | (swir2 == 0) | (np.abs(nir_ + swir2_) < 1e-9) | hidden] = np.nan
    return ratio


@pytest.fixture
def scene(make_item, numbers):
    """Return a pair of odd size with masks on both dates and an offset on one, with its directly computed dNBR and pre-fire NBR."""
    rows, cols = 301, 203
    items, ratios = [], []
    for date, seed, offset in (("pre", 1, 0.0), ("post", 5, -0.1)):
        nir, swir2, scl = (
            numbers(rows, cols, seed),
            numbers(151, 102, seed + 1),
            numbers(151, 102, seed + 2, high=12).astype(np.uint8),
        )
        nir[3, 4], swir2[1, 2] = 500, 1500  # a zero denominator with the offset
        items.append(make_item(date, nir, swir2, scl, offset=offset))
        ratios.append((nir, swir2, offset, np.isin(scl, MASKED)))

    def expected(*, masked):
        one, two = (plain(n, twice(s, n.shape), o, twice(m & masked, n.shape)) for n, s, o, m in ratios)
        return one - two, one

    return items, expected


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("index", ["dnbr", "rbr"])
def test_the_result_is_that_of_the_plain_formula(run, scene, masked, index):
    items, expected = scene
    options = Options(index=index, mask_classes=MASKED if masked else (), block=64, window=128)
    result, found, classes = run(*items, options)
    difference, before = expected(masked=masked)
    wanted = difference if index == "dnbr" else difference / (before + 1.001)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(np.isnan(found), np.isnan(wanted))
    np.testing.assert_allclose(found, wanted, rtol=2e-4, atol=2e-6)
    assert np.isnan(found[3, 4])
    own, counts = severity(difference.astype(np.float32))
    assert (classes != own).mean() < 1e-4  # float32 and float64 may part at a break
    assert result.statistics.masked == np.isnan(difference).sum()
    assert result.statistics.total == found.size
    assert np.abs(np.subtract(result.statistics.classes, counts.classes)).max() <= 2
    assert sum(result.statistics.histogram) == np.isfinite(found).sum()


def test_windows_threads_and_codecs_do_not_change_a_bit(run, scene):
    items, _ = scene
    _, whole, classes = run(*items, Options(mask_classes=MASKED, block=512, window=512))
    for options in (
        Options(mask_classes=MASKED, block=64, window=64),
        Options(mask_classes=MASKED, block=32, window=128, compress="zstd"),
    ):
        with ThreadPoolExecutor(3) as executor:
            _, index, severities = run(*items, options, Cluster("threads", executor, lambda: 3))
        np.testing.assert_array_equal(index.view(np.uint32), whole.view(np.uint32))
        np.testing.assert_array_equal(severities, classes)


def test_a_cropped_run_is_a_part_of_the_whole_run(run, scene):
    items, _ = scene
    result, whole, _ = run(*items)
    box = rasterio.warp.transform_bounds("EPSG:32610", "EPSG:4326", 500315, 4498012, 501003, 4499107)
    cropped, part, _ = run(*items, bbox=box)
    col = round((cropped.grid.transform.c - result.grid.transform.c) / 10)
    row = round((result.grid.transform.f - cropped.grid.transform.f) / 10)
    assert (row % 2, col % 2) != (0, 0)  # or the odd offset is not tested
    np.testing.assert_array_equal(part, whole[row : row + part.shape[0], col : col + part.shape[1]])


def test_a_pair_without_any_data_gives_a_result_without_values(run, make_item):
    empty = [make_item(date, np.zeros((130, 70), np.uint16), np.zeros((65, 35), np.uint16)) for date in ("pre", "post")]
    result, index, classes = run(*empty)
    assert np.isnan(index).all()
    assert (classes == 255).all()
    assert (result.statistics.masked, result.statistics.outside, sum(result.statistics.classes)) == (130 * 70, 0, 0)


def test_a_result_says_what_was_read_written_and_how_long_it_took(run, scene):
    result, _, _ = run(*scene[0])
    assert result.bytes_written == result.bai.stat().st_size + result.severity.stat().st_size
    assert result.bytes_read > 0
    assert set(result.seconds) == {"read", "compute", "encode", "assemble", "total"}
    with rasterio.open(result.bai) as file:
        assert file.tags()["PRE_ITEM"] == "item-pre"
        assert file.tags()["POST_DATETIME"] == "2021-07-18T00:00:00Z"


def fails_in(folder, pre, post, cluster, options=SMALL):
    """Run a computation that must fail, and check that the folder holds only what it held before."""
    folder.mkdir()
    (folder / "bai.tif").write_text("an earlier result")
    try:
        compute(plan(pre, post), options, cluster, folder, lambda _done, _total: None)
    finally:
        assert [(p.name, p.read_text()) for p in folder.iterdir()] == [("bai.tif", "an earlier result")]


def cut_short(item):
    path = Path(item.nir.href)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def test_a_damaged_file_ends_the_run_and_leaves_nothing(threads, scene, tmp_path):
    pre, post = scene[0]
    cut_short(post)
    with pytest.raises(InputError, match=r"cannot read .*post-nir.tif"):
        fails_in(tmp_path / "out", pre, post, threads)


def test_tasks_in_flight_are_bounded(scene, tmp_path):
    class Counting(ThreadPoolExecutor):
        running = most = 0

        def submit(self, *args):
            self.running += 1
            self.most = max(self.most, self.running)
            future = super().submit(*args)
            future.add_done_callback(lambda _: setattr(self, "running", self.running - 1))
            return future

    with Counting(1) as executor:
        compute(
            plan(*scene[0]),
            Options(block=64, window=64),
            Cluster("one", executor, lambda: 1),
            tmp_path,
            lambda *_: None,
        )
    assert executor.most <= 3


# ---------------------------------------------------------------- on Dask


@pytest.fixture(scope="module")
def dask_cluster():
    """Start one real worker process with one thread, and its nanny."""
    with LocalCluster(
        n_workers=1, threads_per_worker=1, processes=True, dashboard_address="127.0.0.1:0", host="127.0.0.1"
    ) as cluster:
        yield cluster


@pytest.fixture
def scheduler(dask_cluster, monkeypatch):
    monkeypatch.delenv("DASK_GATEWAY_CLUSTER", raising=False)
    monkeypatch.delenv("DASK_CLUSTER", raising=False)
    monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", dask_cluster.scheduler_address)
    return dask_cluster


def test_on_dask_the_bytes_are_the_same_and_the_cluster_stays(scheduler, scene, run, caplog):
    options = Options(mask_classes=MASKED, block=64, window=128)
    here, _, _ = run(*scene[0], options)
    with caplog.at_level(logging.INFO), connect() as cluster:
        there, _, _ = run(*scene[0], options, cluster)
    assert there.bai.read_bytes() == here.bai.read_bytes()
    assert there.severity.read_bytes() == here.severity.read_bytes()
    assert there.statistics == here.statistics
    assert there.polygons.pixels == here.polygons.pixels
    np.testing.assert_array_equal(there.classes, here.classes)
    assert list(there.workers) != list(here.workers)
    assert f"Dask Dashboard: {scheduler.dashboard_link}" in caplog.text
    assert len(scheduler.scheduler_info["workers"]) == 1


@pytest.mark.usefixtures("scheduler")
def test_dasks_own_report_is_kept(scene, run, tmp_path):
    with connect() as cluster, cluster.report(tmp_path / "dask-report.html"):
        run(*scene[0], cluster=cluster)
    page = (tmp_path / "dask-report.html").read_text()
    assert "bokeh" in page.lower()
    assert '<script src="http' not in page, "it shows without a network"


@pytest.mark.usefixtures("scheduler")
def test_a_damaged_file_met_by_a_worker_stays_one_clear_line(scene, tmp_path):
    pre, post = scene[0]
    cut_short(post)
    with connect() as cluster, pytest.raises(InputError, match=r"^cannot read \S+post-nir.tif: [^\n]*$") as caught:
        fails_in(tmp_path / "out", pre, post, cluster)
    assert caught.value.hint


def kill_once(marker: Path, client: int, then, *args):
    """Kill this worker at the first call, as the kernel does when memory runs out."""
    if not marker.exists():
        assert os.getpid() != client
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return then(*args)


@pytest.mark.usefixtures("scheduler")
def test_a_killed_worker_costs_time_and_nothing_else(scene, run, tmp_path, monkeypatch):
    with connect() as cluster:
        submit = cluster.executor.submit
        monkeypatch.setattr(
            cluster.executor, "submit", lambda *args: submit(kill_once, tmp_path / "killed", os.getpid(), *args)
        )
        result, _, _ = run(*scene[0], cluster=cluster)
    assert (tmp_path / "killed").exists()
    assert result.statistics.total == 301 * 203


def test_the_preview_is_the_overview_of_severity(scene, run, monkeypatch):
    monkeypatch.setattr("bai.compute.PICTURE_PIXELS", 50)
    result, _, classes = run(*scene[0], Options(mask_classes=MASKED, block=64, window=64))
    np.testing.assert_array_equal(result.classes, classes[::4, ::4])
