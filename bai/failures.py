"""Why a file could not be read: GDAL's words, and one question to the server, become an error to act on."""

from __future__ import annotations

import os
import re
import urllib.error
import urllib.request
from base64 import b64encode
from urllib.parse import unquote, urlsplit

from bai.errors import BaiError, InputError, TemporaryError
from bai.stac.href import is_remote, public

_BUSY = frozenset({408, 425, 429})
"""Refusals that pass, beside all of 500 and above. Source: RFC 9110, RFC 8470, RFC 6585."""
_NETWORK = "check the network, then run again"


def explain(href: str, error: BaseException, end: int) -> BaiError:
    """Turn what rasterio raised into what the user can act on.

    GDAL names the status when opening fails, but not when a later read does. The server is then asked for the last byte
    that the file must have.

    Args:
        href: The file.
        error: What rasterio raised.
        end: Bytes that the file must have by its own header, 0 when unknown.

    Returns:
        TemporaryError when the server does not answer or is busy, InputError when it refuses or the file is damaged.
    """
    words = _root(error).replace(href, public(href))
    if status := re.search(r"HTTP (?:response|error) code ?: (\d+)", words):
        return _refusal(href, int(status[1]))
    if "CURL error" in words:
        return TemporaryError(f"{public(href)}: no answer: {words}", hint=_NETWORK)
    if is_remote(href):
        if answer := _ask(href, end):
            return answer
        if "got 0 bytes" in words:  # the file is whole, yet nothing came
            return TemporaryError(f"{public(href)}: the server stopped answering: {words}", hint=_NETWORK)
    return InputError(f"{public(href)}: cannot be read: {words}", hint="the file is missing, damaged or cut short")


def _root(error: BaseException) -> str:
    """Return the first cause's message: rasterio's own says only `see previous exception`."""
    while cause := error.__cause__ or error.__context__:
        error = cause
    return str(error)


def _refusal(href: str, status: int) -> BaiError:
    if status in _BUSY or status >= 500:  # noqa: PLR2004 - the server's own errors
        return TemporaryError(f"{public(href)}: the server is busy (HTTP {status})", hint="run again later")
    hint = "signed links expire: fetch the item again" if status in {401, 403} else "check the item's hrefs"
    return InputError(f"{public(href)}: the server refuses it (HTTP {status})", hint=hint)


def _ask(href: str, end: int) -> BaiError | None:
    """Ask the server for one byte; return what is wrong, or None when it comes."""
    parts = urlsplit(href)
    user, _, host = parts.netloc.rpartition("@")
    last = max(end - 1, 0)
    headers = {"Range": f"bytes={last}-{last}"}
    if user:
        headers["Authorization"] = f"Basic {b64encode(unquote(user).encode()).decode()}"
    request = urllib.request.Request(parts._replace(netloc=host).geturl(), headers=headers)  # noqa: S310 - is_remote
    try:
        with urllib.request.urlopen(request, timeout=float(os.environ["GDAL_HTTP_CONNECTTIMEOUT"])):  # noqa: S310
            return None
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416:  # noqa: PLR2004 - range not satisfiable
            return InputError(
                f"{public(href)}: is cut short: it should have {end} bytes", hint="fetch or make it again"
            )
        return _refusal(href, error.code)
    except OSError as error:
        return TemporaryError(f"{public(href)}: no answer: {error}", hint=_NETWORK)
