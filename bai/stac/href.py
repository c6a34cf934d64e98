"""Resolve the references to items and assets to an http(s) URL or a local path.

Untrusted text decides which files are opened, so only http(s), `file://` and plain paths are accepted, and an item from
the network can name neither a local file nor an address that only this machine can reach.
"""

from __future__ import annotations

import ipaddress
import os
import re
import socket
from pathlib import Path
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit, urlunsplit

from bai.errors import InputError, printable
from bai.stac.credentials import origin, with_login
from bai.stac.providers import bucket_hint, needs_signature, refusal_hint

_KINDS = "give an http(s) URL, a file:// URL or a path"
_REMOTE_HINT = "an item from the network may name http(s) and relative hrefs only: download it with its files"
_BUCKETS = {"s3", "gs", "az", "abfs", "swift"}


def public(ref: str) -> str:
    """Return a reference fit for logs and reports: without user, password, fragment, and query (it may be signed)."""
    try:
        parts = urlsplit(ref)
    except ValueError:
        return "a malformed URL"
    if not (parts.scheme and parts.netloc):
        return printable(ref)
    return printable(urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", "")))


def is_remote(ref: str) -> bool:
    """Tell whether a reference is an http(s) URL."""
    return ref.lower().startswith(("http://", "https://"))


def is_relative(href: str) -> bool:
    """Tell whether the meaning of an href depends on the location of its item."""
    return "://" not in href


def normalise(ref: str) -> str:
    """Make an item's reference absolute: http(s) URLs stay, `file://` and paths become absolute paths.

    A URL gets the user and password of .netrc, if there are any for its host.

    Raises:
        InputError: another scheme.
    """
    parts = _split(ref, "the item")
    if parts.scheme in {"http", "https"}:
        if not parts.hostname:
            raise InputError("the item has a URL without a host", hint=_KINDS)
        return with_login(_encoded(parts.geturl()))
    return str(Path(_local_path(ref, parts, "the item")).absolute())


def bases(href: str, moved_to: str | None, self_link: str | None) -> tuple[str, ...]:
    """Return what an item's relative hrefs may be relative to, the best base first.

    Args:
        href: The requested location of the item, as `normalise` returns it.
        moved_to: The final URL when the server redirected the request. It alone counts then (RFC 3986, 5.1.3).
        self_link: The item's own word, which counts when it is an absolute URL. A local item's files lie beside it
            first: it may be a copy.
    """
    if moved_to:
        return (moved_to,)
    if not self_link or not is_remote(self_link):
        return (href,)
    link = with_login(self_link, href)
    return (link, href) if is_remote(href) else (href, link)


def resolve(href: str, base: str, what: str) -> str:
    """Resolve an asset's href to an http(s) URL, with the user's credentials for it, or to an absolute path.

    Args:
        href: As the item says it: absolute or relative.
        base: One of `bases`.
        what: The object for messages, such as `asset 'nir' of item X`.

    Raises:
        InputError: a scheme that cannot be read, an unsigned Planetary Computer blob, or something that only this
            machine can reach, named by a remote item.
    """
    parts = _split(href, what)
    if parts.scheme in {"http", "https"}:
        if needs_signature(href):
            raise InputError(
                f"{what} lies on Planetary Computer and is not signed: {public(href)}", hint=refusal_hint(href)
            )
        if is_remote(base) and _is_local(parts.hostname) and not _is_local(urlsplit(base).hostname):
            raise InputError(f"{what} names an address of this machine: {public(href)}", hint=_REMOTE_HINT)
        return with_login(_encoded(parts.geturl()), base)
    if is_remote(base):
        if parts.scheme or parts.netloc or href.startswith(("/vsi", "\\")):
            hint = bucket_hint(href) if parts.scheme in _BUCKETS else _REMOTE_HINT
            raise InputError(f"{what} cannot be read from here: {public(href)}", hint=hint)
        return with_login(_encoded(urljoin(base, href)), base)
    path = Path(base).parent / _local_path(href, parts, what)
    if "%" in href and not parts.scheme and not os.path.exists(path):  # noqa: PTH110 - Path.exists raises in locked folders
        path = Path(base).parent / _local_path(unquote(href), parts, what)
    return str(path.absolute())


def signed_like(url: str, base: str) -> list[str]:
    """Return an asset's URL with its item's query, which may be a signature for all files of a folder; else nothing."""
    query = urlsplit(base).query
    if not (query and is_remote(base) and origin(url) == origin(base)) or urlsplit(url).query:
        return []
    return [urlsplit(url)._replace(query=query).geturl()]


def refuse_redirect(url: str, target: str) -> None:
    """Refuse a redirect that leaves http(s), or that leads from the network to this machine.

    Raises:
        InputError: such a redirect.
    """
    parts = _split(target, "a redirect")
    if parts.scheme not in {"http", "https"}:
        raise InputError(f"{public(url)} is redirected to {public(target)}, which is not http(s)", hint="check the URL")
    if _is_local(parts.hostname) and not _is_local(urlsplit(url).hostname):
        raise InputError(f"{public(url)} is redirected to this machine, {public(target)}", hint="check the URL")


def _split(ref: str, what: str) -> SplitResult:
    try:
        parts = urlsplit(ref)
        _ = parts.port
    except ValueError as exc:  # the text of the ValueError may contain a password of the URL
        raise InputError(f"{what} has a malformed URL", hint=_KINDS) from exc
    return parts


def _encoded(url: str) -> str:
    """Return a URL with spaces and other characters that no URL holds percent-encoded, as browsers send it."""
    return re.sub(r"[^!-~]", lambda found: quote(found[0]), url)


def _local_path(ref: str, parts: SplitResult, what: str) -> str:
    """Return the path of a `file://` URL or of a plain path (which may hold a colon, as product names do)."""
    if parts.scheme == "file" and parts.netloc in {"", "localhost"}:
        path = unquote(parts.path)
    elif parts.scheme and "://" in ref:
        hint = bucket_hint(ref) if parts.scheme in _BUCKETS else _KINDS
        raise InputError(f"{what} has an href that cannot be read: {public(ref)}", hint=hint)
    else:
        path = ref
    if path.startswith("/vsi"):  # GDAL would take it for one of its virtual file systems
        raise InputError(f"{what} names a GDAL virtual path: {public(ref)}", hint=_KINDS)
    if "\0" in path:
        raise InputError(f"{what} has a NUL character in its path", hint=_KINDS)
    return path


def _is_local(host: str | None) -> bool:
    """Tell whether a host is this machine or its link: loopback and link-local addresses, in any spelling."""
    name = (host or "").rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        try:
            address = ipaddress.ip_address(socket.inet_aton(name))  # 127.1 and 2130706433 are addresses too
        except OSError:
            return False
    address = getattr(address, "ipv4_mapped", None) or address
    return address.is_loopback or address.is_link_local or address.is_unspecified
