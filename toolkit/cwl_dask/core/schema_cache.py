"""Keep CWL's schemas, with the requirement's, as cwltool has parsed them: parsing takes 0.6 s of a runner's start.

The image of the runner has them in a file beside this module, which `python -m cwl_dask.core.schema_cache` writes when
the image is built. On a machine of a user they are in the cache folder, one file for each combination of versions.
"""

import contextlib
import hashlib
import io
import os
import pickle
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import cwltool.process
from cwltool.update import INTERNAL_VERSION
from schema_salad.ref_resolver import NormDict

from cwl_dask.core import extension

FILE = Path(__file__).with_name("schemas.pickle")
"""File in the runner's image, which is read-only at run time."""


class _Pickler(pickle.Pickler):
    def reducer_override(self, thing: Any) -> Any:
        if type(thing) is NormDict:  # adding its items calls the normalizer, so the normalizer is restored first
            return NormDict, (thing.normalize,), None, None, iter(thing.items())
        return NotImplemented


def register(*, enable_ext: bool) -> None:
    """Make cwltool know the requirement, as `extension.register` does, with schemas from the user's cache folder.

    The first call with these versions of Python and cwltool parses all schemas and fills the cache, which takes 1 s.
    """
    extension.register(enable_ext=enable_ext)
    # Without a home, or in one that cannot be written, cwltool parses what a package needs.
    with contextlib.suppress(OSError, RuntimeError):
        file = _file(enable_ext=enable_ext)
        if recall(file):
            return
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if _is_ours(file.parent):
            _write(file)


def save(file: Path = FILE) -> None:
    """Parse the schemas of all versions of CWL and write them to a file."""
    extension.register()
    _write(file)


def recall(file: Path = FILE) -> bool:
    """Take the schemas from a file; `register` comes before, because it makes cwltool forget them.

    Returns:
        False if there is no such file, if another user can write it, or if it cannot be read.
    """
    try:
        if not (_is_ours(file) or file == FILE):
            return False
        schemas = pickle.loads(file.read_bytes())  # noqa: S301 - nobody but the user, or the image's build, wrote it
    except (OSError, pickle.UnpicklingError, EOFError, AttributeError, ImportError, ValueError):
        return False
    cwltool.process.SCHEMA_CACHE.update(schemas)
    return True


def _file(*, enable_ext: bool) -> Path:
    """Return the cache's file for these versions."""
    parts = [sys.version, version("cwltool"), version("schema-salad"), str(enable_ext)]
    parts.append(Path(extension.__file__).with_name("schema.yaml").read_text(encoding="utf-8"))
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return home / "cwl-dask" / f"schemas-{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()[:16]}.pickle"


def _is_ours(path: Path) -> bool:
    """Tell whether only the user can write a file or folder: its content is run when it is read."""
    found = path.lstat()
    return found.st_uid == os.getuid() and not found.st_mode & 0o022


def _write(file: Path) -> None:
    for name in {"v1.0", "v1.1", "v1.2", INTERNAL_VERSION}:
        cwltool.process.get_schema(name)
    text = io.BytesIO()
    _Pickler(text, pickle.HIGHEST_PROTOCOL).dump(dict(cwltool.process.SCHEMA_CACHE))
    with tempfile.NamedTemporaryFile(dir=file.parent, delete=False) as part:
        part.write(text.getvalue())
    os.chmod(part.name, 0o644 if file == FILE else 0o600)  # noqa: PTH101 - a name is what tempfile gives
    os.replace(part.name, file)  # noqa: PTH105 - see above


if __name__ == "__main__":
    save()
