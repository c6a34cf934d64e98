"""`make charts` with the real Helm: both charts as archives of their version, without what only the repository needs."""

import subprocess
import tarfile
from pathlib import Path

import pytest
import yaml

from tests.charts.helm_wheels import ensure

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("major", ["helm3", "helm4"])
def test_charts_become_archives_of_their_version(major, tmp_path):
    command = ["make", "--no-print-directory", "charts", f"HELM={ensure(major) / 'helm'}", f"DIST={tmp_path}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    for chart in ("dask-gateway", "bai-chart"):
        about = yaml.safe_load((ROOT / "charts" / chart / "Chart.yaml").read_text())
        with tarfile.open(tmp_path / f"{chart}-{about['version']}.tgz") as archive:
            names = archive.getnames()
        assert f"{chart}/values.schema.json" in names
        assert not [name for name in names if name.startswith((f"{chart}/image/", f"{chart}/ci/"))]


def test_charts_tell_artifact_hub_what_it_shows():
    for chart in ("dask-gateway", "bai-chart"):
        about = yaml.safe_load((ROOT / "charts" / chart / "Chart.yaml").read_text())
        icon = about["icon"].partition("/main/")[2]
        assert (ROOT / icon).is_file()
        notes = about["annotations"]
        assert notes["artifacthub.io/license"] == "Apache-2.0"
        assert {link["name"] for link in yaml.safe_load(notes["artifacthub.io/links"])} == {"documentation", "support"}
        assert all(set(change) == {"kind", "description"} for change in yaml.safe_load(notes["artifacthub.io/changes"]))
