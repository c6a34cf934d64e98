"""A real dask-gateway-server with local processes, whose users are a JupyterHub's: python hub_gateway.py PORT PROXY_PORT HUB_API.

The hub's token of the service `dask-gateway` is in JUPYTERHUB_API_TOKEN.
"""

import os
import sys
import tempfile

from dask_gateway_server.app import DaskGateway
from dask_gateway_server.options import Float, Options, String
from traitlets.config import Config


def main(port: str, proxy_port: str, hub_api: str) -> None:
    """Serve until a signal comes."""
    c = Config()
    c.DaskGateway.address = f"127.0.0.1:{port}"
    c.DaskGateway.config_file = os.devnull
    c.DaskGateway.backend_class = "dask_gateway_server.backends.local.UnsafeLocalBackend"
    c.DaskGateway.authenticator_class = "dask_gateway_server.auth.JupyterHubAuthenticator"
    c.JupyterHubAuthenticator.jupyterhub_api_url = hub_api
    c.JupyterHubAuthenticator.jupyterhub_api_token = os.environ["JUPYTERHUB_API_TOKEN"]
    c.Proxy.address = c.Proxy.tcp_address = f"127.0.0.1:{proxy_port}"
    c.UnsafeLocalBackend.clusters_directory = tempfile.mkdtemp(prefix="hub-gateway-")
    c.UnsafeLocalBackend.inherited_environment = ["PATH", "HOME", "USER"]
    c.UnsafeLocalBackend.api_url = f"http://127.0.0.1:{port}/api"
    c.UnsafeLocalBackend.cluster_options = Options(
        Float("worker_cores", default=1),
        Float("worker_cores_limit", default=1),
        String("worker_memory", default="1 G"),
        handler=lambda chosen: {"worker_cores": 1},
    )
    c.ClusterConfig.scheduler_cmd = [sys.executable, "-m", "dask", "scheduler"]
    c.ClusterConfig.worker_cmd = [sys.executable, "-m", "dask", "worker", "--no-nanny"]
    DaskGateway.launch_instance(argv=[], config=c)


if __name__ == "__main__":
    main(*sys.argv[1:])
