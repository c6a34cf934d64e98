"""Fetch the text of application packages: from one folder of this machine or from the network, within limits."""

import time
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import requests
from schema_salad.exceptions import ValidationException
from schema_salad.fetcher import DefaultFetcher

from bai_kit.package.addresses import shown
from bai_kit.package.yamltext import MOST_BYTES, too_large

MOST_FILES = 200
"""Documents of one package."""
TIMEOUT_S = 20.0
"""Seconds to wait for a server to connect, and for each part of its answer."""
PROBE_S = 5.0
"""Seconds to wait for a server when its answer is not needed."""
DOWNLOAD_S = 60.0
"""Seconds that one document may take to download."""


class Fetcher(DefaultFetcher):  # type: ignore[misc] # schema-salad's class has no types
    """Fetches the documents of one package for cwltool."""

    def __init__(self, folder: Path | None, texts: dict[str, str], cache: Any, *, alone: bool = False) -> None:
        """Prepare to fetch.

        Args:
            folder: Local references must stay inside this folder; None allows no local file.
            texts: The package's texts so far, by URL; cwltool makes several fetchers for one package.
            cache: Other texts by URL, cwltool's schemas among them.
            alone: Whether one document must do without any other.
        """
        super().__init__(cache, requests.Session())
        self.folder = folder
        self.texts = texts
        self.most_files = 1 if alone else MOST_FILES

    def fetch_text(self, url: str, content_types: list[str] | None = None) -> str:
        """Return the text at a URL.

        Raises:
            ValidationException: the file is outside the folder, cannot be read, or is too large.
        """
        if url in self.cache and isinstance(self.cache[url], str):  # a schema that cwltool ships
            return str(self.cache[url])
        if url not in self.texts:
            if len(self.texts) == self.most_files:
                raise ValidationException(f"cannot read {shown(url)}: the package has {self.most_files} files already")
            remote = urlsplit(url).scheme in {"http", "https"}
            data = self._download(url, content_types) if remote else read(self.local(url))
            try:
                text = data.decode("utf-8-sig")
            except UnicodeDecodeError as exc:
                raise ValidationException(f"cannot read {shown(url)}: not UTF-8 text, at byte {exc.start}") from exc
            if reason := too_large(text):
                raise ValidationException(f"cannot read {shown(url)}: {reason}")
            self.texts[url] = text
        return self.texts[url]

    def check_exists(self, url: str) -> bool:
        """Return whether a local file that a document names exists; an address is tried when it is needed."""
        return urlsplit(url).scheme != "file" or self.local(url).exists()

    def local(self, url: str) -> Path:
        """Return the path that a file URL names.

        Raises:
            ValidationException: the path is outside the package's folder.
        """
        parts = urlsplit(url)
        path = Path(unquote(parts.path)).resolve()
        if parts.scheme != "file" or self.folder is None or not path.is_relative_to(self.folder):
            reason = f"the file is outside the package's folder {self.folder}; see --package-root"
            reason = reason if self.folder else "a document from the network reads no file of this machine"
            raise ValidationException(f"cannot read {shown(url)}: {reason}")
        return path

    def _download(self, url: str, content_types: list[str] | None) -> bytes:
        accept = {"Accept": ", ".join([*(content_types or ()), "*/*;q=0.8"])}
        try:
            deadline = time.monotonic() + DOWNLOAD_S
            with self.session.get(url, headers=accept, timeout=TIMEOUT_S, stream=True) as answer:
                if not answer.ok:
                    raise ValidationException(f"cannot fetch {shown(url)}: HTTP {answer.status_code}")
                data = bytearray()
                for part in answer.iter_content(1 << 16):
                    data += part
                    if len(data) > MOST_BYTES:
                        raise ValidationException(f"cannot fetch {shown(url)}: more than {MOST_BYTES} bytes")
                    if time.monotonic() > deadline:
                        raise ValidationException(f"cannot fetch {shown(url)}: not complete after {DOWNLOAD_S:.0f} s")
        except requests.RequestException as exc:
            raise ValidationException(f"cannot fetch {shown(url)}: {type(exc).__name__}") from exc
        return bytes(data)


def answers(url: str) -> str:
    """Return why an address cannot be fetched, else an empty text; the answer's body is not read."""
    try:
        with requests.get(url, timeout=PROBE_S, stream=True) as answer:
            return "" if answer.ok else f"HTTP {answer.status_code}"
    except requests.RequestException as exc:
        return type(exc).__name__


def read(path: Path) -> bytes:
    """Return the bytes of a file of at most 1 MiB.

    Raises:
        ValidationException: no such file, no permission, not a file, or too large.
    """
    try:
        if path.exists() and not path.is_file():
            raise ValidationException(f"cannot read {path}: not a file")
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as exc:
        raise ValidationException(f"cannot read {path}: {exc.strerror}") from exc
    if len(data) > MOST_BYTES:
        raise ValidationException(f"cannot read {path}: more than {MOST_BYTES} bytes")
    return data
