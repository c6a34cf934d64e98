"""Test that the Dockerfile agrees with the project: same packages, same versions. tests/e2e runs the image."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def pins(path: Path) -> dict[str, str]:
    lines = [line for line in path.read_text().splitlines() if line.strip()]
    return {normal(name): version for name, version in (line.split("==") for line in lines)}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def installed() -> set[str]:
    """Return the packages that the Dockerfile installs."""
    text = (ROOT / "bai" / "Dockerfile").read_text().replace("\\\n", " ")
    words = re.search(r"pip install (.+?) &&", text)[1].split()
    return {normal(word) for word in words[words.index("--constraint") + 2 :]}


def test_installs_what_the_application_declares() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extra = project["optional-dependencies"]["bai"]
    declared = {normal(re.match(r"[\w.-]+", line)[0]) for line in extra}
    assert installed() == declared | {"dask-gateway"}


def test_pins_agree_with_the_projects() -> None:
    image, project = pins(ROOT / "bai" / "constraints.txt"), pins(ROOT / "constraints.txt")
    assert installed() <= set(image)
    assert {name: version for name, version in image.items() if project.get(name) != version} == {}


def test_ends_without_privileges_and_with_an_empty_entry_point() -> None:
    lines = (ROOT / "bai" / "Dockerfile").read_text().splitlines()
    assert "USER 1000:1000" in lines
    assert "ENTRYPOINT []" in lines
    assert all("python:3.11-slim-bookworm" in line for line in lines if line.startswith("FROM"))
