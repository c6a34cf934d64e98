"""Scratch memory that each thread keeps: allocating it anew costs more in page faults than the work done in it."""

from __future__ import annotations

import threading
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

_held = threading.local()


def buffer(name: str, shape: tuple[int, ...], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """Return this thread's buffer of a name, grown when it is too small.

    Args:
        name: Two buffers in use at once need two names.
        shape: Shape of the result.
        dtype: Type of the result.

    Returns:
        An array of arbitrary content, valid until the next call with the same name.
    """
    size = prod(shape) * np.dtype(dtype).itemsize
    held: npt.NDArray[np.uint8] | None = _held.__dict__.get(name)
    if held is None or held.nbytes < size:
        held = _held.__dict__[name] = np.empty(size, np.uint8)
    return held[:size].view(dtype).reshape(shape)
