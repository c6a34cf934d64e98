"""End this release's clusters before `helm uninstall`, and wait until their pods are gone.

    python gateway_cleanup.py SECONDS
"""

import asyncio
import sys
import time

from gateway_settings import SETTINGS
from kubernetes_asyncio import client, config
from kubernetes_asyncio.client.rest import ApiException

SELECTOR = f"gateway.dask.org/instance={SETTINGS['instance']}"
RESOURCE = {"group": "gateway.dask.org", "version": "v1alpha1", "plural": "daskclusters"}


async def clusters(api):
    """Return (namespace, name) of every cluster; none if the custom resource definition does not exist."""
    try:
        if SETTINGS["scope"] == "cluster":
            found = await api.list_cluster_custom_object(**RESOURCE, label_selector=SELECTOR)
        else:
            found = await api.list_namespaced_custom_object(
                **RESOURCE, namespace=SETTINGS["namespace"], label_selector=SELECTOR
            )
    except ApiException as exc:
        if exc.status == 404:
            return []
        if exc.status in (401, 403):  # without permissions no cluster can have run, so the release can be removed
            print(f"cannot look for clusters, none is ended: {exc.reason}", file=sys.stderr)
            sys.exit(0)
        raise
    return [(item["metadata"]["namespace"], item["metadata"]["name"]) for item in found["items"]]


async def pods(api):
    """Return the names of the clusters' pods."""
    if SETTINGS["scope"] == "cluster":
        found = await api.list_pod_for_all_namespaces(label_selector=SELECTOR)
    else:
        found = await api.list_namespaced_pod(SETTINGS["namespace"], label_selector=SELECTOR)
    return [pod.metadata.name for pod in found.items]


async def main(timeout_s):
    """Return the exit code: 0 when no cluster and no pod is left, else 1."""
    config.load_incluster_config()
    end = time.monotonic() + timeout_s
    async with client.ApiClient() as connection:
        custom, core = client.CustomObjectsApi(connection), client.CoreV1Api(connection)
        while True:
            # List again every time, because a cluster may be created while others are removed.
            for namespace, name in await clusters(custom):
                try:
                    await custom.delete_namespaced_custom_object(**RESOURCE, namespace=namespace, name=name)
                    print(f"ended cluster {namespace}.{name}")
                except ApiException as exc:
                    if exc.status != 404:
                        raise
            left = await pods(core)
            if not left:
                return 0
            if time.monotonic() > end:
                print(f"still there after {timeout_s:.0f} s: {', '.join(left)}", file=sys.stderr)
                return 1
            await asyncio.sleep(0.3)


if __name__ == "__main__":
    sys.exit(asyncio.run(main(float(sys.argv[1]))))
