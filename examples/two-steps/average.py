"""Print the mean of the numbers in a file, computed on the step's Dask cluster, or in threads without one."""

import contextlib
import os
import sys
from pathlib import Path

import dask

numbers = [float(line) for line in Path(sys.argv[1]).read_text().split()]

with contextlib.ExitStack() as stack:
    if name := os.environ.get("DASK_GATEWAY_CLUSTER"):
        from dask_gateway import Gateway

        gateway = stack.enter_context(Gateway())
        stack.enter_context(stack.enter_context(gateway.connect(name)).get_client())
    sums = dask.compute(*(dask.delayed(sum)(numbers[start::4]) for start in range(4)))
    print(sum(sums) / len(numbers))
