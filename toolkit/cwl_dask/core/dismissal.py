"""Stop a cluster and wait until it has ended. The runner and its guard use this, so it imports little."""

import asyncio
import time

import aiohttp
from dask_gateway import Gateway, GatewayClusterError, GatewayServerError

FRESH_S = 5
"""Seconds after its submission in which a gateway may not know a cluster yet, so a request to stop it is lost."""
ENDED = {"STOPPED", "FAILED"}
AWAY = (OSError, aiohttp.ClientError, ValueError, GatewayServerError, GatewayClusterError)
"""Errors of a gateway or proxy that is temporarily unavailable, so retry (ValueError: 404; OSError: timeout)."""


async def until_gone(gateway: Gateway, name: str, since: float, within_s: float) -> None:
    """Stop a cluster, and repeat that until it has ended: a stop soon after the submission can be lost.

    Args:
        gateway: an asynchronous client.
        name: the cluster's name.
        since: when the cluster was submitted at the latest, of `time.monotonic`.
        within_s: seconds until it must be gone.

    Raises:
        TimeoutError: the cluster has not ended in time; the message has the gateway's last error.
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
                    # "Cluster NAME not found" comes from the gateway, and a 404 without the name from the proxy. A new
                    # cluster may not be known to the gateway yet, so the answer counts only after FRESH_S.
                    gone = isinstance(error, ValueError) and name in str(error)
                    if gone and time.monotonic() > since + FRESH_S:
                        return
                    said = str(error)
                await asyncio.sleep(0.2)
    except TimeoutError:
        raise TimeoutError(f"not gone after {within_s:g} s; {said}".rstrip("; ")) from None
