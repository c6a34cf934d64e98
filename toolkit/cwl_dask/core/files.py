"""What a runner opens on behalf of a package: regular files and folders inside of the job's folders, nothing else.

A package decides which paths its runner opens, globs, checksums and copies. A link to a secret of the runner, a device
or a named pipe among a step's outputs must end with one line.
"""

import contextlib
import functools
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from typing import IO, Any
from urllib.parse import unquote, urlsplit

from cwltool.errors import WorkflowException
from cwltool.stdfsaccess import StdFsAccess
from cwltool.utils import visit_class
from schema_salad.exceptions import ValidationException
from schema_salad.fetcher import DefaultFetcher
from schema_salad.ref_resolver import uri_file_path

NETWORK_S = 3.0, 10.0
"""Seconds to connect to a server, and between two parts of its answer."""
_SPECIAL = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


class FileAccessError(WorkflowException):  # type: ignore[misc] # cwltool has no types
    """A path that the runner does not open; one line that names the path."""


def check_path(path: str, folders: Iterable[str] | None) -> None:
    """Check that a path leads to a regular file or folder inside of `folders`, or to nothing.

    Args:
        path: a path of this machine; links in it are followed.
        folders: real paths of files and folders that may be read; None for all.

    Raises:
        FileAccessError: the path leads elsewhere, or to a pipe, a socket or a device.
    """
    real = os.path.realpath(path)
    if folders is not None and not any(is_inside(real, folder) for folder in folders):
        link = real != os.path.abspath(path)  # noqa: PTH100 - links are kept
        why = f"it is a link to {real}, outside" if link else "it is outside"
        raise FileAccessError(f"cannot read {path}: {why} of the job's folders")
    try:
        kind = stat.S_IFMT(os.stat(real).st_mode)  # noqa: PTH116 - plain paths, as cwltool's
    except OSError:
        return
    if kind in _SPECIAL:
        raise FileAccessError(f"cannot read {path}: it is {_SPECIAL[kind]}; only files and folders are allowed")


def check_tree(path: str, folders: Iterable[str] | None) -> None:
    """Check a path and everything below it.

    Raises:
        FileAccessError: as `check_path`.
    """
    folders = None if folders is None else tuple(folders)
    check_path(path, folders)
    for parent, names, files in os.walk(path):
        for name in (*names, *files):
            check_path(os.path.join(parent, name), folders)  # noqa: PTH118 - plain paths, as cwltool's


def check_objects(value: Any, folders: Iterable[str] | None) -> None:
    """Check every File and Directory of a CWL value, with everything below it.

    Raises:
        FileAccessError: as `check_path`.
    """

    def check(thing: Any) -> None:
        location = str(thing.get("location", ""))
        if location.startswith("file://"):
            check_tree(uri_file_path(location), folders)

    visit_class(value, ("File", "Directory"), check)


def is_inside(path: str, folder: str) -> bool:
    """Return True if a real path is a folder or lies in the folder."""
    return path == folder or path.startswith(f"{folder.rstrip('/')}/")


def confined(folders: Callable[[], Iterable[str] | None]) -> type[StdFsAccess]:
    """Return a file access for cwltool that checks every path first.

    Args:
        folders: returns the real paths that may be read; None for all.
    """

    class Confined(StdFsAccess):  # type: ignore[misc] # cwltool has no types
        """cwltool's file access, inside of the job's folders."""

        def _abs(self, p: str) -> str:
            path: str = super()._abs(p)
            if urlsplit(path).scheme not in {"http", "https"}:
                check_path(path, folders())
            return path

        def glob(self, pattern: str) -> list[str]:
            with _readable(pattern):
                found: list[str] = super().glob(pattern)
                return found

        def listdir(self, fn: str) -> list[str]:
            with _readable(fn):
                found: list[str] = super().listdir(fn)
                return found

        def open(self, fn: str, mode: str) -> IO[Any]:
            with _readable(fn):
                file: IO[Any] = super().open(fn, mode)
                return file

    return Confined


@contextlib.contextmanager
def _readable(path: str) -> Iterator[None]:
    """Report a path that cannot be read, or that has a name that no CWL document can hold, in one line."""
    try:
        yield
    except UnicodeEncodeError as error:
        raise FileAccessError(f"cannot read {path}: {error.object!a} is not UTF-8") from error
    except OSError as error:
        raise FileAccessError(f"cannot read {error.filename or path}: {error.strerror}") from error


class QuickFetcher(DefaultFetcher):  # type: ignore[misc] # schema-salad has no types
    """schema-salad's fetcher with a short timeout for unreachable servers, and for `$schemas` that are `data:` URLs."""

    def __init__(self, cache: Any, session: Any) -> None:
        super().__init__(cache, session)
        if session is not None:
            session.request = functools.partial(session.request, timeout=NETWORK_S)

    def fetch_text(self, url: str, content_types: list[str] | None = None) -> Any:
        """Return the text at a URL; `data:,TEXT` is how `bai-kit package convert` embeds schemas."""
        if url.startswith("data:,"):
            return unquote(url.removeprefix("data:,"))
        return super().fetch_text(url, content_types)


def confined_fetcher(folders: Callable[[], Iterable[str]]) -> type[DefaultFetcher]:
    """Return a fetcher of documents (`run`, `$import`, `$include`) that reads local ones in `folders` only."""

    class ConfinedFetcher(QuickFetcher):
        """schema-salad's fetcher, inside of the package's folders."""

        def fetch_text(self, url: str, content_types: list[str] | None = None) -> Any:
            if url.startswith("file:"):
                try:
                    check_path(uri_file_path(url), folders())
                except FileAccessError as error:
                    raise ValidationException(str(error)) from error
            return super().fetch_text(url, content_types)

    return ConfinedFetcher
