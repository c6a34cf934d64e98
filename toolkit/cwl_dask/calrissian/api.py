"""Connect the runner and its guard to the Kubernetes API."""

import json
import os
import time
from pathlib import Path

from kubernetes import client, config

from cwl_dask.calrissian.guard import ACCOUNT
from cwl_dask.calrissian.relay import ADDRESS_FILE

START_S = 60
"""Seconds for the guard's relay to start; both containers start within a second or two of each other."""


def has_relay() -> bool:
    """Return True in a runner without a token of its own: it reaches the API through its guard's container."""
    return "CWL_DASK_GUARD" in os.environ and not (ACCOUNT / "token").exists()


def connect_directly() -> str:
    """Set the default configuration of the Kubernetes client, with this container's token.

    Returns:
        The pod's own namespace.

    Raises:
        ConfigException: the container has no token.
        OSError: its service account is incomplete.
    """
    config.load_incluster_config()
    return (ACCOUNT / "namespace").read_text()


def connect() -> str:
    """Set the default configuration of the Kubernetes client, in the runner.

    Returns:
        The pod's own namespace.

    Raises:
        ConfigException: this is no pod, or the relay does not start.
        OSError: the service account is incomplete.
    """
    if not has_relay():
        return connect_directly()
    file = Path(os.environ["CWL_DASK_GUARD"], ADDRESS_FILE)
    deadline = time.monotonic() + START_S
    while not file.exists():
        if time.monotonic() > deadline:
            raise config.ConfigException(f"the guard's relay to the Kubernetes API did not start within {START_S} s")
        time.sleep(0.02)
    relay = json.loads(file.read_text())
    configuration = client.Configuration(host=relay["host"], api_key={"authorization": f"Bearer {relay['key']}"})
    client.Configuration.set_default(configuration)
    return str(relay["namespace"])
