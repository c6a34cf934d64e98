"""Where an item and its assets are: reading an item's text, resolving hrefs, and who may open what. No STAC, no pixels.

Outside text decides which files are opened, so the rule is narrow: only http(s), `file://` and plain paths, and an item
that came over the network cannot name a file of this machine.
"""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path
from urllib.parse import SplitResult, unquote, urljoin, urlsplit, urlunsplit
from urllib.request import getproxies, proxy_bypass

import urllib3
from urllib3.exceptions import HTTPError, LocationValueError, SSLError

from bai.errors import InputError, TemporaryError

MAX_ITEM_BYTES = 8 << 20
"""The largest real items are near 100 kB; whatever is past this is not an item."""

TIMEOUT_S = 30.0
"""How long one answer may take."""

BACKOFF_S = 0.3
"""The second, third and fourth try come after 2, 4 and 8 times this."""

_RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504})
_CDSE_HINT = (
    "GDAL reads s3:// of CDSE (s3://eodata) and the requester-pays jp2 buckets only with an account: "
    "download the files, or use the item of a catalogue with https hrefs (Earth Search v1, signed Planetary Computer)"
)
_PC_HINT = "sign the item (planetary_computer.sign), save it as a file, give its path; signatures last about an hour"
_KINDS = "give an http(s) URL, a file:// URL or a path"
_REMOTE_HINT = "an item from the network may name http(s) and relative hrefs only"


def public(ref: str) -> str:
    """Return a reference fit for logs and reports: without user, password, fragment, and query (it may be signed)."""
    try:
        parts = urlsplit(ref)
    except ValueError:
        return "a malformed URL"
    if parts.scheme not in {"http", "https"}:
        return ref
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def is_remote(ref: str) -> bool:
    """Tell whether a reference is an http(s) URL."""
    return urlsplit(ref).scheme in {"http", "https"}


def normalise(ref: str) -> str:
    """Make an item's reference absolute: http(s) URLs stay, `file://` and paths become absolute paths.

    Raises:
        InputError: another scheme.
    """
    parts = _split(ref, "the item")
    if parts.scheme in {"http", "https"}:
        return ref
    return str(Path(_local_path(ref, parts, "the item")).absolute())


def resolve(href: str, base: str, what: str) -> str:
    """Resolve an asset's href against its item, to an http(s) URL or an absolute path.

    Args:
        href: As the item says it: absolute or relative to the item.
        base: The item's own reference, as `normalise` returns it.
        what: The object for messages, such as `asset 'nir' of item X`.

    Raises:
        InputError: a scheme that cannot be read, an unsigned Planetary Computer blob, or a local file named by a
            remote item.
    """
    parts = _split(href, what)
    if parts.scheme in {"http", "https"}:
        if (parts.hostname or "").endswith(".blob.core.windows.net") and "sig=" not in parts.query:
            raise InputError(f"{what} lies on Planetary Computer and is not signed: {public(href)}", hint=_PC_HINT)
        return href
    if is_remote(base):
        if parts.scheme or parts.netloc or href.startswith(("/vsi", "\\")):
            hint = _CDSE_HINT if parts.scheme == "s3" else _REMOTE_HINT
            raise InputError(f"{what} cannot be read from here: {href}", hint=hint)
        return urljoin(base, href)
    path = _local_path(href, parts, what)
    return str((Path(base).parent / path).absolute())


def _split(ref: str, what: str) -> SplitResult:
    try:
        return urlsplit(ref)
    except ValueError as exc:
        raise InputError(f"{what} has a malformed URL: {exc}", hint=_KINDS) from exc


def _local_path(ref: str, parts: SplitResult, what: str) -> str:
    """Return the path of a `file://` URL or of a plain path (which may hold a colon, as product names do)."""
    if parts.scheme == "file" and parts.netloc in {"", "localhost"}:
        path = unquote(parts.path)
    elif parts.scheme and "://" in ref:
        hint = _CDSE_HINT if parts.scheme == "s3" else _KINDS
        raise InputError(f"{what} has an href that cannot be read: {ref}", hint=hint)
    else:
        path = ref
    if path.startswith("/vsi"):  # GDAL would take it for one of its virtual file systems
        raise InputError(f"{what} names a GDAL virtual path: {ref}", hint=_KINDS)
    return path


