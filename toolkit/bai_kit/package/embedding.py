"""Make the files that a package names a part of the package: default Files and Directories, and schemas of formats."""

import contextlib
import json
import logging
from pathlib import Path
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

from bai_kit.errors import PackageError
from bai_kit.package.addresses import shown
from bai_kit.package.loading import Loaded

log = logging.getLogger(__name__)

MOST_CONTENTS = 64 * 1024
"""Bytes of a default File that can be part of a package: CWL's limit for the `contents` of a File."""


def embedded(data: dict[str, Any], loaded: Loaded, *, portable: bool) -> dict[str, Any]:
    """Return a document with its default Files, Directories and schemas as a part of it.

    Args:
        data: CWL.
        loaded: The package: relative references are relative to its document.
        portable: Whether what cannot become a part is an error; else it keeps its path on this machine.

    Raises:
        PackageError: a default File is too large or not text, or lies outside the package's folder.
    """
    data = _with_files(data, loaded, portable=portable)
    # Runners load schemas before each run, and use them only to compare the formats of Files.
    if "$schemas" in data and '"format": ' not in json.dumps(data, default=str):
        del data["$schemas"]
    if schemas := data.get("$schemas"):
        schemas = [schemas] if isinstance(schemas, str) else schemas
        found = [_schema(reference, loaded, portable=portable) for reference in schemas]
        data["$schemas"] = [url for url in found if url]
    return data


def _with_files(node: Any, loaded: Loaded, *, portable: bool) -> Any:
    """Return CWL with default Files and Directories of this machine as literals, which need no file."""
    if isinstance(node, list):
        return [_with_files(entry, loaded, portable=portable) for entry in node]
    if not isinstance(node, dict):
        return node
    rest = {key: _with_files(value, loaded, portable=portable) for key, value in node.items()}
    reference = node.get("location", quote(str(node.get("path", ""))))
    if node.get("class") not in ("File", "Directory") or not isinstance(reference, str) or not reference:
        return rest
    url = urljoin(loaded.url, reference)
    rest = {key: value for key, value in rest.items() if key not in {"location", "path"}}
    # A file that does not exist is no fault yet: a run may give another one.
    is_here = urlsplit(url).scheme == "file" and Path(shown(url)).exists()
    literal = _literal(loaded.path(url), portable=portable) if is_here else None
    return {**(literal or {"class": node["class"], "location": url}), **rest}


def _schema(reference: str, loaded: Loaded, *, portable: bool) -> str:
    """Return the URL of a schema: a `data:` URL with its text when small, which the runners of this project read.

    A local schema that cannot be read is left out with a warning, as cwltool does; the result is then an empty text.
    """
    url = urljoin(loaded.url, reference)
    if urlsplit(url).scheme == "data":
        return url
    is_here = urlsplit(url).scheme == "file"
    try:
        text = loaded.text(url)
    except PackageError as exc:
        if is_here:
            log.warning("formats are compared without the schema %s: %s", shown(url), exc.message)
        return "" if is_here else url
    if len(text) <= MOST_CONTENTS:
        return f"data:,{quote(text)}"
    if is_here and portable:
        raise PackageError(
            f"cannot make the schema {shown(url)} a part of the package: more than {MOST_CONTENTS} bytes",
            hint="name the schema by its address in the network",
        )
    return url


def _literal(path: Path, *, portable: bool) -> dict[str, Any] | None:
    """Return a File or Directory as a literal; None when it cannot be one and need not."""
    if path.is_dir():
        if not portable:
            return None
        listing = [_literal(entry, portable=True) for entry in sorted(path.iterdir())]
        return {"class": "Directory", "basename": path.name, "listing": listing}
    size = path.stat().st_size if path.is_file() else MOST_CONTENTS + 1
    with contextlib.suppress(UnicodeDecodeError):
        if size <= MOST_CONTENTS:
            return {"class": "File", "basename": path.name, "contents": path.read_bytes().decode()}
    if portable:
        reason = f"has {size} bytes; {MOST_CONTENTS} fit" if size > MOST_CONTENTS else "is not UTF-8 text"
        raise PackageError(
            f"cannot make the default file {path} a part of the package: the file {reason}",
            hint="bai-kit run --package PACKAGE --param NAME=FILE",
        )
    return None
