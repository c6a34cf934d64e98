"""Values of a profile (`--profile minikube|kind|cluster`), rendered from its template. The only importer of jinja2."""

from importlib import resources
from typing import Any

import jinja2
import yaml

from bai_kit.errors import UsageError

SUFFIX = ".yaml.j2"
BASE = "base"


def profiles() -> list[str]:
    """Return the names of all profiles."""
    names = (path.name for path in (resources.files("bai_kit.release") / "templates").iterdir())
    return sorted(name.removesuffix(SUFFIX) for name in names if name.endswith(SUFFIX) and name != BASE + SUFFIX)


def render_values(profile: str, **context: Any) -> dict[str, Any]:
    """Return the values of both releases, by `dask-gateway` and `bai`.

    Args:
        profile: One of `profiles()`.
        context: Names in the templates: registry and tag; both may be empty.

    Raises:
        UsageError: the profile is unknown.
    """
    if profile not in profiles():
        raise UsageError(f"unknown profile {profile!r}", hint=f"--profile {'|'.join(profiles())}")
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("bai_kit.release"),
        undefined=jinja2.StrictUndefined,
        autoescape=True,
        trim_blocks=True,
    )
    values: dict[str, Any] = yaml.safe_load(environment.get_template(profile + SUFFIX).render(context))
    return values
