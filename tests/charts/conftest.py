"""Rendering with the real Helm, both majors; every chart test starts from `render`."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).parent))  # the tests are not a package
from helm_wheels import ensure

Object = dict[str, Any]
Render = Callable[..., list[Object]]
CHARTS = Path(__file__).parents[2] / "charts"


class HelmError(Exception):
    """Helm refused; the message is its standard error."""


class Helm:
    """One major version of Helm, with a home of its own."""

    def __init__(self, binary: Path, home: Path) -> None:
        self.binary = binary
        self._env = {"PATH": "/usr/bin:/bin", "HOME": str(home), "KUBECONFIG": "/dev/null"}

    def run(self, *args: str, stdin: str | None = None) -> str:
        done = subprocess.run(
            [str(self.binary), *args],
            input=stdin, capture_output=True, text=True, env=self._env, check=False, timeout=60,
        )  # fmt: skip
        if done.returncode:
            raise HelmError(done.stderr + done.stdout)
        return done.stdout

    def render(
        self,
        chart: str,
        values: Mapping[str, Any] | Path | None = None,
        *args: str,
        release: str | None = None,
        namespace: str = "eric",
        notes: bool = False,
    ) -> list[Object]:
        """Return the objects that `helm template` prints for `charts/<chart>`.

        Args:
            values: a mapping, a values file, or nothing for the defaults.
            args: further options, such as `--set-file`.
            release: its name; the chart's name when not given.
        Raises:
            HelmError: values refused by the schema, or a template failed.
        """
        file, stdin = ("-", json.dumps(values or {})) if not isinstance(values, Path) else (str(values), None)
        where = ["--namespace", namespace, "--values", file, *(["--notes"] if notes else [])]
        text = self.run("template", release or chart, str(CHARTS / chart), *where, *args, stdin=stdin)
        return [obj for obj in yaml.safe_load_all(text) if obj]


@pytest.fixture(scope="session", params=["helm3", "helm4"])
def helm(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Helm:
    """Helm 3, then Helm 4: tests of what Helm itself decides (schema, lint, package) run under both."""
    return Helm(ensure(request.param) / "helm", tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="session")
def helm3(tmp_path_factory: pytest.TempPathFactory) -> Helm:
    """Helm 3 alone: for tests of our templates, which both majors render alike."""
    return Helm(ensure("helm3") / "helm", tmp_path_factory.mktemp("helm3-home"))


@pytest.fixture(scope="session")
def render(helm3: Helm) -> Render:
    """`render(chart, values, *args, release=, namespace=)` -> objects; see `Helm.render`."""
    return helm3.render


def find(objects: list[Object], kind: str, name: str | None = None) -> Object:
    """Return the only object of a kind (and name)."""
    found = [o for o in objects if o["kind"] == kind and name in (None, o["metadata"]["name"])]
    if len(found) != 1:
        have = [f"{o['kind']}/{o['metadata']['name']}" for o in objects]
        raise AssertionError(f"{len(found)} objects {kind}/{name or '*'} among {have}")
    return found[0]
