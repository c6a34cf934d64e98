"""How packages are named: a path or URL, and `#NAME` for one process of the document."""

from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit


def split(package: str | Path) -> tuple[str, str]:
    """Return the URL of a package's document, and the process after `#`, which may be empty."""
    text = str(package)
    if urlsplit(text).scheme in {"http", "https", "file"}:
        url, name = urldefrag(text)
        return url, name
    path, _, name = (text, "", "") if Path(text).exists() else text.partition("#")
    return Path(path).resolve().as_uri(), name


def shown(url: str) -> str:
    """Return a URL as messages show it: a path for a local file, without user, password and query for an address."""
    parts = urlsplit(url)
    if parts.scheme in {"", "file"}:
        return unquote(parts.path)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl()
