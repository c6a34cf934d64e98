"""The Helm of the tests, for releases that are planned and not installed."""

import pytest

from bai_kit.release.helm import Helm
from tests.charts.helm_wheels import ensure


@pytest.fixture(scope="session")
def helm():
    """Return Helm 3 for the namespace fire."""
    return Helm("fire", executable=str(ensure("helm3") / "helm"))


@pytest.fixture
def write(tmp_path):
    """Return a function that writes a file into the test's folder, and returns the file's path."""

    def write(name, text):
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return write
