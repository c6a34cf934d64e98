"""Dask's configuration under the key `gateway`: what a step receives of the runner's own."""

import getpass
import os
from typing import Any

SECRETS = {"password": "DASK_GATEWAY_PASSWORD", "api_token": "JUPYTERHUB_API_TOKEN"}
"""Arguments of Dask Gateway's authentication that are secret, and the environment variable that holds each of them."""


def user() -> str:
    """Return the user's name at the gateway; the user's number where the user has no name, as a random uid has none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # OSError since Python 3.13
        return str(os.getuid())


def step_section(configured: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """Return the section `gateway` of Dask's configuration for a step.

    Args:
        configured: the runner's own section.
        options: the options that the cluster was claimed with.

    Returns:
        The runner's section with the claimed options, and with the user of the runner: a cluster answers only to the
        user who claimed it. Templates such as `{JUPYTERHUB_API_TOKEN}` are not filled.
    """
    auth = configured.get("auth") or {}
    kind, arguments = auth.get("type") or "basic", auth.get("kwargs") or {}
    if kind == "basic":
        arguments = {"username": user()} | arguments
    elif kind == "jupyterhub":
        arguments = {"api_token": f"{{{SECRETS['api_token']}}}"} | arguments
    cluster = configured.get("cluster") or {}
    return {
        **configured,
        "auth": {"type": kind, "kwargs": arguments},
        "cluster": {"options": (cluster.get("options") or {}) | options},
    }
