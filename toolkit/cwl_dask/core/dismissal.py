"""The end of a cluster, as a runner and its guard both see to it. Imports nothing of `distributed`'s scheduling."""

import asyncio
import time

import aiohttp
from dask_gateway import Gateway, GatewayClusterError, GatewayServerError

FRESH_S = 5
"""A gateway may not know a cluster yet that is younger than this, and forget to stop it."""
ENDED = {"STOPPED", "FAILED"}
AWAY = (OSError, aiohttp.ClientError, ValueError, GatewayServerError, GatewayClusterError)
"""How a gateway or proxy shows that it is away for a moment (ValueError: 404; OSError: timeout): ask again."""


async def until_gone(gateway: Gateway, name: str, since: float, within_s: float) -> None:
    """Stop a cluster until it is seen gone: a stop that follows soon on the submission can be lost.

    Args:
        gateway: an asynchronous client.
        name: the cluster's name.
        since: when the cluster was submitted at the latest, of `time.monotonic`.
        within_s: seconds until it must be gone.

    Raises:
        TimeoutError: it is not gone; tells what the gateway said last.
    """
    said = ""
    try:
        async with asyncio.timeout(within_s):
            while True:
                try:
                    await gateway.stop_cluster(name)
                    for _ in range(10):
                        if (await gateway.get_cluster(name)).status.name in ENDED:
                            return
                        await asyncio.sleep(0.2)
                except AWAY as error:
                    # A bare 404 is the proxy's; "Cluster NAME not found" is the gateway's: believed of old ones only.
                    gone = isinstance(error, ValueError) and name in str(error)
                    if gone and time.monotonic() > since + FRESH_S:
                        return
                    said = str(error)
                await asyncio.sleep(0.2)
    except TimeoutError:
        raise TimeoutError(f"not gone after {within_s:g} s; {said}".rstrip("; ")) from None
