"""Explain why a raster file could not be read, from GDAL's message and one request to the server."""

from __future__ import annotations

import os
import re
from contextlib import closing
from pathlib import Path

from rasterio.env import getenv, hasenv
from urllib3.exceptions import HTTPError, IncompleteRead, ProtocolError

from bai.errors import BaiError, InputError, TemporaryError
from bai.stac.fetch import RETRIED, get, reason
from bai.stac.href import is_remote, public
from bai.stac.providers import refusal_hint

MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51")
"""How TIFF, BigTIFF and JPEG 2000 files begin."""
PROBE_BYTES = 4096
"""How much of a file's beginning the server is asked for, to tell a damaged file from a transfer that was cut short."""
_NETWORK = "check the network, then run again"
_CUT = re.compile(
    r"got \d+ bytes, expected|transfer closed|Recv failure|reset by peer|stream .*not closed", re.IGNORECASE
)
"""Messages of GDAL and curl for an answer that ended early."""


class CutShortError(TemporaryError):
    """A transfer ended early although the file on the server is whole: reading again may help."""


class DamagedError(InputError):
    """A file cannot be decoded; where it came over a network, reading again may help."""


def explain(href: str, error: BaseException, end: int) -> BaiError:
    """Return an error of the application, with reason and hint, for an exception of rasterio.

    GDAL names the HTTP status when opening fails, but not when a later read does. The server is then asked for a part
    of the file.

    Args:
        href: The file.
        error: What rasterio raised.
        end: Bytes that the file must have by its own header, 0 when the header is unknown.

    Returns:
        TemporaryError when the server does not answer, is busy, or cut the transfer of a whole file short; InputError
        when the server refuses the file or the file is damaged.
    """
    words = re.sub(r"https?://[^\s'\"]+", lambda url: public(url[0]), _root(error).replace(href, public(href)))
    if not is_remote(href):
        return _local(href, words, end)
    if status := re.search(r"HTTP (?:response|error) code ?: (\d+)", words):
        return _refusal(href, int(status[1]))
    if "CURL error" in words and not _CUT.search(words):
        return TemporaryError(f"cannot read {public(href)}: no answer: {words}", hint=_NETWORK)
    return _asked(href, words, end)


def _root(error: BaseException) -> str:
    """Return the first cause's message: rasterio's own says only `see previous exception`."""
    while cause := error.__cause__ or error.__context__:
        error = cause
    return str(error)


def _local(href: str, words: str, end: int) -> BaiError:
    """Explain why a local file could not be read."""
    name = public(href)
    try:
        with Path(href).open("rb") as file:
            start, size = file.read(PROBE_BYTES), os.fstat(file.fileno()).st_size
    except PermissionError as exc:
        hint = f"check the permissions of the file and of its folders: namei -l {name}"
        return InputError(f"cannot read {name}: {exc.strerror}", hint=hint)
    except OSError as exc:
        return InputError(f"cannot read {name}: {exc.strerror}", hint="check the item's hrefs")
    if size < end:
        hint = "copy or download the file again"
        return InputError(f"cannot read {name}: the file is cut short, {size} of {end} bytes: {words}", hint=hint)
    return _other_format(name, start) or DamagedError(f"cannot read {name}: {words}", hint="the file is damaged")


def _other_format(name: str, start: bytes) -> InputError | None:
    """Return an error when a file begins as neither a GeoTIFF nor a JPEG 2000 file does."""
    if start.startswith(MAGIC):
        return None
    page = "; the server may have answered with a login page" if start.lstrip()[:1] == b"<" and is_remote(name) else ""
    return InputError(
        f"cannot read {name}: neither a GeoTIFF nor a JPEG 2000 file, it begins with {start[:16]!r}{page}",
        hint="give an item whose assets have these formats, or convert the file with gdal_translate -of COG",
    )


def _refusal(href: str, status: int) -> BaiError:
    name = public(href)
    if status in RETRIED or status >= 500:  # noqa: PLR2004 - the server's own errors
        return TemporaryError(f"cannot read {name}: the server is busy (HTTP {status})", hint="run again later")
    hint = refusal_hint(href) if status in {401, 403} else "check the item's hrefs"
    return InputError(f"cannot read {name}: the server refuses it (HTTP {status})", hint=hint)


def _asked(href: str, words: str, end: int) -> BaiError:
    """Ask the server for the file's beginning, or for the last byte that it must have, and explain by its answer."""
    name, first = public(href), max(end - 1, 0)
    try:
        status, start = _answer(href, first, first if end else PROBE_BYTES - 1)
    except (IncompleteRead, ProtocolError):
        return CutShortError(f"cannot read {name}: the transfer was cut short", hint=_NETWORK)
    except (HTTPError, OSError) as exc:
        return TemporaryError(f"cannot read {name}: no answer: {reason(exc)}", hint=_NETWORK)
    if status == 416:  # noqa: PLR2004 - range not satisfiable
        hint = "download or make the file again"
        return InputError(f"cannot read {name}: the file is cut short, it should have {end} bytes", hint=hint)
    if status >= 400:  # noqa: PLR2004 - the first status of an error
        return _refusal(href, status)
    return (None if end else _other_format(name, start)) or _of_a_whole_file(name, words, status, opened=bool(end))


def _answer(href: str, first: int, last: int) -> tuple[int, bytes]:
    """Return the status and the body of a request for a range of bytes.

    Raises:
        HTTPError: urllib3's errors.
        InputError: a redirect that must not be followed.
    """
    name, here = "GDAL_HTTP_CONNECTTIMEOUT", getenv() if hasenv() else {}
    timeout_s = float(here.get(name, os.environ[name]))
    response, _ = get(href, timeout_s, {"range": f"bytes={first}-{last}"}, retries=0)
    with closing(response):
        return response.status, response.read(PROBE_BYTES) if response.status < 400 else b""  # noqa: PLR2004


def _of_a_whole_file(name: str, words: str, status: int, *, opened: bool) -> BaiError:
    """Return an error for a file that cannot be read although the server has the whole file."""
    if status != 206:  # noqa: PLR2004 - partial content
        hint = "download the files and give a local item, or serve them with a server that answers byte ranges"
        return InputError(f"cannot read {name}: the server ignores byte ranges", hint=hint)
    if not opened or _CUT.search(words):
        reason = f"the server stopped answering or cut the transfer short: {words}"
        return CutShortError(f"cannot read {name}: {reason}", hint=_NETWORK)
    return DamagedError(f"cannot read {name}: {words}", hint="the file is damaged: download or make it again")
