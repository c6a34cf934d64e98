"""The address of the Dask Gateway, from `--dask-gateway` or from Dask's configuration."""

from typing import Any
from urllib.parse import urlsplit

LOCAL = "local"
"""The value of `--dask-gateway` that starts a gateway for the run."""


class AddressError(RuntimeError):
    """An address that cannot be one of a Dask Gateway; one sentence for the user."""


def configuration(url: str | None) -> dict[str, Any]:
    """Return what to change in Dask's configuration, so that it names the gateway at `url`.

    The proxy address and public address that are configured belong to the configured gateway, so another gateway gets
    none of them.

    Args:
        url: the value of `--dask-gateway`; None keeps the configured gateway.

    Raises:
        AddressError: the address has no scheme or host, or names an environment variable that is not set.
    """
    import dask  # noqa: PLC0415 - only packages with the requirement need it

    configured = dask.config.get("gateway.address", None)
    address = check(configured if url is None else url)
    if address is None or url is None or (configured and address == check(configured)):
        return {}
    return {"gateway.address": address, "gateway.proxy-address": None, "gateway.public-address": None}


def check(address: str | None) -> str | None:
    """Return the address with its environment variables filled in and without a slash at its end; None for None.

    Raises:
        AddressError: see `configuration`.
    """
    if address is None:
        return None
    from dask_gateway.utils import format_template  # noqa: PLC0415 - see above

    try:
        filled: str = format_template(address).rstrip("/")
    except (ValueError, KeyError, IndexError) as error:
        raise AddressError(f"cannot use the Dask Gateway address {address}: {_unset(error)}") from error
    parts = urlsplit(filled)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        example = f"http://{filled.partition('://')[2] or filled}"
        raise AddressError(f"cannot use the Dask Gateway address {address}: write it as a URL, for example {example}")
    return filled


def _unset(error: Exception) -> str:
    return f"environment variable {error.args[0]} is not set" if isinstance(error, KeyError) else str(error)
