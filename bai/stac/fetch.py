"""Read an item's text from a file or over http(s), with the user's credentials, redirects and retries."""

from __future__ import annotations

import gzip
import io
import time
import zlib
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3
from urllib3.exceptions import HTTPError, IncompleteRead, LocationValueError, ProtocolError, SSLError

from bai.errors import InputError, TemporaryError
from bai.stac.credentials import gdal_headers, origin, split_login, with_login
from bai.stac.href import is_remote, public, refuse_redirect
from bai.stac.providers import refusal_hint

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_ITEM_BYTES = 8 << 20
"""The largest real items are near 100 kB; anything larger is not an item."""
TIMEOUT_S = 30.0
"""Seconds that one answer may take."""
BACKOFF_S = 0.3
"""The second, third and fourth try come after 2, 4 and 8 times this."""
MAX_REDIRECTS = 5
TRIES_OF_A_BODY = 3
"""Number of requests for an answer whose body ends early."""
RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504})
"""HTTP statuses after which a later request may succeed. Source: RFC 9110, RFC 8470, RFC 6585."""
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class Text:
    """The body of a response, and its final URL if the server redirected the request."""

    body: bytes
    moved_to: str | None = None
    """The final URL, with user and password where they are needed, when the server redirected the request."""


def read_text(ref: str, *, timeout_s: float = TIMEOUT_S) -> Text:
    """Read an item's text from an http(s) URL or a path.

    Args:
        ref: As `href.normalise` returns it.
        timeout_s: Seconds for a connection, for silence, and for the whole of one answer.

    Raises:
        InputError: not found, not readable, or larger than `MAX_ITEM_BYTES`.
        TemporaryError: the server cannot be reached, hangs, or still asks to try later after retries.
    """
    if is_remote(ref):
        return _read_http(ref, timeout_s)
    try:
        with Path(ref).open("rb") as file:
            body = file.read(MAX_ITEM_BYTES + 1)
    except PermissionError as exc:
        hint = f"check the permissions of the file and of its folders: namei -l {ref}"
        raise InputError(f"cannot read item {public(ref)}: {exc.strerror}", hint=hint) from exc
    except OSError as exc:
        raise InputError(f"cannot read item {public(ref)}: {exc.strerror}", hint="give the item's file or URL") from exc
    return Text(_unpacked(body, ref))


def _unpacked(body: bytes, ref: str) -> bytes:
    """Return a text, unpacked when it is a gzip file; refuse a text that is larger than an item."""
    if body[:2] == _GZIP:
        try:
            with gzip.GzipFile(fileobj=io.BytesIO(body)) as file:
                body = file.read(MAX_ITEM_BYTES + 1)
        except (OSError, EOFError, zlib.error) as exc:
            raise InputError(f"cannot unpack {public(ref)}: {exc}", hint="give the item as JSON") from exc
    if len(body) > MAX_ITEM_BYTES:
        limit = f"{MAX_ITEM_BYTES >> 20} MiB"
        raise InputError(f"{public(ref)} is larger than {limit}: not a STAC Item", hint="give the item, not its data")
    return body


def _read_http(url: str, timeout_s: float) -> Text:
    name = public(url)
    try:
        for tries_left in reversed(range(TRIES_OF_A_BODY)):
            try:
                response, final = get(url, timeout_s, {"accept": "application/geo+json, application/json"})
                with closing(response):
                    if response.status >= 400:  # noqa: PLR2004 - the first status of an error
                        _raise_status(final, response.status)
                    body = _unpacked(_drain(response, name, timeout_s), url)
                    return Text(body, None if final == url else final)
            except (IncompleteRead, ProtocolError):
                if not tries_left:
                    raise
    except (LocationValueError, SSLError, ValueError) as exc:
        raise InputError(f"cannot read item {name}: {reason(exc)}", hint="check the URL and its certificate") from exc
    except HTTPError as exc:
        if isinstance(getattr(exc, "reason", None), SSLError):
            raise InputError(f"cannot read item {name}: {reason(exc)}", hint="check the certificate") from exc
        raise TemporaryError(f"cannot reach {name}: {reason(exc)}", hint="check the URL, then try again") from exc
    raise AssertionError("the last try returns or raises")


def get(
    url: str, timeout_s: float, headers: Mapping[str, str], *, retries: int = 4
) -> tuple[urllib3.BaseHTTPResponse, str]:
    """Send a GET request with the user's credentials; follow redirects.

    Credentials stay with the origin that they were given for.

    Args:
        url: The URL, with user and password where they are needed.
        timeout_s: Seconds for a connection and for silence.
        headers: The request's headers, without credentials.
        retries: Number of retries after an answer that asks for a later request; a silent server is asked again once at
        most.

    Returns:
        The response, its body not yet read, and the final URL.

    Raises:
        InputError: a redirect that must not be followed.
        HTTPError: urllib3's errors.
    """
    policy = urllib3.Retry(
        total=retries + 1, connect=min(2, retries), read=min(1, retries), status=retries, redirect=0,
        status_forcelist=RETRIED, backoff_factor=BACKOFF_S, retry_after_max=10, raise_on_status=False,
    )  # fmt: skip
    given, own = url, gdal_headers()
    for _ in range(MAX_REDIRECTS + 1):
        bare, login = split_login(url)
        sent = {"user-agent": "bai", **headers, **(own if origin(url) == origin(given) else {}), **login}
        response = _pool(bare).request(
            "GET", bare, headers=sent, preload_content=False, retries=policy, redirect=False,
            timeout=urllib3.Timeout(connect=timeout_s, read=timeout_s),
        )  # fmt: skip
        if response.status not in _REDIRECTS or not (target := response.headers.get("location")):
            return response, url
        response.close()
        refuse_redirect(bare, target := urljoin(bare, target))
        url = with_login(target, url)
    raise InputError(f"{public(given)} is redirected more than {MAX_REDIRECTS} times", hint="check the URL")


def _pool(url: str) -> urllib3.PoolManager:
    """Return a connection pool for a URL; it uses the proxy of the environment variables, as GDAL does for assets."""
    parts = urlsplit(url)
    proxy = getproxies().get(parts.scheme)
    if proxy and not proxy_bypass(parts.hostname or ""):
        return urllib3.ProxyManager(proxy)
    return urllib3.PoolManager()


def _drain(response: urllib3.BaseHTTPResponse, name: str, timeout_s: float) -> bytes:
    """Read a body piece by piece, within a time and a size."""
    deadline = time.monotonic() + timeout_s
    body = bytearray()
    while len(body) <= MAX_ITEM_BYTES:
        piece = response.read1(1 << 16)
        if not piece:
            return bytes(body)
        body += piece
        if time.monotonic() > deadline:
            raise TemporaryError(f"{name} took longer than {timeout_s:g} s, {len(body)} bytes came", hint="try again")
    return bytes(body)


def _raise_status(url: str, status: int) -> None:
    name = public(url)
    if status in RETRIED:
        raise TemporaryError(f"{name} answers {status}, also when asked again", hint="try again later")
    hint = refusal_hint(url) if status in {401, 403} else "check the item's URL"
    raise InputError(f"{name} answers {status}", hint=hint)


def reason(exc: BaseException) -> str:
    """Return the innermost reason in one short line: urllib3's own words hold URLs with their signatures."""
    inner = getattr(exc, "reason", None)
    text = str(inner if inner is not None else exc)
    return text.rpartition(">: ")[2][:200] or type(exc).__name__
