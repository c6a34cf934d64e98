"""Test the command line: options, exit codes, log lines, and that no partial output remains."""

from __future__ import annotations

import json
import logging
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bai import pipeline
from bai.__main__ import main, make_parser
from bai.demo import scene as demo
from bai.errors import ComputeError, InputError, TemporaryError, UsageError
from tests.bai.web import serve

if TYPE_CHECKING:
    from collections.abc import Iterator

PRE, POST = "S2B_10TFK_20210713_0_L2A", "S2A_10TFK_20210718_0_L2A"
LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} \| (DEBUG|INFO|WARNING|ERROR) +\| [\w.]+:[\w<>]+:\d+ - .+")


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    """Restore logging, which `main` configures for the whole process."""
    loggers = [logging.getLogger(name) for name in (None, "bai", "urllib3", "rasterio")]
    before = [(one, one.level, one.handlers[:]) for one in loggers]
    yield
    logging.captureWarnings(capture=False)
    for one, level, handlers in before:
        one.setLevel(level)
        one.handlers[:] = handlers


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scene")
    demo.make(folder, size=128)
    return folder


def options(folder: Path | str, out: Path, *more: str) -> list[str]:
    return [
        "--pre-fire-url",
        f"{folder}/{PRE}.json",
        "--post_fire_url",
        f"{folder}/{POST}.json",
        "--output-dir",
        str(out),
        *more,
    ]


def command(folder: Path | str, out: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "bai", *options(folder, out, *more)]


