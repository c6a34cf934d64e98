"""Render values, manifests and a Job for `bai-kit render`, without asking a Kubernetes API."""

import json
from collections.abc import Sequence
from typing import Any

import yaml

from bai_kit.job.template import Template, check_name, fill, new_name
from bai_kit.output import Document
from bai_kit.package.inputs import check_inputs, package_inputs, parse_params
from bai_kit.release.plan import Release
from bai_kit.release.values import CHARTS


class _Dumper(yaml.SafeDumper):
    """Write texts of several lines as blocks, which people can read and search."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def as_yaml(*documents: Any) -> str:
    """Return YAML documents, with keys in their given order."""
    return yaml.dump_all(documents, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


def values(releases: Sequence[Release]) -> Document:
    """Return the values of both charts as one document."""
    keys = {directory: key for key, directory in CHARTS.items()}
    return Document(as_yaml({keys[release.chart.name]: release.values for release in releases}))


def manifests(releases: Sequence[Release]) -> Document:
    """Return the objects of the releases. The charts render no hook and no test for `helm template`."""
    return Document(as_yaml(*(found for release in releases for found in release.objects)))


def template_of(release: Release) -> Template:
    """Return the description of a job that a release would install."""
    data = release.data()
    return Template(
        release=release.name, job=json.loads(data["job.json"]), package=json.loads(data["app-package.json"])
    )


def job(template: Template, name: str, params: Sequence[str]) -> Document:
    """Return the Job that a run would create, for `kubectl create`.

    Args:
        template: The description of a job, of a release that is installed or only rendered.
        name: The job's name; empty for a new random name.
        params: `name=value` pairs; checked against the package only when there are any.

    Raises:
        UsageError: a param is unknown to the package, or its value is of another type.
    """
    inputs = check_inputs(package_inputs(template.package or {}), parse_params(params)) if params else {}
    return Document(as_yaml(fill(template, check_name(name) if name else new_name(template), inputs)))


def run_command(release: Release) -> str:
    """Return the command that runs the application package of a release, with the inputs that a run must give."""
    inputs = package_inputs(json.loads(release.data()["app-package.json"]))
    return " ".join(["bai-kit run", *(f"--param {wanted.name}=VALUE" for wanted in inputs if wanted.required)])
