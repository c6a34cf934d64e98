"""What the guard does after a runner that left something: stop its clusters and delete its step pods."""

import asyncio
import contextlib
import logging
import os
import time

from dask_gateway import Gateway
from kubernetes import client, config
from kubernetes.client.rest import ApiException
from urllib3.exceptions import HTTPError

from cwl_dask.calrissian import api
from cwl_dask.core import output
from cwl_dask.core.dismissal import until_gone

log = logging.getLogger(__name__)

CLEAN_UP_S = 90
"""Seconds to retry while the gateway does not answer; a job's clean-up may take two minutes."""


def clean_up(clusters: list[str]) -> None:
    """Remove the step pods of the runner in this pod, and its clusters.

    Args:
        clusters: names of clusters that may still run.
    """
    lines = output.Output()
    output.install(lines)
    with contextlib.suppress(OSError, KeyError):
        lines.open(os.environ["CWL_DASK_LOG"])
    log.error("the runner ended before its work was removed; removing it now")
    problems = [*delete_steps(os.environ["CALRISSIAN_POD_NAME"]), *asyncio.run(stop_clusters(clusters))]
    for problem in problems:
        log.error("%s", problem)


def delete_steps(runner: str) -> list[str]:
    """Delete the step pods that the runner's pod owns.

    Returns:
        A sentence for each problem.
    """
    try:
        namespace, core = api.connect_directly(), client.CoreV1Api()
        for pod in core.list_namespaced_pod(namespace, label_selector="bai-kit/step").items:
            if any(owner.name == runner for owner in pod.metadata.owner_references or []):
                core.delete_namespaced_pod(pod.metadata.name, namespace)
                log.info("deleted the step's pod %s", pod.metadata.name)
    except (ApiException, HTTPError, OSError, config.ConfigException) as error:
        return [f"step pods may still run, they end when the job is deleted: {error}"]
    return []


async def stop_clusters(clusters: list[str]) -> list[str]:
    """Stop clusters concurrently, and wait until none of them exists any more.

    Returns:
        A sentence for every cluster that may still be running.
    """
    if not clusters:
        return []
    try:
        async with Gateway(asynchronous=True) as gateway:
            ends = await asyncio.gather(*(_stop(gateway, name) for name in clusters), return_exceptions=True)
    except Exception as error:  # noqa: BLE001 - no address, say; whatever it is, the guard ends well
        ends = [error] * len(clusters)
    return [
        f"cluster {name} may still run, its idle timeout ends it: {str(end) or type(end).__name__}"
        for name, end in zip(clusters, ends, strict=True)
        if end is not None
    ]


async def _stop(gateway: Gateway, name: str) -> None:
    since = time.monotonic()
    await until_gone(gateway, name, since, CLEAN_UP_S)
    log.info("dismissed cluster %s after %.1f s", name, time.monotonic() - since)
