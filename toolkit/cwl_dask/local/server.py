"""The server of the embedded Dask Gateway: `python -m cwl_dask.local.server FOLDER`, started by `gateway`.

Dask Gateway's server with its local backend, on loopback. Schedulers and workers are processes of this Python, or
containers where the runner has an engine. The server ends, and ends its clusters, when the process that started it
ends, however that happens.
"""

import json
import os
import re
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

from dask_gateway_server.app import DaskGateway
from dask_gateway_server.backends.local import LocalClusterConfig, UnsafeLocalBackend, wait_is_shutdown
from dask_gateway_server.options import Float, Integer, Options, String
from dask_gateway_server.utils import random_port
from traitlets import List, Unicode
from traitlets.config import Config

from cwl_dask.local import dashboard, forks
from cwl_dask.local.engine import Engine, Mount, watched
from cwl_dask.local.gateway import ENGINE, MEMORY, PARENT, PASSWORD, TICKETS
from cwl_dask.local.watchdog import end_with

_PROXIES = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
_INHERITED = ("PATH", "PYTHONPATH", "HOME", "USER", "LANG", "LC_ALL", "VIRTUAL_ENV", "CONDA_PREFIX", *_PROXIES)
"""Variables of the runner's environment that schedulers and workers outside containers have too."""
_TEMPORARY = ("TMPDIR", "DASK_TEMPORARY_DIRECTORY")
"""Variables that name folders of this machine; a container has its own."""
STOP_S = 10
"""Seconds that a scheduler or worker has to end until SIGKILL. Removing a container takes a second."""
_TICKET = re.compile(r"[0-9a-f]{32}")


class OwnedClusterConfig(LocalClusterConfig):  # type: ignore[misc] # dask-gateway-server has no types
    """What the server knows of a cluster."""

    image = Unicode("", help="Image of scheduler and workers; empty starts processes of this Python.", config=True)
    mounts: Any = List(help="Fields of every Mount.", config=True)


class OwnedBackend(UnsafeLocalBackend):  # type: ignore[misc] # dask-gateway-server has no types
    """Processes or containers that end with the server, also when the server is killed."""

    cluster_config_class = OwnedClusterConfig
    engine = Engine("")
    """The container engine of clusters with an image."""

    def get_scheduler_command(self, cluster: Any) -> list[str]:
        """Return the command of a scheduler; one that is no container has the preload of `dashboard` too."""
        command: list[str] = super().get_scheduler_command(cluster)
        return command if cluster.config.image else [*command, "--preload", dashboard.__name__]

    def make_preexec_fn(self, cluster: Any) -> Any:
        """Let the kernel kill the process when this server ends."""
        prepare, server = super().make_preexec_fn(cluster), os.getpid()

        def prepared() -> None:
            prepare()
            end_with(server, signal.SIGKILL)

        return prepared

    async def start_process(self, cluster: Any, cmd: list[str], env: dict[str, str], name: str) -> Any:
        """Start a scheduler or worker; return its process id, or that of its container's watchdog."""
        workdir = cluster.state["workdir"]
        if not (image := cluster.config.image):
            return forks.start(cmd, env, workdir, Path(self.get_logs_directory(workdir), f"{name}.log"))
        container = f"cwl-dask-{cluster.name}-{name}"
        command = self.engine.command(
            image,
            cmd,
            name=container,
            environment=sorted(env.keys() - {*_INHERITED, *_TEMPORARY}),
            mounts=[Mount(workdir, workdir, writable=True), *(Mount(**mount) for mount in cluster.config.mounts)],
        )
        watchdog = watched(command, self.engine.removal(container), patience_s=0)
        return await super().start_process(cluster, watchdog, os.environ | env, name)

    async def stop_process(self, pid: int) -> None:
        """Kill a scheduler or worker without a grace period, and remove its folder; its state is not needed."""
        for signum in (signal.SIGTERM, signal.SIGKILL) if self.engine.program else (signal.SIGKILL,):
            try:
                os.kill(pid, signum)
            except ProcessLookupError:
                return
            if await wait_is_shutdown(pid, STOP_S):
                return


