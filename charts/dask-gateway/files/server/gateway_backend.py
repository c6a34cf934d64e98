"""The API server's backend: limits clusters per user, repeats lost stop requests, and waits for slow schedulers."""

import asyncio
import socket
import time
from collections import Counter

from aiohttp import ClientError, ClientTimeout, web
from dask_gateway_server import models
from dask_gateway_server.backends.base import PublicException
from dask_gateway_server.backends.kubernetes import backend
from gateway_informer import install
from traitlets import Float, Integer

install(backend)


SCHEDULER_PORT = 8788
"""Port of a scheduler's own API (dask_gateway_server.backends.kubernetes.backend)."""


class Backend(backend.KubeBackend):
    """The Kubernetes backend of dask-gateway-server with three fixes; the docstrings of the methods name the faults."""

    max_clusters_per_user = Integer(None, allow_none=True, config=True, help="Clusters of one user at a time.")
    scheduler_patience = Float(45, config=True, help="Seconds for which a scheduler may not answer.")

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self._starting = Counter()
        self._hosts = {}  # cluster's name to the address of its scheduler's pod; the address never changes

    async def forward_message_to_scheduler(self, cluster, msg):
        """Send a message to a scheduler; a cluster is never stopped because its scheduler does not answer.

        The server's own method gives up after three tries in 0.3 s and stops the cluster: one missed answer of a name
        server ended healthy work. A scheduler that has really ended is seen by the controller, which ends the cluster.

        Raises:
            PublicException: the cluster has ended.
            HTTPServiceUnavailable: the scheduler has not answered for `scheduler_patience` seconds.
        """
        begin, pause_s = time.monotonic(), 0.1
        while True:
            current = self.clusters.get(cluster.name, cluster)
            if current.status != models.ClusterStatus.RUNNING:
                raise PublicException(f"cluster {cluster.name} is not running")
            try:
                host = self._hosts.get(cluster.name) or await self._resolve(current)
                await self.session.post(
                    f"http://{host}:{SCHEDULER_PORT}/api/comm",
                    json=msg,
                    headers={"Authorization": f"token {current.token}"},
                    raise_for_status=True,
                    timeout=ClientTimeout(total=10),
                )
            except (ClientError, OSError, asyncio.TimeoutError) as exc:
                waited_s = time.monotonic() - begin
                reason = f"the scheduler of cluster {cluster.name} does not answer: {type(exc).__name__}: {exc}"
                if waited_s > self.scheduler_patience:
                    self.log.warning("%s, given up after %.0f s", reason, waited_s)
                    raise web.HTTPServiceUnavailable(reason=reason[:200].replace("\n", " ")) from exc
                self.log.warning("%s, trying again in %.1f s", reason, pause_s)
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, 5)
            else:
                self._hosts[cluster.name] = host
                return

    async def _resolve(self, cluster):
        """Return the address of the scheduler's pod, to which the name of the cluster's Service resolves."""
        name = cluster.api_address.removeprefix("http://").rpartition(":")[0]
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(name, SCHEDULER_PORT, type=socket.SOCK_STREAM)
        host = found[0][4][0]
        return f"[{host}]" if ":" in host else host

    async def sync_cluster(self, cluster_name):
        """Remove the cached address of a deleted cluster."""
        await super().sync_cluster(cluster_name)
        if cluster_name not in self.clusters:
            self._hosts.pop(cluster_name, None)

    async def start_cluster(self, user, cluster_options):
        """Create a cluster, and return when this server knows it: a request to stop an unknown one has no effect."""
        have, limit = len(await self.list_clusters(user.name)) + self._starting[user.name], self.max_clusters_per_user
        if limit is not None and have >= limit:
            raise PublicException(f"user {user.name} has {have} clusters of {limit} allowed: stop one first")
        self._starting[user.name] += 1
        try:
            name = await super().start_cluster(user, cluster_options)
            await self._known(name, timeout_s=5)
        finally:
            self._starting[user.name] -= 1
        return name

    async def get_cluster(self, cluster_name, wait=False):
        """Return a cluster; wait briefly for a new cluster, which another API server may have created."""
        await self._known(cluster_name, timeout_s=1)
        return await super().get_cluster(cluster_name, wait=wait)

    async def _known(self, name, timeout_s):
        end = time.monotonic() + timeout_s
        while name not in self.clusters and time.monotonic() < end:
            await asyncio.sleep(0.01)
