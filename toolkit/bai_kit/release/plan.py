"""What is to be installed: the two charts, with values from the profile, the user's files and `--set`, in this order.

One document holds the values of both charts, each below the name of its release's part: `dask-gateway` and `bai`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bai_kit.errors import ValuesError
from bai_kit.package.images import images
from bai_kit.release.merge import Values, apply_set, merge, typed
from bai_kit.release.profiles import render_values
from bai_kit.settings import Settings

GATEWAY, BAI = "dask-gateway", "bai"
"""Top-level keys of values."""


@dataclass(frozen=True, slots=True)
class Overrides:
    """What the user put on top of a profile."""

    files: tuple[Path, ...] = ()
    """Values files, later ones win."""
    sets: tuple[str, ...] = ()
    """Assignments as for `helm --set`."""
    set_strings: tuple[str, ...] = ()
    """Assignments whose values are text, as for `helm --set-string`."""
    set_files: tuple[str, ...] = ()
    """Assignments whose values are the contents of files, as for `helm --set-file`."""
    package: str | None = None
    """Another application package, as JSON text."""


@dataclass(frozen=True, slots=True)
class Release:
    """What is to be installed."""

    name: str
    chart: Path
    values: dict[str, Any]


def charts_home() -> Path:
    """Return the directory of the charts: inside the installed package, or in the checkout."""
    inside = Path(__file__).parents[1] / "charts"
    return inside if inside.is_dir() else Path(__file__).parents[3] / "charts"


def plan_values(settings: Settings, overrides: Overrides) -> Values:
    """Return the values of both charts, without the charts' own defaults.

    Raises:
        ValuesError: a file cannot be read, an assignment is none, or a top-level key is neither chart's.
    """
    values = render_values(
        settings.profile,
        gateway_address=_gateway_address(settings),
        registry=settings.registry,
        tag=settings.tag,
        own_images=overrides.package is None and _from_elsewhere(settings),
    )
    if overrides.package is not None:
        # A step's workers have the step's own image, so the gateway must allow it.
        allowed = {"gateway": {"clusterOptions": {"image": {"allow": images(json.loads(overrides.package))}}}}
        values = merge(values, {BAI: {"package": {"cwl": overrides.package}}, GATEWAY: allowed})
    for path in overrides.files:
        values = merge(values, load_values(path))
    for read, expressions in ((typed, overrides.sets), (str, overrides.set_strings), (_content, overrides.set_files)):
        for expression in expressions:
            values = apply_set(values, expression, read)
    _check_top(values, "--set")
    return values


def plan_releases(settings: Settings, values: Mapping[str, Any], *, gateway: bool = True) -> list[Release]:
    """Return the releases in the order of installation.

    Args:
        settings: Their names.
        values: As `plan_values` returned them.
        gateway: Whether Dask Gateway is ours to install.
    """
    home = charts_home()
    bai = Release(settings.release, home / "bai-chart", dict(values[BAI] or {}))
    ours = Release(settings.gateway_release, home / "dask-gateway", dict(values[GATEWAY] or {}))
    return [ours, bai] if gateway else [bai]


def load_values(path: Path) -> Values:
    """Read a values file.

    Raises:
        ValuesError: it is not there, is not YAML, or has a top-level key that is neither chart's.
    """
    try:
        content = yaml.safe_load(path.read_text("utf-8")) or {}
    except (OSError, UnicodeDecodeError) as exc:
        raise ValuesError(f"{path}: cannot be read: {exc}") from exc
    except yaml.YAMLError as exc:
        raise ValuesError(f"{path}: is not YAML: {' '.join(str(exc).split())}") from exc
    if not isinstance(content, dict):
        raise ValuesError(f"{path}: holds no map of values")
    _check_top(content, str(path))
    return content


def load_package(path: Path) -> str:
    """Return an application package as compact JSON text; YAML is converted.

    Raises:
        PackageError: it is not valid CWL, or cannot be made self-contained.
    """
    from bai_kit.package.document import convert  # noqa: PLC0415 - cwltool takes a second

    return json.dumps(json.loads(convert(path)), ensure_ascii=False, separators=(",", ":"))


def _check_top(values: Mapping[str, Any], where: str) -> None:
    for key, value in values.items():
        if key not in {GATEWAY, BAI}:
            raise ValuesError(
                f"{where}: key {key!r} is no chart of ours",
                hint=f"put the values of the charts below `{GATEWAY}:` and `{BAI}:`",
            )
        if value is not None and not isinstance(value, dict):
            raise ValuesError(f"{where}: {key} is {value!r}, not a map of values")


def traefik_service(release: str) -> str:
    """Return the name of the Service of a Dask Gateway: the chart's own name appears in it once."""
    return f"traefik-{release if GATEWAY in release else f'{release}-{GATEWAY}'}"


def _gateway_address(settings: Settings) -> str:
    return f"http://{traefik_service(settings.gateway_release)}.{settings.namespace}.svc.cluster.local:80"


def _from_elsewhere(settings: Settings) -> bool:
    """Whether the application's image is another than the package names."""
    return bool(settings.tag) or settings.sources.get("registry", "default") != "default"


def _content(path: str) -> str:
    try:
        return Path(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise ValuesError(f"--set-file: {path} cannot be read: {exc}") from exc
