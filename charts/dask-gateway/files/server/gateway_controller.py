"""The controller of dask-gateway-server with fixes for faults that occur on a real Kubernetes.

    python gateway_controller.py --config gateway_config.py
"""

import asyncio

from dask_gateway_server.backends.kubernetes import controller
from dask_gateway_server.backends.kubernetes.utils import k8s_timestamp, parse_k8s_timestamp
from dask_gateway_server.utils import timestamp
from gateway_informer import install
from kubernetes_asyncio.client.rest import ApiException
from traitlets import Float

install(controller)

LAST_LINES = 20
"""Number of last lines of an ended scheduler to copy into the controller's log."""


class Controller(controller.KubeController):
    """The Kubernetes controller; the docstring of a method names the fault that the method fixes."""

    start_timeout = Float(600, config=True, help="Seconds after which a cluster that has not started fails.")

    def on_pod_update(self, pod, old=None):
        """Count workers that no node has accepted: without a container status the server waited ten minutes for them."""
        status = pod.setdefault("status", {})
        if status.get("phase") == "Pending" and not status.get("containerStatuses"):
            status["containerStatuses"] = [{"name": "dask-worker", "state": {"waiting": {}}}]
        super().on_pod_update(pod, old=old)

    async def handle_scale_down(self, cluster, sched_pod, info, replicas, delta):
        """Remove as many waiting workers as there are too many; a slice with a negative end removed others."""
        namespace = cluster["metadata"]["namespace"]
        waiting = sorted(info.pending)[:-delta] if delta else []
        pods = {*waiting, *info.succeeded, *info.failed}
        if not pods:
            return False
        self.log.info("Cluster %s.%s: deleting %d workers", namespace, cluster["metadata"]["name"], len(pods))
        info.set_expectations(deletes=len(pods))
        done = await asyncio.gather(*(self.delete_pod(namespace, p, info) for p in pods), return_exceptions=True)
        return any(isinstance(result, Exception) for result in done)

    async def delete_pod(self, namespace, pod_name, info=None):
        """Treat a pod that does not exist as deleted; because of a wrong attribute the server retried forever."""
        try:
            await self.core_client.delete_namespaced_pod(pod_name, namespace)
        except ApiException as exc:
            if info is not None:
                info.deletes -= 1
            if exc.status != 404:
                raise

    async def handle_cluster(self, cluster):
        """Name the objects of an ended cluster: after an early stop its status does not list them yet."""
        if not cluster["spec"].get("active", True):
            name = cluster["metadata"]["name"]
            made = {"schedulerPod": f"dask-scheduler-{name}", "credentials": self.make_secret_name(name)}
            cluster = {**cluster, "status": {**made, **cluster.get("status", {})}}
        return await super().handle_cluster(cluster)

    async def handle_pending_cluster(self, cluster):
        """Create Service and routes together with the pod, and fail clusters whose scheduler does not start in time.

        Traefik loads the routes while the scheduler starts, so that clients do not wait for this.
        """
        status, requeue = await super().handle_pending_cluster(cluster)
        if status["phase"] != "Pending":
            return status, requeue
        namespace = cluster["metadata"]["namespace"]
        pod = self.informers["pod"].get(f"{namespace}.{status['schedulerPod']}")
        if pod is not None and not status.get("service"):
            status["service"] = await self.create_service_if_not_exists(cluster, pod)
            status["ingressroute"] = await self.create_ingressroute_if_not_exists(cluster, pod)
            status["ingressroutetcp"] = await self.create_ingressroutetcp_if_not_exists(cluster, pod)
        age_s = (timestamp() - parse_k8s_timestamp(cluster["metadata"]["creationTimestamp"])) / 1000
        if age_s > self.start_timeout:
            self.log.warning("Cluster %s.%s has not started in %d s", namespace, cluster["metadata"]["name"], age_s)
            await self.cleanup_cluster_resources(status, namespace)
            return {**status, "phase": "Failed", "completionTime": k8s_timestamp()}, False
        return status, True  # reconcile again, because no event announces that time has passed

    async def handle_running_cluster(self, cluster):
        """Log the last lines of a scheduler that has ended: the server deletes its pod, and the reason, at once."""
        namespace, status = cluster["metadata"]["namespace"], cluster.get("status", {})
        name = status.get("schedulerPod")
        pod = self.informers["pod"].get(f"{namespace}.{name}") if name else None
        if pod is not None and controller.get_container_state(pod, "dask-scheduler") == "terminated":
            await self._log_end(namespace, name, pod)
        return await super().handle_running_cluster(cluster)

    async def _log_end(self, namespace, name, pod):
        ended = (controller.get_container_status(pod, "dask-scheduler") or {})["state"]["terminated"]
        try:
            lines = await self.core_client.read_namespaced_pod_log(name, namespace, tail_lines=LAST_LINES)
        except ApiException as exc:
            lines = f"(log not readable: {exc.reason})"
        self.log.warning("Pod %s.%s ended: %s, exit code %s", namespace, name, ended.get("reason"), ended.get("exitCode"))
        for line in lines.splitlines():
            self.log.warning("Pod %s.%s: %s", namespace, name, line)

    async def cleanup_cluster_resources(self, status, namespace):
        """Delete the workers too: garbage collection begins only after the scheduler's pod is deleted."""
        await super().cleanup_cluster_resources(status, namespace)
        name = (status.get("schedulerPod") or "").removeprefix("dask-scheduler-")
        workers = list(self.cluster_info[f"{namespace}.{name}"].all_pods) if name else []
        await asyncio.gather(*(self.delete_pod(namespace, worker) for worker in workers))


if __name__ == "__main__":
    Controller.launch_instance()
