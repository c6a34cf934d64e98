"""Run the real Helm in chart tests, and find objects in its output."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

Object = dict[str, Any]
Render = Callable[..., list[Object]]
CHARTS = Path(__file__).parents[2] / "charts"


class HelmError(Exception):
    """Helm refused; the message is its standard error."""


class Helm:
    """One major version of Helm, with its own home folder."""

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
        where = [
            "--namespace",
            namespace,
            "--values",
            file,
            "--api-versions",
            "helm.sh/hooks",
            *(["--notes"] if notes else []),
        ]
        text = self.run("template", release or chart, str(CHARTS / chart), *where, *args, stdin=stdin)
        objects = yaml.load_all(text, yaml.CSafeLoader)
        return [manifest for manifest in objects if manifest]


def find(objects: list[Object], kind: str, name: str | None = None) -> Object:
    """Return the only object of a kind (and name)."""
    found = [o for o in objects if o["kind"] == kind and name in (None, o["metadata"]["name"])]
    if len(found) != 1:
        have = [f"{o['kind']}/{o['metadata']['name']}" for o in objects]
        raise AssertionError(f"{len(found)} objects {kind}/{name or '*'} among {have}")
    return found[0]
