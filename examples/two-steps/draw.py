"""Draw random numbers on the step's Dask cluster, or in threads without one, and print one a line."""

import contextlib
import os
import sys

import dask
import numpy as np


@dask.delayed
def draw(seed: int, count: int) -> list[float]:
    """Return `count` numbers from 0 to 1, the same for the same seed."""
    return [float(number) for number in np.random.default_rng(seed).random(count)]


with contextlib.ExitStack() as stack:
    if name := os.environ.get("DASK_GATEWAY_CLUSTER"):
        from dask_gateway import Gateway

        gateway = stack.enter_context(Gateway())
        stack.enter_context(stack.enter_context(gateway.connect(name)).get_client())
    for numbers in dask.compute(*(draw(seed, int(sys.argv[1]) // 4) for seed in range(4))):
        print(*numbers, sep="\n")
