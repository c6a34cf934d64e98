"""What `bai-kit render` shows: values, manifests and a Job, without asking a Kubernetes API."""

import json
from collections.abc import Sequence
from typing import Any

import yaml

from bai_kit.job.template import Template, check_name, fill
from bai_kit.output import Document
from bai_kit.package.inputs import check_inputs, package_inputs, parse_params
from bai_kit.release.plan import CHARTS, Release


class _Dumper(yaml.SafeDumper):
    """Write texts of several lines as blocks, which people can read and search."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def _as_yaml(documents: Sequence[Any]) -> Document:
    """Return YAML documents, with keys in their given order."""
    return Document(yaml.dump_all(documents, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120))


def values(releases: Sequence[Release]) -> Document:
    """Return the values of both charts as one document."""
    keys = {directory: key for key, directory in CHARTS.items()}
    return _as_yaml([{keys[release.chart.name]: release.values for release in releases}])


def manifests(releases: Sequence[Release]) -> Document:
    """Return the objects of the releases. The charts render no hook and no test for `helm template`."""
    return _as_yaml([found for release in releases for found in release.objects])


def job(release: Release, name: str, params: Sequence[str]) -> Document:
    """Return the Job that a run would create from a release.

    Args:
        release: A release of bai-chart.
        name: The job's name.
        params: `name=value` pairs; checked against the package only when there are any.

    Raises:
        UsageError: a param is unknown to the package, or its value is of another type.
    """
    data: dict[str, str] = {}
    for found in release.objects:
        data |= found.get("data", {}) if found["kind"] == "ConfigMap" else {}
    package = json.loads(data["app-package.json"])
    template = Template(release=release.name, job=json.loads(data["job.json"]), package=package)
    inputs = check_inputs(package_inputs(package), parse_params(params)) if params else {}
    return _as_yaml([fill(template, check_name(name), inputs)])
