"""Values of charts/dask-gateway about users: how they sign in."""

from typing import Annotated, Any, Literal

from pydantic import Field

from charts.schema.model import Model, refused


class SimpleAuth(Model):
    """Any user name, with one shared password or none."""

    password: str | None = None
    """Password in plain text. It is stored in a Secret but also in the release's values, so prefer existingSecret."""
    existing_secret: str = ""
    """Secret with the password."""
    existing_secret_key: str = "password"  # noqa: S105 - the key's name
    """Key of the password in existingSecret."""
    generate_password: bool = False
    """Generate a random password at the first install, in Secret FULLNAME-auth, key password."""


class JupyterHubAuth(Model):
    """Users of a JupyterHub."""

    api_token: str | None = None
    """Token of the hub's API in plain text. The release's values also store it, so prefer apiTokenFromSecretName."""
    api_token_from_secret_name: str = "hub"  # noqa: S105 - the Secret's name
    """Secret with the token of the hub's API; the default is the Secret that zero-to-jupyterhub creates."""
    api_token_from_secret_key: str | None = None
    """Key of the token in that Secret; null: the key that zero-to-jupyterhub uses for jupyterhubServiceName."""
    api_url: str | None = None
    """URL of the hub's API; null: from the environment variables of the hub's Services in the same namespace."""
    jupyterhub_service_name: str = "dask-gateway"
    """Name of the gateway in the hub's list of services."""


class CustomAuth(Model):
    """Another authenticator class."""

    class_: Annotated[str | None, Field(alias="class")] = None
    """Class of the authenticator, as module.Name; add the module to the image, or mount it."""
    config: dict[str, Any] = {}
    """Configuration of the authenticator."""


class Auth(Model):
    """Authentication of users."""

    type: Literal["simple", "jupyterhub", "custom"] = "simple"
    """How users sign in: simple (any name, one shared password or none), jupyterhub, or custom."""
    simple: SimpleAuth = SimpleAuth()
    jupyterhub: JupyterHubAuth = JupyterHubAuth()
    custom: CustomAuth = CustomAuth()
    kerberos: Any = refused(
        "use gateway.auth.type: custom with custom.class: dask_gateway_server.auth.KerberosAuthenticator, "
        "an image that holds pykerberos, and the keytab by gateway.extraVolumes"
    )
