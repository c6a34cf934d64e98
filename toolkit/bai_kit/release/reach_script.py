"""The program of the pod that asks the gateway for its options, with the runner's configuration.

Sent to the pod as text. Exits with 0, or with 1 and the reason on the last line.
"""

import sys
import time

from aiohttp import ClientError
from dask_gateway import Gateway

PATIENCE_S = 20.0
"""Seconds to retry, because a new Service needs time until every node routes to its pods."""


def _main() -> None:
    begin = time.monotonic()
    while True:
        try:
            with Gateway() as gateway:
                options = ", ".join(gateway.cluster_options())
        except (ClientError, OSError, RuntimeError, ValueError) as error:
            is_refused = isinstance(error, ValueError) or getattr(error, "status", None) in {401, 403}
            if is_refused or time.monotonic() - begin > PATIENCE_S:
                sys.exit(" ".join(f"{type(error).__name__}: {error}".split()))
            time.sleep(1)
        else:
            sys.stdout.write(f"{gateway.address} answers, with the options {options or '(none)'}\n")
            return


if __name__ == "__main__":
    _main()