def serve(folder: Path) -> None:
    """Run the server until SIGTERM, SIGINT or the end of the process that started it."""
    owner = int(os.environ.pop(PARENT))
    end_with(owner, signal.SIGTERM)
    api, proxy = f"127.0.0.1:{random_port()}", f"127.0.0.1:{random_port()}"
    clusters = folder / "clusters"
    clusters.mkdir()
    OwnedBackend.engine = Engine(os.environ.pop(ENGINE))
    config = Config()
    config.DaskGateway.address = api
    config.DaskGateway.config_file = str(folder / "none.py")  # never a file in the working directory
    config.DaskGateway.backend_class = OwnedBackend
    config.DaskGateway.authenticator_class = "dask_gateway_server.auth.SimpleAuthenticator"
    config.SimpleAuthenticator.password = os.environ.pop(PASSWORD)
    config.Proxy.address = config.Proxy.tcp_address = proxy
    config.OwnedBackend.api_url = f"http://{api}/api"
    config.OwnedBackend.clusters_directory = str(clusters)
    config.OwnedBackend.inherited_environment = [*_INHERITED]
    config.OwnedBackend.cluster_status_period = 5
    config.OwnedBackend.worker_status_period = 5
    forks.warm_up()
    config.OwnedBackend.cluster_options = _options(clusters, folder / TICKETS if OwnedBackend.engine.program else None)
    (folder / "address.part").write_text(f"http://{proxy}")
    (folder / "address.part").rename(folder / "address")
    DaskGateway.launch_instance(argv=[], config=config)
    if os.getppid() != owner:
        shutil.rmtree(folder, ignore_errors=True)


def _options(clusters: Path, tickets: Path | None) -> Options:
    """Define the options that the walkthrough's gateway defines, `idle_timeout` and `ticket`.

    Args:
        clusters: the folder of all clusters' files.
        tickets: the folder of tickets; None starts clusters without one, all as processes of this Python.
    """
    environment = MEMORY | dict.fromkeys(_TEMPORARY, str(clusters))

    def configuration(options: Any) -> dict[str, Any]:
        allowed = _redeem(tickets, options.ticket) if tickets else {"image": None, "mounts": []}
        image = allowed["image"] or ""
        # The dask-scheduler and dask-worker scripts, the gateway's defaults, are gone since distributed 2026.6.0.
        dask = ["dask"] if image else []
        return {
            "scheduler_cmd": [*dask, "scheduler"] if image else ["scheduler", "--no-dashboard"],
            # A worker's own page costs 20 MB; the scheduler's dashboard shows all workers.
            "worker_cmd": [*dask, "worker", "--no-nanny", "--no-dashboard", "--host", "127.0.0.1"],
            "worker_cores": max(1, int(options.worker_cores_limit)),  # a worker's threads
            "worker_memory": options.worker_memory,
            "idle_timeout": options.idle_timeout,
            "environment": environment,
            "image": image,
            "mounts": allowed["mounts"],
        }

    return Options(
        Float("worker_cores", default=1),
        Float("worker_cores_limit", default=1),
        String("worker_memory", default="1G"),
        String("image", default=""),
        Integer("idle_timeout", default=0),
        String("ticket", default=""),
        handler=configuration,
    )


def _redeem(tickets: Path, ticket: str) -> dict[str, Any]:
    """Return what a ticket allows, once.

    Raises:
        ValueError: there is no such ticket.
    """
    file = tickets / ticket
    if not _TICKET.fullmatch(ticket) or not file.exists():
        raise ValueError("this gateway starts clusters for cwl-dask only")
    allowed: dict[str, Any] = json.loads(file.read_text())
    file.unlink()
    return allowed


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
