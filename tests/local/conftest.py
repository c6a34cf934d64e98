"""Run one demo, about ten seconds, for all tests of a successful run."""

import json
import subprocess

import pytest

from tests.local.chain import BAI_KIT, SIZE, Demo


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    directory = tmp_path_factory.mktemp("chain") / "demo"
    command = [*BAI_KIT, "demo", "-o", str(directory), "--size", str(SIZE), "--output", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=directory.parent)
    assert done.returncode == 0, done.stderr
    return Demo(directory, json.loads(done.stdout), done.stderr)
