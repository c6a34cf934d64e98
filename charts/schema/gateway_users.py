"""What charts/dask-gateway's values say of users: how the gateway knows them."""

from typing import Annotated, Any, Literal

from pydantic import Field

from charts.schema.model import Model, refused


class SimpleAuth(Model):
    """Any user name; with or without one password for all."""

    password: str | None = None
    """Password in plain text. Kept in a Secret, but also in the release's values: prefer existingSecret."""
    existing_secret: str = ""
    """Secret with the password."""
    existing_secret_key: str = "password"  # noqa: S105 - the key's name
    """Key of the password in existingSecret."""
    generate_password: bool = False
    """Make a random password once, in Secret FULLNAME-auth, key password."""


class JupyterHubAuth(Model):
    """Users of a JupyterHub."""

    api_token: str | None = None
    """Token of the hub's API in plain text. Kept in a Secret, but also in the values: prefer apiTokenFromSecretName."""
    api_token_from_secret_name: str = "hub"  # noqa: S105 - the Secret's name
    """Secret with the token of the hub's API; the default is what zero-to-jupyterhub makes."""
    api_token_from_secret_key: str | None = None
    """Key of the token; null is what zero-to-jupyterhub names it for jupyterhubServiceName."""
    api_url: str | None = None
    """The hub's API; null finds it by the hub's environment variables in the same namespace."""
    jupyterhub_service_name: str = "dask-gateway"
    """The gateway's name among the hub's services."""


class CustomAuth(Model):
    """An authenticator of your own."""

    class_: Annotated[str | None, Field(alias="class")] = None
    """Its class, as module.Name; put the module into the image, or mount it."""
    config: dict[str, Any] = {}
    """Its configuration."""


class Auth(Model):
    """Who may use the gateway."""

    type: Literal["simple", "jupyterhub", "custom"] = "simple"
    """How users are known: simple (any name, one password or none), jupyterhub, custom."""
    simple: SimpleAuth = SimpleAuth()
    jupyterhub: JupyterHubAuth = JupyterHubAuth()
    custom: CustomAuth = CustomAuth()
    kerberos: Any = refused(
        "use gateway.auth.type: custom with custom.class: dask_gateway_server.auth.KerberosAuthenticator, "
        "an image that holds pykerberos, and the keytab by gateway.extraVolumes"
    )
