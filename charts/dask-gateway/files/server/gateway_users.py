"""Users by name, with one password or none."""

import os

from dask_gateway_server.auth import SimpleAuthenticator
from traitlets import default


class Users(SimpleAuthenticator):
    """The server's simple users; the password is no configuration, which the server writes into its log."""

    @default("password")
    def _from_the_environment(self):
        return os.environ.get("DASK_GATEWAY_PASSWORD") or None
