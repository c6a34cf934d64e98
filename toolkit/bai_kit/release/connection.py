"""Read how clients reach a release of Dask Gateway from what its chart renders, and pass it to bai-chart's values.

The chart joins scheme, Service, port and prefix once, in its ConfigMap with the key `client.json`. Plan, deploy,
render, dashboard links and the doctor read that ConfigMap, so that Helm's naming rules are implemented nowhere else.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bai_kit.errors import SetupError
from bai_kit.kube.api import Json, Kube

KEY = "client.json"
_SIGN_IN = {"simple": "basic", "jupyterhub": "jupyterhub"}
"""The gateway's `auth.type` to the client's; a custom authenticator has no known client."""


@dataclass(frozen=True, slots=True)
class Connection:
    """Address and sign-in of one release of Dask Gateway."""

    address: str
    """URL of the API inside the cluster; empty where the release uses a Traefik of another installation."""
    auth: str
    """The gateway's `auth.type`: simple, jupyterhub or custom."""
    proxy_address: str = ""
    """Address of the schedulers' traffic; empty where it is the API's address."""
    service: str = ""
    """Name of Traefik's Service; empty where the release has none."""
    port: int = 80
    """Port of that Service for API and dashboards."""
    scheme: str = "http"
    """http or https."""
    prefix: str = ""
    """Path in front of `/api` and `/clusters`, without a slash at its end."""
    password_secret: Mapping[str, str] | None = None
    """Name and key of the Secret with the password; None where no password is needed."""
    certificate: Mapping[str, str] | None = None
    """`secretName` and `key` of the certificate's authority; None for http."""

    @property
    def client_auth(self) -> str | None:
        """The client's `auth.type` in Dask's configuration; None for a custom authenticator."""
        return _SIGN_IN.get(self.auth)

    def sign_in(self) -> dict[str, Any]:
        """Return how runner and steps sign in, as bai-chart's values below `gateway`."""
        values: dict[str, Any] = {"auth": {"type": self.client_auth}} if self.client_auth else {}
        return values | ({"passwordSecret": dict(self.password_secret)} if self.password_secret else {})

    def location(self) -> dict[str, Any]:
        """Return where the gateway is, as bai-chart's values below `gateway`."""
        values: dict[str, Any] = {"address": self.address}
        values |= {"proxyAddress": self.proxy_address} if self.proxy_address else {}
        return values | ({"certificate": dict(self.certificate)} if self.certificate else {})


def connection_of(objects: Iterable[Json]) -> Connection | None:
    """Return the connection that a release's objects describe; None where they are of another chart."""
    for found in objects:
        if found["kind"] == "ConfigMap" and KEY in (found.get("data") or {}):
            return _parse(found["data"][KEY])
    return None


def find_connection(kube: Kube, release: str) -> Connection | None:
    """Return how an installed release of Dask Gateway is reached.

    Args:
        kube: The release's namespace.
        release: The release's name.

    Returns:
        None when the release is not installed, or comes from another chart.
    """
    labels = f"app.kubernetes.io/instance={release},app.kubernetes.io/component=client"
    return connection_of({**found, "kind": "ConfigMap"} for found in kube.list("configmaps", labels=labels))


def installed_service(kube: Kube, release: str) -> Connection:
    """Return how an installed release is reached, when a Service of its own leads to it.

    Raises:
        SetupError: the release is not installed, comes from another chart, or has no Traefik of its own.
    """
    found = find_connection(kube, release)
    if found is None:
        raise SetupError(
            f"cannot find Dask Gateway: no release {release} of this project's chart in namespace {kube.namespace}",
            hint="bai-kit deploy",
        )
    if not found.service:
        raise SetupError(f"cannot reach Dask Gateway through release {release}: it has no Traefik of its own")
    return found


def _parse(text: str) -> Connection:
    said = json.loads(text)
    return Connection(
        address=said["address"],
        auth=said["auth"],
        proxy_address=said["proxyAddress"],
        service=said.get("service", ""),
        port=said.get("port", 80),
        scheme=said.get("scheme", "http"),
        prefix=said.get("prefix", ""),
        password_secret=said.get("passwordSecret"),
        certificate=said.get("certificate"),
    )
