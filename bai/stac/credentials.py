"""Find the user's credentials for a URL: in the URL, in the item's URL, in .netrc, and in GDAL's variables.

Items and assets are read with the same credentials. Those of a URL and of .netrc travel inside the URLs, which GDAL
understands and which reach the workers of a cluster; `href.public` takes them out of everything that is shown.
"""

from __future__ import annotations

import netrc
import os
import re
from base64 import b64encode
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from bai.errors import InputError

GDAL_VARIABLES = ("GDAL_HTTP_AUTH", "GDAL_HTTP_BEARER", "GDAL_HTTP_USERPWD", "GDAL_HTTP_HEADERS")
"""Environment variables with credentials, which a run sends to the workers of a cluster."""


def gdal_variables() -> dict[str, str]:
    """Return the GDAL variables with credentials that are set in this process."""
    return {name: os.environ[name] for name in GDAL_VARIABLES if os.environ.get(name)}


def origin(url: str) -> tuple[str, str, int | None]:
    """Return scheme, host and port of a URL: credentials never leave the origin that they were given for."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def with_login(url: str, known: str | None = None) -> str:
    """Return an http(s) URL with user and password, where they are known for its origin.

    Args:
        url: The URL; its own user and password count first.
        known: A URL that the user gave, perhaps with user and password.

    Raises:
        InputError: the .netrc file is malformed.
    """
    parts = urlsplit(url)
    if "@" in parts.netloc:
        return url
    login = None
    if known and "@" in urlsplit(known).netloc and origin(known) == origin(url):
        login = urlsplit(known).netloc.rpartition("@")[0]
    elif entry := _netrc(parts.hostname or ""):
        login = ":".join(quote(word, safe="") for word in entry)
    return parts._replace(netloc=f"{login}@{parts.netloc}").geturl() if login else url


def split_login(url: str) -> tuple[str, dict[str, str]]:
    """Return a URL without user and password, and the header that carries them."""
    parts = urlsplit(url)
    login, _, place = parts.netloc.rpartition("@")
    return parts._replace(netloc=place).geturl(), _basic(unquote(login)) if login else {}


def gdal_headers() -> dict[str, str]:
    """Return the request headers that GDAL's variables ask for: GDAL_HTTP_HEADERS, _HEADER_FILE, _BEARER, _USERPWD."""
    get, headers = os.environ.get, {}
    if get("GDAL_HTTP_AUTH", "").upper() == "BEARER" and get("GDAL_HTTP_BEARER"):
        headers["Authorization"] = f"Bearer {get('GDAL_HTTP_BEARER')}"
    elif get("GDAL_HTTP_USERPWD"):
        headers |= _basic(get("GDAL_HTTP_USERPWD", ""))
    lines = re.findall(r'(?:[^,"]|"[^"]*")+', get("GDAL_HTTP_HEADERS", ""))
    if name := get("GDAL_HTTP_HEADER_FILE"):
        try:
            lines += Path(name).read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeError) as exc:
            raise InputError(f"cannot read GDAL_HTTP_HEADER_FILE {name}: {exc}", hint="correct that variable") from exc
    pairs = (line.strip().strip('"').partition(":") for line in lines)
    return headers | {key.strip(): value.strip() for key, _, value in pairs if key.strip() and value.strip()}


def _basic(login: str) -> dict[str, str]:
    return {"Authorization": f"Basic {b64encode(login.encode()).decode()}"}


def _netrc(host: str) -> tuple[str, str] | None:
    """Return user and password of a host in the .netrc file; None without an entry or without the file."""
    if os.environ.get("GDAL_HTTP_NETRC", "YES").upper() in {"NO", "OFF", "FALSE", "0"}:
        return None
    named = os.environ.get("GDAL_HTTP_NETRC_FILE") or os.environ.get("NETRC")
    path = Path(named) if named else Path(os.path.expanduser("~/.netrc"))  # noqa: PTH111 - Path fails without a home
    try:
        entry = netrc.netrc(str(path)).authenticators(host)
    except OSError:
        return None
    except netrc.NetrcParseError as exc:  # its message may hold a password
        raise InputError(
            f"cannot read {path}: line {exc.lineno} is not as in a .netrc file", hint="correct that line"
        ) from None
    return (entry[0], entry[2] or "") if entry else None
