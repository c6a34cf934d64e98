"""Prepare the picture's content: the text of the legend, and the brightness of the land under the classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bai.output.drawing import Legend
from bai.output.report import crs_code

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bai.nbr import Floats
    from bai.output.report import Report


def brightness(nir: Floats) -> NDArray[np.uint8]:
    """Return how bright the ground is in a band, stretched to 0..255 between the percentiles 1 and 99.

    Args:
        nir: Reflectance times a constant, (rows, cols); NaN, where there is no value, becomes 0.
    """
    known = nir[np.isfinite(nir)]
    low, high = np.percentile(known, (1, 99)) if known.size else (0.0, 1.0)
    return np.nan_to_num(np.clip((nir - low) / max(high - low, 1e-9), 0, 1) * 255).astype(np.uint8)


def make_legend(done: Report) -> Legend:
    """Return the text beside the map for the results of a run."""
    pre, post = (f"{when.day} {when:%B %Y}" for when in (done.pre.datetime, done.post.datetime))
    code = crs_code(done.grid) or "own CRS"
    return Legend(
        title="Burned area intensity",
        dates=f"Sentinel-2  ·  {pre} to {post}",
        areas=done.areas,
        histogram=done.histogram,
        axis="dNBR" if done.parameters["index"] == "dnbr" else "RBR",
        notes=(done.pre.id, done.post.id, f"{code}, {done.grid.transform.a:g} m; classes of Key & Benson (2006)"),
        warnings=done.warnings,
    )