def test_a_run(scene: Path, tmp_path: Path) -> None:
    done = subprocess.run(command(scene, tmp_path), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert all(LINE.fullmatch(line) for line in lines), done.stderr
    assert "computed 1 of 1 tasks, 100 %" in done.stderr
    assert re.search(r"done in \d+\.\d s, \d+\.\d MB read", lines[-1])


def test_both_spellings_and_all_options() -> None:
    args = make_parser().parse_args(
        [
            "--pre_fire_url",
            "a",
            "--post-fire-url",
            "b",
            "--mask-classes",
            "3,1",
            "--bbox=-121.5,39,-121,40",
            "--timeout",
            "2.5",
        ]
    )
    assert (args.pre, args.post, args.mask_classes, args.bbox, args.timeout) == (
        "a",
        "b",
        (1, 3),
        (-121.5, 39, -121, 40),
        2.5,
    )
    assert args.output_dir == Path()


@pytest.mark.parametrize(
    "more",
    [
        ["--bbox", "1,2,3"],
        ["--bbox", "3,2,1,4"],
        ["--bbox", "a,b,c,d"],
        ["--bbox", "nan,0,1,1"],
        ["--bbox", "-120,39,-121,40"],
        ["--bbox", "179.5,-17,179.5,-16"],
        ["--bbox", "1,2,361,3"],
        ["--mask-classes", "12"],
        ["--mask-classes", "x"],
        ["--aoi", "a.geojson", "--bbox", "1,2,3,4"],
        ["--dnbr-offset", "some"],
        ["--dnbr-offset", "nan"],
        ["--dnbr-offset", "1.5"],
        ["--precision", "0"],
        ["--precision", "1"],
        ["--smallest-patch", "-1"],
        ["--timeout", "0"],
        ["--timeout", "soon"],
        ["--index", "ndvi"],
        ["--mask", "none", "--mask-classes", "3"],
        ["--unknown"],
    ],
)
def test_wrong_options_are_usage_errors(more: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    try:
        code = main(options("/none", tmp_path, *more))
    except SystemExit as exc:
        code = exc.code
    assert code == 2
    assert more[0].lstrip("-") in capsys.readouterr().err


@pytest.mark.parametrize("given", ["179.5,-17,-179.5,-16", "179.5,-17,180.5,-16"])
def test_a_box_across_the_antimeridian(given: str) -> None:
    args = make_parser().parse_args(["--pre-fire-url", "a", "--post-fire-url", "b", f"--bbox={given}"])
    assert args.bbox == (179.5, -17, -179.5, -16)


@pytest.mark.parametrize(("given", "value"), [("auto", "auto"), ("none", 0.0), ("0.021", 0.021), ("-0.021", -0.021)])
def test_the_dnbr_offset(given: str, value: float | str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    seen = []
    monkeypatch.setattr(pipeline, "run", lambda request, _: seen.append(request))
    assert (
        main(options("/items", tmp_path, "--dnbr-offset", given, "--precision", "1e-4", "--smallest-patch", "0")) == 0
    )
    assert (seen[0].dnbr_offset, seen[0].precision, seen[0].smallest_ha) == (value, 0.0001, 0)


def test_missing_url_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--pre-fire-url", "a"])
    assert caught.value.code == 2
    assert "--post-fire-url" in capsys.readouterr().err


def test_bbox_that_starts_with_a_minus(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[pipeline.Request] = []
    monkeypatch.setattr(pipeline, "run", lambda request, _: asked.append(request))
    assert main(options("/none", tmp_path, "--bbox", "-121.5,39,-121,40")) == 0
    assert asked[0].bbox == (-121.5, 39, -121, 40)
    assert asked[0].mask_classes == pipeline.MASK_CLASSES


@pytest.mark.parametrize(("error", "code"), [(UsageError, 2), (InputError, 3), (ComputeError, 4), (TemporaryError, 75)])
def test_exit_codes(
    error: type[InputError],
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    def fail(*_: object) -> None:
        raise error("it failed", hint="do this")

    monkeypatch.setattr(pipeline, "run", fail)
    assert main(options("/none", tmp_path)) == code
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].endswith(" - it failed; do this")
    assert main(options("/none", tmp_path, "-v")) == code
    assert "Traceback" in capsys.readouterr().err


def test_a_bug_is_not_hidden(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def fail(*_: object) -> None:
        raise KeyError("bug")

    monkeypatch.setattr(pipeline, "run", fail)
    with pytest.raises(KeyError):
        main(options("/none", tmp_path))


def test_quiet_and_json(scene: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(options(scene, tmp_path, "-q")) == 0
    assert capsys.readouterr().err == ""
    assert main(options(scene, tmp_path, "--log-format", "json", "-v")) == 0
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert {"time", "level", "logger", "function", "line", "message"} == set(lines[0])
    assert {line["level"] for line in lines} == {"INFO", "DEBUG"}


def test_signatures_stay_out_of_the_log(scene: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with serve(scene) as web:
        web.script[f"{PRE}.json"] = ["hang"]  # urllib3 warns of the retry, with the whole URL
        argv = command(web.url, tmp_path, "-v", "--timeout", "1")
        argv[4] += "?sig=secret"
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "secret" not in done.stderr
    assert all("secret" not in (tmp_path / name).read_text() for name in ("report.json", "bai.json", "catalog.json"))


def test_hanging_server_ends_with_75(scene: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with serve(scene) as web:
        web.script[f"{PRE}.json"] = ["hang", "..."]
        done = subprocess.run(
            command(web.url, tmp_path, "--timeout", "0.3"), capture_output=True, text=True, check=False
        )
    assert done.returncode == 75
    assert done.stderr.splitlines()[-1].endswith("then try again")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_while_a_server_hangs(
    scene: Path, tmp_path: Path, number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with serve(scene) as web:
        web.script[f"{POST}/B12.tif"] = ["hang", "..."]
        code = "import sys, bai.__main__ as m; m.UNWIND_S = 0.5; sys.exit(m.main(sys.argv[1:]))"
        argv = [sys.executable, "-c", code, *options(web.url, tmp_path / "out")]
        process = subprocess.Popen(argv, stderr=subprocess.PIPE, text=True)
        assert web.hanging.wait(30)
        process.send_signal(number)
        _, errors = process.communicate(timeout=15)
    assert process.returncode == 128 + number
    assert f"ended by {number.name}" in errors
    assert list((tmp_path / "out").iterdir()) == []


def test_full_disk(scene: Path, tmp_path: Path) -> None:
    """A file size limit fails a write as a full disk does."""
    code = "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000)); from bai.__main__ import main; sys.exit(main(sys.argv[1:]))"
    done = subprocess.run(
        [sys.executable, "-c", code, *options(scene, tmp_path)],
        capture_output=True, text=True, check=False, env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    assert done.returncode == 4, done.stderr
    assert "cannot write" in done.stderr.splitlines()[-1]
    assert list(tmp_path.iterdir()) == []


def test_help_is_quick_and_complete() -> None:
    code = "import sys; sys.argv = ['bai', '--help']\nfrom bai.__main__ import main\ntry: main()\nexcept SystemExit: print(sorted(set(sys.modules) & {'numpy', 'rasterio', 'dask', 'rich', 'pydantic'}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    for word in ("--boa-offset", "--mask-classes", "degrees", "SECONDS", "default: dnbr", "catalog.json", "75"):
        assert word in " ".join(done.stdout.split())


def test_older_module_name(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bai.app", "--version"],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert done.stdout.startswith("bai ")
