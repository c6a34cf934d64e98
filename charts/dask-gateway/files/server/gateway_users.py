"""Authenticate users of any name, with one shared password or none."""

import os

from dask_gateway_server.auth import SimpleAuthenticator
from traitlets import default


class Users(SimpleAuthenticator):
    """SimpleAuthenticator with the password from the environment, because the server logs its configuration."""

    @default("password")
    def _from_the_environment(self):
        return os.environ.get("DASK_GATEWAY_PASSWORD") or None
