"""The wheel and the source distribution work without a checkout."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.charts.helm_wheels import ensure

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    target = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index", "--quiet"]
    subprocess.run([*command, "--wheel-dir", target, ROOT], check=True, timeout=120)
    (found,) = target.glob("*.whl")
    return found


def test_the_wheel_has_both_charts_the_package_and_the_templates(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    for path in (path for chart in ("bai-chart", "dask-gateway") for path in (ROOT / "charts" / chart).rglob("*")):
        if path.is_file() and "image" not in path.parts and "__pycache__" not in path.parts:
            assert f"bai_kit/charts/{path.relative_to(ROOT / 'charts')}" in names
    assert "bai_kit/charts/bai-chart/files/app-package.json" in names
    assert {
        f"bai_kit/release/templates/{template}.yaml.j2" for template in ("base", "minikube", "kind", "cluster")
    } <= names
    assert "bai/bai.cwl" in names
    assert {"bai/py.typed", "bai_kit/py.typed", "cwl_dask/py.typed"} <= names
    assert not [name for name in names if "schema/" in name]


def test_the_wheel_has_nothing_of_the_tests_or_of_a_working_tree(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.partition("/")[0] for name in names}
    assert {name for name in tops if ".dist-info" not in name} == {"bai", "bai_kit", "cwl_dask"}
    assert not [name for name in names if "__pycache__" in name or name.endswith(".pyc")]


def test_both_charts_are_rendered_out_of_the_wheel(wheel, tmp_path):
    shutil.unpack_archive(wheel, tmp_path, "zip")
    program = "import bai_kit.cli.app, sys; assert bai_kit.__file__.startswith(sys.path[0]); bai_kit.cli.app.main()"
    helm = str(ensure("helm3") / "helm")
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(tmp_path), "BAI_KIT_HELM": helm}
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {program}", "render", "manifests"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "name: traefik-dask-gateway" in done.stdout
    assert "name: bai-job" in done.stdout


def unpacked_source(checkout, folder):
    """Build the source distribution of a checkout; return its unpacked folder."""
    build = [sys.executable, "-m", "hatchling", "build", "--target", "sdist", "--directory", str(folder)]
    subprocess.run(build, check=True, cwd=checkout, capture_output=True, timeout=60)
    shutil.unpack_archive(next(folder.glob("*.tar.gz")), folder, filter="data")
    (unpacked,) = [path for path in folder.iterdir() if path.is_dir()]
    return unpacked


def test_the_source_distribution_has_nothing_that_lies_in_the_checkout_by_chance(tmp_path):
    checkout = tmp_path / "checkout"
    for name in ("results", "bai", "toolkit"):
        (checkout / name).mkdir(parents=True)
        (checkout / name / "file").touch()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, checkout)
    (tmp_path / "dist").mkdir()
    source = unpacked_source(checkout, tmp_path / "dist")
    assert {path.name for path in source.iterdir()} == {
        *("bai", "toolkit", "pyproject.toml", "README.md", "LICENSE", "PKG-INFO"),
    }


def test_the_source_distribution_passes_its_own_tests(tmp_path):
    unpacked = unpacked_source(ROOT, tmp_path)
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "PYTHONPATH": f"{unpacked}:{unpacked / 'toolkit'}",
    }
    tests = [
        "tests/test_architecture.py",
        "tests/test_docs.py",
        "tests/ci",
        "tests/bai_kit/package",
        "tests/bai/test_nbr.py",
    ]
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-k", "not charts_become", *tests]
    done = subprocess.run(
        command, cwd=unpacked, env=environment, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stdout[-3000:]
