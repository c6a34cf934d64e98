"""CWL's schemas with ours, parsed once when the runner's image is built: it saves 0.7 s of the 1.8 s of a start.

`python -m cwl_dask.calrissian.schema_cache` writes them beside this file. Nobody can write to the image later, so the
file that is read is the one that was written then.
"""

import io
import pickle
from pathlib import Path
from typing import Any

import cwltool.process
from cwltool.update import INTERNAL_VERSION
from schema_salad.ref_resolver import NormDict

from cwl_dask.core.extension import register

FILE = Path(__file__).with_name("schemas.pickle")


class _Pickler(pickle.Pickler):
    def reducer_override(self, thing: Any) -> Any:
        if type(thing) is NormDict:  # adding its items calls the normalizer, so the normalizer is restored first
            return NormDict, (thing.normalize,), None, None, iter(thing.items())
        return NotImplemented


def save(file: Path = FILE) -> None:
    """Parse the schemas of all versions of CWL and write them to a file."""
    register()
    for version in {"v1.0", "v1.1", "v1.2", INTERNAL_VERSION}:
        cwltool.process.get_schema(version)
    text = io.BytesIO()
    _Pickler(text, pickle.HIGHEST_PROTOCOL).dump(dict(cwltool.process.SCHEMA_CACHE))
    file.write_bytes(text.getvalue())


def recall(file: Path = FILE) -> None:
    """Take the schemas from the file where there is one; `register` comes before, it makes cwltool forget them."""
    if file.exists():
        cwltool.process.SCHEMA_CACHE.update(pickle.loads(file.read_bytes()))  # noqa: S301 - our own, see above


if __name__ == "__main__":
    save()
