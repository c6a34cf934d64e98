"""Test `bai-kit run --local` and plain cwltool on this machine, with every way a run can end."""

import json
import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import rasterio

from tests.local.chain import BAI_KIT, Demo

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
TOOL = """\
cwlVersion: v1.2
class: CommandLineTool
baseCommand: [python, tool.py]
requirements:
  InitialWorkDirRequirement:
    listing:
      - entryname: tool.py
        entry: |
          import pathlib, sys, time
          pathlib.Path("results").mkdir()
          pathlib.Path("results/text.txt").write_text(sys.argv[1])
          print("2026-01-01 00:00:00.000 | ERROR    | tool:main:1 - the reason", file=sys.stderr, flush=True)
          time.sleep(float(sys.argv[2]))
          sys.exit(int(sys.argv[3]))
inputs:
  text: {type: string, inputBinding: {position: 1}}
  wait: {type: float, default: 0, inputBinding: {position: 2}}
  code: {type: int, default: 0, inputBinding: {position: 3}}
outputs: {results: {type: Directory, outputBinding: {glob: results}}}
temporaryFailCodes: [75]
"""
DASK = """\
$namespaces: {cal: "https://calrissian-cwl.github.io/schema#"}
hints:
  cal:DaskGatewayRequirement:
    {workerCores: 1, workerCoresLimit: 1, workerMemory: 512M, clusterMaxCores: 1, clusterMaxMemory: 512M}
"""
LeftRunning = Callable[[], list[str]]


@pytest.fixture
def command(tmp_path: Path) -> Callable[..., list[str]]:
    """Make the command that runs the tool above, with the results in `tmp_path`/out."""

    def make(*params: str, dask: bool = False) -> list[str]:
        (tmp_path / "tool.cwl").write_text(TOOL + DASK * dask)
        options = [word for param in ("text=hello", *params) for word in ("--param", param)]
        return [
            *BAI_KIT,
            "run",
            "--local",
            "--package",
            str(tmp_path / "tool.cwl"),
            "-o",
            str(tmp_path / "out"),
            *options,
        ]

    return make


def run(command: list[str], cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd)


def test_results_appear_in_place_and_nothing_else_stays(
    command: Callable[..., list[str]], tmp_path: Path, left_running: LeftRunning
) -> None:
    done = run([*command(), "--output", "json"], tmp_path)
    assert done.returncode == 0, done.stderr
    data = json.loads(done.stdout)["data"]
    assert (data["files"], data["bytes"], data["severity"]) == (["text.txt"], 5, [])
    assert (tmp_path / "out/text.txt").read_text() == "hello"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "tool.cwl"]
    assert left_running() == []


@pytest.mark.parametrize(("code", "expected"), [(7, 1), (75, 75)])
def test_a_failing_application_gives_its_reason_its_code_and_no_results(
    command: Callable[..., list[str]], tmp_path: Path, code: int, expected: int
) -> None:
    done = run(command(f"code={code}"), tmp_path)
    assert done.returncode == expected
    assert (
        f"error: the workflow failed with exit code {expected}: step tool.cwl failed with exit code {code}: the reason\n"
        in done.stderr
    )
    assert [path.name for path in tmp_path.iterdir()] == ["tool.cwl"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_dismisses_the_cluster_says_so_and_leaves_nothing(
    command: Callable[..., list[str]], tmp_path: Path, left_running: LeftRunning, number: signal.Signals
) -> None:
    with subprocess.Popen(
        command("wait=600", dask=True), stderr=subprocess.PIPE, text=True, bufsize=1, cwd=tmp_path
    ) as process:
        log = read_until(process, "the reason")
        process.send_signal(number)
        _, rest = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert f"error: cancelled by {number.name}: the cluster is dismissed, nothing runs\n" in rest
    claimed = re.search(r"claimed cluster (\w+)", log)
    assert claimed
    assert f"dismissed cluster {claimed[1]} after" in rest
    assert left_running() == []
    assert [path.name for path in tmp_path.iterdir()] == ["tool.cwl"]


def test_a_directory_that_holds_something_is_refused_before_anything_starts(
    command: Callable[..., list[str]], tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/precious").touch()
    done = run(command(), tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ")
    assert "is not empty" in done.stderr


def test_the_package_runs_under_plain_cwltool_in_threads_with_the_same_pixels(demo: Demo, tmp_path: Path) -> None:
    pre, post = demo.items
    options = [
        "--outdir",
        str(tmp_path / "out"),
        str(ROOT / "bai/bai.cwl"),
        "--pre_fire_url",
        pre,
        "--post_fire_url",
        post,
    ]
    done = cwltool(options, tmp_path)
    assert done.returncode == 0, done.stderr
    for name in ("bai.tif", "severity.tif"):
        with (
            rasterio.open(demo.directory / "results" / name) as ours,
            rasterio.open(tmp_path / "out/results" / name) as theirs,
        ):
            assert ours.read().tobytes() == theirs.read().tobytes()


def test_a_server_that_is_away_is_a_temporary_failure_for_the_runner_too(tmp_path: Path) -> None:
    urls = ["--pre_fire_url", "http://127.0.0.1:9/pre", "--post_fire_url", "http://127.0.0.1:9/post"]
    done = cwltool(["--outdir", "out", str(ROOT / "bai/bai.cwl"), *urls], tmp_path)
    assert done.returncode == 1
    assert "cannot reach http://127.0.0.1:9/pre" in done.stderr
    assert "exited with status: 75" in done.stderr
    assert "Final process status is temporaryFail" in done.stderr


@pytest.mark.parametrize("runner", ["cwltool", "cwl-dask"])
def test_the_package_is_valid_for_every_runner(runner: str, tmp_path: Path) -> None:
    command = [str(BIN / runner), "--skip-schemas", "--validate", str(ROOT / "bai/bai.cwl")]
    done = run(command, tmp_path)
    assert done.returncode == 0, done.stderr


def cwltool(options: list[str], cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run plain cwltool with this environment's `python` first in the PATH, as an activated one has it."""
    environment = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    command = [str(BIN / "cwltool"), "--no-container", "--skip-schemas", "--disable-color", *options]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd, env=environment)


def read_until(process: "subprocess.Popen[str]", words: str, limit_s: float = 60) -> str:
    """Read lines of stderr until one has the words."""
    log, end = "", time.monotonic() + limit_s
    while words not in log:
        ready, _, _ = select.select([process.stderr], [], [], max(0, end - time.monotonic()))
        line = process.stderr.readline() if ready else ""
        assert line, log
        log += line
    return log
