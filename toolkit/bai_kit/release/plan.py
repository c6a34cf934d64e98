"""Plan both releases from their values and from what the charts render.

The address and the sign-in of the gateway are taken from what the gateway's chart renders, so the two releases cannot
disagree.
"""

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bai_kit.errors import ValuesError
from bai_kit.package.images import images
from bai_kit.release.connection import Connection, connection_of
from bai_kit.release.helm import Helm, Json
from bai_kit.release.helm_errors import SchemaError
from bai_kit.release.values import BAI, CHARTS, GATEWAY, Overrides, Values, locate, merge, plan_values
from bai_kit.settings import Settings

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Release:
    """A release to install."""

    name: str
    chart: Path
    values: dict[str, Any]
    objects: tuple[Json, ...] = ()
    """What the chart renders without asking a Kubernetes API."""

    def data(self) -> dict[str, str]:
        """Return the keys and texts of all ConfigMaps that the chart renders, in one mapping."""
        maps = [found.get("data") or {} for found in self.objects if found["kind"] == "ConfigMap"]
        return {key: text for data in maps for key, text in data.items()}


def charts_home() -> Path:
    """Return the directory of the charts: inside the installed package, or in the checkout."""
    inside = Path(__file__).parents[1] / "charts"
    return inside if inside.is_dir() else Path(__file__).parents[3] / "charts"


def plan_releases(
    helm: Helm,
    settings: Settings,
    overrides: Overrides,
    *,
    gateway: bool = True,
    installed: Iterable[Json] | None = None,
) -> list[Release]:
    """Return the releases in the order of installation, after both charts have accepted their values.

    Args:
        helm: Merges assignments and renders the charts; no Kubernetes API is asked.
        settings: Profile, registry, tag and names of the releases.
        overrides: Values that override those of the profile.
        gateway: Whether the release of Dask Gateway is installed too.
        installed: Objects of a gateway's release that stays as it is; None for the release that the values describe.

    Raises:
        ValuesError: a file cannot be read, an assignment cannot be parsed, a chart refuses values (all of them are
            named, each with the file that it comes from), or runner and gateway would not fit together.
    """
    values = plan_values(helm, settings, overrides)
    faults: list[str] = []
    refused: list[str] = []

    def render(chart: str, name: str) -> Release:
        directory, objects = charts_home() / CHARTS[chart], []
        try:
            objects = helm.render(name, directory, values[chart])
        except SchemaError as exc:
            refused.append(directory.name)
            faults.extend(locate(settings, overrides, chart, key, fault) for key, fault in exc.faults.items())
        except ValuesError as exc:
            refused.append(directory.name)
            faults.append(f"{directory.name}: {exc.message}")
        return Release(name, directory, values[chart], tuple(objects))

    releases = [render(GATEWAY, settings.gateway_release)] if installed is None else []
    if not faults:
        objects = releases[0].objects if installed is None else installed
        values[BAI] = merge(_following(values, objects), values[BAI])
    releases.append(render(BAI, settings.release))
    if faults:
        raise ValuesError("; ".join(faults), hint=f"helm show values {charts_home() / refused[0]}")
    if not gateway:
        return releases[-1:]
    if _allow_images(values, releases, settings):
        releases[0] = render(GATEWAY, settings.gateway_release)
    return releases


def _following(values: Values, gateway: Iterable[Json]) -> Values:
    """Return bai-chart's values that follow from the gateway's release; the user's own values override them.

    Args:
        values: Values of both charts.
        gateway: Objects of the gateway's release.
    """
    connection = connection_of(gateway)
    follows = {} if connection is None else _checked(connection, values[BAI].get("gateway") or {})
    security = merge(
        values[GATEWAY].get("podSecurityContext") or {},
        (values[GATEWAY].get("gateway") or {}).get("podSecurityContext") or {},
    )
    return {"gateway": follows} | ({"podSecurityContext": security} if security else {})


def _checked(connection: Connection, said: Mapping[str, Any]) -> Values:
    """Return how the runner reaches the gateway.

    Raises:
        ValuesError: the gateway's values do not tell, and bai-chart's do not either.
    """
    signs_in = (said.get("auth") or {}).get("type")
    if connection.client_auth is None and not signs_in:
        raise ValuesError(
            f"cannot sign in at the gateway: {GATEWAY}.gateway.auth.type is {connection.auth}, "
            f"and {BAI}.gateway.auth.type does not say which class the client uses",
            hint=f"bai-kit deploy --set {BAI}.gateway.auth.type=MODULE.CLASS",
        )
    if connection.client_auth == "jupyterhub" and not signs_in and not (said.get("tokenSecret") or {}).get("name"):
        raise ValuesError(
            f"cannot sign in at the gateway: {GATEWAY}.gateway.auth.type is jupyterhub, "
            f"and {BAI}.gateway.tokenSecret.name names no Secret with a token of the hub",
            hint=f"bai-kit deploy --set {BAI}.gateway.tokenSecret.name=SECRET",
        )
    if said.get("address"):  # never the URL of one gateway with the proxy address of another
        return connection.sign_in()
    if not connection.address:
        raise ValuesError(
            f"cannot tell the gateway's address: {GATEWAY}.traefik.installTraefik is false, "
            f"and {BAI}.gateway.address is empty",
            hint=f"bai-kit deploy --set {BAI}.gateway.address=URL",
        )
    return connection.location() | connection.sign_in()


def _allow_images(values: Values, releases: Sequence[Release], settings: Settings) -> bool:
    """Add the package's images to those that the gateway's users may choose: workers run the image of their step.

    Args:
        values: Values of both charts; those of the gateway are changed.
        releases: The releases of these values, the gateway's first.
        settings: Say whether all images come from one registry.

    Returns:
        Whether an image was added.
    """
    gateway, bai = (release.data() for release in releases)
    own = json.loads(gateway["settings.json"])["backend"]["image"]
    option = (values[GATEWAY].get("gateway") or {}).get("clusterOptions") or {}
    allowed = (option.get("image") or {}).get("allow") or []
    added = [name for name in images(json.loads(bai["app-package.json"])) if name not in {own, *allowed}]
    for name in added:
        if settings.sources.get("registry", "default") != "default" and not name.startswith(settings.registry):
            log.warning("image %s of the package is not in registry %s", name, settings.registry)
    allow = {"gateway": {"clusterOptions": {"image": {"allow": [*allowed, *added]}}}}
    values[GATEWAY] = merge(values[GATEWAY], allow) if added else values[GATEWAY]
    return bool(added)
