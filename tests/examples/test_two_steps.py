"""The example package with two Dask steps, run on this machine with a cluster for each."""

import json
import subprocess
from pathlib import Path

from bai_kit.package.document import read_package
from tests.local.chain import BAI_KIT

PACKAGE = Path(__file__).parents[2] / "examples" / "two-steps" / "two-steps.cwl"


def test_each_step_has_a_cluster_and_the_mean_is_returned(tmp_path: Path) -> None:
    command = [*BAI_KIT, "--output", "json", "run", "--local", "--package", str(PACKAGE), "--param", "count=100"]
    done = subprocess.run([*command, "-o", str(tmp_path / "out")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    data = json.loads(done.stdout)["data"]
    numbers = [float(line) for line in (tmp_path / "out/numbers.txt").read_text().split()]
    assert data["files"] == ["numbers.txt"]
    assert abs(data["outputs"]["mean"] - sum(numbers) / 100) < 1e-9
    assert done.stderr.count("claimed cluster ") == done.stderr.count("dismissed cluster ") == 2


def test_the_programs_travel_with_the_package() -> None:
    text = read_package(PACKAGE).text
    assert "default_rng" in text
    assert "the mean of the numbers" in text
