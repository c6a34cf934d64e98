"""The API server's view of clusters: a limit for each user, and no stop that is lost."""

import asyncio
import time
from collections import Counter

from dask_gateway_server.backends.base import PublicException
from dask_gateway_server.backends.kubernetes import backend
from gateway_informer import install
from traitlets import Integer

install(backend)


class Backend(backend.KubeBackend):
    """The Kubernetes backend with two repairs."""

    max_clusters_per_user = Integer(None, allow_none=True, config=True, help="Clusters of one user at a time.")

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self._starting = Counter()

    async def start_cluster(self, user, cluster_options):
        """Make a cluster, and return when it is known here: a stop of an unknown one does nothing."""
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
        """Return a cluster; one that was made a moment ago, perhaps by another API server, is waited for."""
        await self._known(cluster_name, timeout_s=1)
        return await super().get_cluster(cluster_name, wait=wait)

    async def _known(self, name, timeout_s):
        end = time.monotonic() + timeout_s
        while name not in self.clusters and time.monotonic() < end:
            await asyncio.sleep(0.01)
