"""Compare the application with two common programs and the codec floor: whole processes, interleaved, as ratios.

    .venv-bench/bin/python benchmarks/local.py [--rounds 3] [--http] [--large] [--only NAME ...]

The pair is made once (`python -m bai.demo`). Every run on a cluster gets a new cluster with two workers of one thread
at an embedded Dask Gateway. All runs have no mask, so that all ways do the same work. `--http` serves the pair over
loopback,
100 ms for each request and 400 Mbit/s for each connection; `--large` takes a pair of four times the area.
"""

import argparse
import asyncio
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dask
import psutil
from dask_gateway import Gateway
from distributed import Client
from measure import Run, run
from serve import serving

from cwl_dask.local.gateway import EmbeddedGateway

HERE = Path(__file__).parent
PYTHON = sys.executable
BAI = [
    PYTHON,
    "-m",
    "bai",
    "--mask",
    "none",
    "--pre-fire-url",
    "{pre}",
    "--post-fire-url",
    "{post}",
    "--output-dir",
    "{out}",
]


@dataclass(frozen=True, slots=True)
class Way:
    """A program that makes the map."""

    command: list[str]
    on_cluster: bool = True


WAYS = {
    "xarray": Way([PYTHON, str(HERE / "xarray_way.py"), "{pre}", "{post}", "{out}/bai.tif"]),
    "odc": Way([PYTHON, str(HERE / "odc_way.py"), "{pre}", "{post}", "{out}/bai.tif"]),
    "bai, DEFLATE": Way([*BAI, "--compress", "deflate"]),
    "bai, ZSTD": Way([*BAI, "--compress", "zstd"]),
    "bai, threads, DEFLATE": Way([*BAI, "--compress", "deflate"], on_cluster=False),
    "bai, threads, ZSTD": Way([*BAI, "--compress", "zstd"], on_cluster=False),
}


def make_pair(data: Path, size: int) -> tuple[str, str]:
    folder = data / str(size)
    if not folder.exists():
        subprocess.run([PYTHON, "-m", "bai.demo", str(folder), "--size", str(size)], check=True)
    pre, post = sorted(folder.glob("S2*.json"), key=lambda path: path.name.split("_")[2])
    return str(pre), str(post)


async def claim() -> tuple[str, Any]:
    """Submit a cluster of two workers of one thread; return its name and the gateway's report of it when it runs."""
    async with Gateway(asynchronous=True) as gateway:
        name = await gateway.submit(worker_cores=1, worker_cores_limit=1, worker_memory="3 G")
        while (report := await gateway.get_cluster(name, wait=True)).status.name != "RUNNING":
            pass  # the gateway answers after a while
        await gateway.scale_cluster(name, 2)
        return name, report


async def dismiss(name: str) -> None:
    async with Gateway(asynchronous=True) as gateway:
        await gateway.stop_cluster(name)


@contextlib.contextmanager
def cluster() -> Iterator[str]:
    """Yield the name of a new cluster with two workers. A synchronous Gateway can deadlock here."""
    name, report = asyncio.run(claim())
    try:
        with Client(report.scheduler_address, security=report.security) as probe:
            probe.wait_for_workers(2, timeout=60)
        yield name
    finally:
        asyncio.run(dismiss(name))


def once(way: Way, pre: str, post: str, configuration: Path) -> tuple[Run, int, float]:
    """Run a program once; return the run, the size of its map in bytes, and its seconds of computation (or 0)."""
    with contextlib.ExitStack() as stack:
        out = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=configuration.parent)))
        env = os.environ | {"GDAL_HTTP_MAX_RETRY": "3"}
        beside = None
        if way.on_cluster:
            env |= {"DASK_GATEWAY_CLUSTER": stack.enter_context(cluster()), "DASK_CONFIG": str(configuration)}
            beside = psutil.Process().children()[0]  # the gateway's server; below it scheduler and workers
        command = [part.format(pre=pre, post=post, out=out) for part in way.command]
        measured = run(command, env=env, log=out / "log", beside=beside)
        report = out / "report.json"
        compute_s = json.loads(report.read_text())["seconds"].get("compute", 0.0) if report.exists() else 0.0
        return measured, (out / "bai.tif").stat().st_size, compute_s


def table(rows: dict[str, list[tuple[Run, int, float]]]) -> None:
    base = rows.get("xarray") or next(iter(rows.values()))
    print("| way | wall | wall s | CPU | client MB | tree MB | out MB | compute s |\n|---|---|---|---|---|---|---|---|")
    for name, runs in rows.items():
        wall = statistics.median(one[0].wall_s / other[0].wall_s for one, other in zip(runs, base, strict=True))
        cpu = statistics.median(one[0].cpu_s / other[0].cpu_s for one, other in zip(runs, base, strict=True))
        tree = statistics.median(one[0].tree_mb / other[0].tree_mb for one, other in zip(runs, base, strict=True))
        print(
            f"| {name} | {wall:.2f} | {statistics.median(r.wall_s for r, _, _ in runs):.1f} | {cpu:.2f} "
            f"| {statistics.median(r.client_mb for r, _, _ in runs):.0f} "
            f"| {statistics.median(r.tree_mb for r, _, _ in runs):.0f} ({tree:.2f}) "
            f"| {runs[0][1] / 1e6:.0f} | {statistics.median(c for _, _, c in runs):.1f} |"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--data", type=Path, default=HERE / "data", help="where the pairs are kept (default benchmarks/data)"
    )
    parser.add_argument("--size", type=int, default=10980, help="pixels a side of the 10 m bands (default 10980)")
    parser.add_argument("--rounds", type=int, default=3, help="interleaved rounds (default 3)")
    parser.add_argument("--http", action="store_true", help="over HTTP, 100 ms a request and 400 Mbit/s a connection")
    parser.add_argument(
        "--large",
        action="store_true",
        help="the client's memory of the application alone, on a pair of four times the area",
    )
    parser.add_argument("--only", nargs="+", choices=WAYS, default=list(WAYS), help="these ways only")
    args = parser.parse_args()
    pre, post = make_pair(args.data, args.size * (2 if args.large else 1))
    with contextlib.ExitStack() as stack:
        embedded = stack.enter_context(EmbeddedGateway())
        client_configuration = embedded.configuration()
        stack.enter_context(dask.config.set(client_configuration))
        configuration = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=args.data))) / "gateway.json"
        configuration.touch(mode=0o600)
        configuration.write_text(json.dumps(nested(client_configuration)))
        rows: dict[str, list[tuple[Run, int, float]]] = {name: [] for name in args.only}
        for number in range(args.rounds):
            for name in args.only:
                with serving(Path(pre).parent) if args.http else contextlib.nullcontext() as server:
                    items = [f"{server.address}/{Path(item).name}" for item in (pre, post)] if server else [pre, post]
                    result = once(WAYS[name], *items, configuration)
                served = f", {server.requests} requests, {server.bytes / 1e6:.0f} MB" if server else ""
                print(f"round {number + 1}: {name}: {result[0].wall_s:.1f} s{served}", file=sys.stderr, flush=True)
                rows[name].append(result)
        table(rows)


def nested(flat: dict[str, object]) -> dict[str, object]:
    """Return dotted keys as nested mappings, the form of Dask's configuration files (JSON is YAML)."""
    tree: dict[str, object] = {}
    for dotted, value in flat.items():
        *path, last = dotted.split(".")
        node = tree
        for part in path:
            node = node.setdefault(part, {})  # type: ignore[assignment]
        node[last] = value
    return tree


if __name__ == "__main__":
    main()