def read_text(ref: str, *, timeout_s: float = TIMEOUT_S) -> bytes:
    """Read an item's text from an http(s) URL or a path.

    Args:
        ref: As `normalise` returns it.
        timeout_s: Seconds for a connection, for silence, and for the whole of one answer.

    Raises:
        InputError: not there, not readable, or larger than `MAX_ITEM_BYTES`.
        TemporaryError: the server cannot be reached, hangs, or still says 5xx (or 429) after retries.
    """
    if is_remote(ref):
        return _read_http(ref, timeout_s)
    try:
        with Path(ref).open("rb") as file:
            text = file.read(MAX_ITEM_BYTES + 1)
    except OSError as exc:
        raise InputError(f"cannot read item {ref}: {exc.strerror}", hint="give the item's file or URL") from exc
    return _bounded(text, ref)


def _bounded(text: bytes, ref: str) -> bytes:
    if len(text) > MAX_ITEM_BYTES:
        limit = f"{MAX_ITEM_BYTES >> 20} MiB"
        raise InputError(f"{public(ref)} is larger than {limit}: not a STAC Item", hint="give the item, not its data")
    return text


def _read_http(url: str, timeout_s: float) -> bytes:
    """GET with retries: answers that say "later" are asked again up to four times, a silent server only once."""
    retries = urllib3.Retry(
        total=5, connect=2, read=1, status=4, redirect=5, status_forcelist=_RETRIED, backoff_factor=BACKOFF_S,
        retry_after_max=10, raise_on_status=False,
    )  # fmt: skip
    name = public(url)
    try:
        with _pool(url) as pool:
            response = pool.request(
                "GET", url, headers={"accept": "application/geo+json, application/json", "user-agent": "bai"},
                preload_content=False, retries=retries, timeout=urllib3.Timeout(connect=timeout_s, read=timeout_s),
            )  # fmt: skip
            with closing(response):
                if response.status >= 400:  # noqa: PLR2004 - the first status of an error
                    _raise_status(name, response.status)
                return _bounded(_drain(response, name, timeout_s), url)
    except (LocationValueError, SSLError, ValueError) as exc:
        raise InputError(f"cannot read item {name}: {_reason(exc)}", hint="check the URL and its certificate") from exc
    except HTTPError as exc:
        if isinstance(getattr(exc, "reason", None), SSLError):
            raise InputError(f"cannot read item {name}: {_reason(exc)}", hint="check the certificate") from exc
        raise TemporaryError(f"cannot reach {name}: {_reason(exc)}", hint="check the URL, then try again") from exc


def _pool(url: str) -> urllib3.PoolManager:
    """Return a connection pool, through the environment's proxy where there is one (as GDAL does for the assets)."""
    parts = urlsplit(url)
    proxy = getproxies().get(parts.scheme)
    if proxy and not proxy_bypass(parts.hostname or ""):
        return urllib3.ProxyManager(proxy)
    return urllib3.PoolManager()


def _drain(response: urllib3.BaseHTTPResponse, name: str, timeout_s: float) -> bytes:
    """Read a body piece by piece, so that neither a huge nor a dripping one holds us."""
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


def _raise_status(name: str, status: int) -> None:
    if status in _RETRIED:
        raise TemporaryError(f"{name} answers {status}, also when asked again", hint="try again later")
    closed = status in {401, 403}
    hint = "it wants credentials: download the item and give its path" if closed else "check the item's URL"
    raise InputError(f"{name} answers {status}", hint=hint)


def _reason(exc: BaseException) -> str:
    """Return the innermost reason in one short line: urllib3 wraps it, with addresses of objects in between."""
    reason = getattr(exc, "reason", None)
    text = str(reason if reason is not None else exc)
    return text.rpartition(">: ")[2][:200] or type(exc).__name__
