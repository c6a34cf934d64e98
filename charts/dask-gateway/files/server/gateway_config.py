"""Configuration of both the API server and the controller, from the chart's values."""

import os

from dask_gateway_server.backends.kubernetes.utils import merge_json_objects as merged
from gateway_options import make
from gateway_settings import SETTINGS, given

c = get_config()  # noqa: F821 - traitlets gives it
backend, auth = SETTINGS["backend"], SETTINGS["auth"]

# --- settings of both the API server and the controller
for section in (c.KubeBackend, c.KubeController):
    section.gateway_instance = SETTINGS["instance"]
    section.api_url = SETTINGS["apiUrl"]
    section.common_labels = SETTINGS["labels"]
    section.common_annotations = SETTINGS["annotations"]

# --- the log's format, the same for all processes of this project
for section in (c.DaskGateway, c.KubeController):
    section.log_format = "%(asctime)s.%(msecs)03d | %(levelname)-8s | %(module)s:%(funcName)s:%(lineno)d - %(message)s"
    section.log_datefmt = "%Y-%m-%d %H:%M:%S"

# --- the API server
c.DaskGateway.address = ":8000"
c.DaskGateway.log_level = SETTINGS["loglevel"]
c.DaskGateway.backend_class = "gateway_backend.Backend"
c.Backend.max_clusters_per_user = SETTINGS["maxClustersPerUser"]
c.Backend.scheduler_patience = SETTINGS["schedulerPatience"]
said = SETTINGS["clusterConfig"]
c.Backend.cluster_options = make(
    SETTINGS["clusterOptions"],
    image=backend["image"],
    idle_timeout=said["idle_timeout"],
    memory_limit=said["worker_memory_limit"],
)

# --- users
if auth["type"] == "simple":
    c.DaskGateway.authenticator_class = "gateway_users.Users"
elif auth["type"] == "jupyterhub":
    c.DaskGateway.authenticator_class = "dask_gateway_server.auth.JupyterHubAuthenticator"
    hub = auth["jupyterhub"]
    host, port = (os.environ.get(f"HUB_SERVICE_{part}", "") for part in ("HOST", "PORT"))
    if not (hub["apiUrl"] or host):
        raise SystemExit("no hub in this namespace: set gateway.auth.jupyterhub.apiUrl")
    c.JupyterHubAuthenticator.jupyterhub_api_url = hub["apiUrl"] or f"http://{host}:{port}/hub/api"
    c.JupyterHubAuthenticator.jupyterhub_service_name = hub["jupyterhubServiceName"] or ""
else:
    c.DaskGateway.authenticator_class = auth["custom"]["class"]
    c[auth["custom"]["class"].rsplit(".", 1)[-1]].update(auth["custom"]["config"])

# --- clusters
# As Dask's nanny sets them: numeric libraries use one thread per worker thread, and freed memory is returned.
ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MALLOC_TRIM_THRESHOLD_": "65536",
}
c.KubeClusterConfig.update(given(SETTINGS["clusterConfig"]))
c.KubeClusterConfig.update(
    image=backend["image"],
    image_pull_policy=backend["pullPolicy"] or None,
    image_pull_secrets=backend["imagePullSecrets"],
    namespace=SETTINGS["namespace"],
    environment={**ENVIRONMENT, **backend["environment"]},
    scheduler_cmd=backend["schedulerCmd"],
    worker_cmd=backend["workerCmd"],
)
# Every pod has a read-only root and no capability; the chart writes the pod's security context into extraPodConfig.
# The probe of schedulers runs every second, because a cluster is usable only after a successful probe.
POD = {
    "terminationGracePeriodSeconds": backend["terminationGracePeriodSeconds"],
    "enableServiceLinks": False,
    "volumes": [{"name": "tmp", "emptyDir": {}}],
}
CONTAINER = {
    "securityContext": {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    },
    "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
    "env": [{"name": "HOME", "value": "/tmp"}, {"name": "DASK_TEMPORARY_DIRECTORY", "value": "/tmp"}],
}
READY = {"readinessProbe": {"periodSeconds": 1, "timeoutSeconds": 3, "failureThreshold": 10}}
for kind in ("scheduler", "worker"):
    said = backend[kind]
    container = merged(CONTAINER, READY) if kind == "scheduler" else CONTAINER
    c.KubeClusterConfig.update({
        f"{kind}_extra_pod_config": merged(POD, said["extraPodConfig"]),
        f"{kind}_extra_container_config": merged(container, said["extraContainerConfig"]),
        f"{kind}_extra_pod_labels": said["labels"],
        f"{kind}_extra_pod_annotations": said["annotations"],
    })

# --- the controller
c.KubeController.update(SETTINGS["controller"])

# --- gateway.extraConfig of the values, which overrides everything above
for _, source in sorted(SETTINGS["extraConfig"].items()):
    exec(compile(source, "gateway.extraConfig", "exec"))  # noqa: S102 - the operator's own configuration
