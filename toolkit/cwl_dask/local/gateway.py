"""A Dask Gateway of one's own on this machine: server and clusters are processes here, and end with their owner.

`EmbeddedGateway` starts this module as a program, which is Dask Gateway's server with its local backend, on loopback,
in a temporary directory, with a random password. The server ends, and ends its clusters, when the process that started
it ends, however that happens.
"""

import contextlib
import ctypes
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any, Self

START_S = 30
STOP_S = 40
"""The server stops its clusters first: at most 10 s after SIGINT, 5 s after SIGTERM, then SIGKILL."""
PASSWORD = "CWL_DASK_EMBEDDED_PASSWORD"  # noqa: S105 - the variable's name
PARENT = "CWL_DASK_EMBEDDED_PARENT"
PR_SET_PDEATHSIG = 1
"""Linux, prctl(2)."""


class EmbeddedGatewayError(RuntimeError):
    """The server did not start; the message ends with its last words."""


class EmbeddedGateway:
    """A running gateway for the length of a `with`; enter it in the main thread, whose end the server watches."""

    def __init__(self) -> None:
        self._password = secrets.token_urlsafe(24)

    def configuration(self) -> dict[str, Any]:
        """Wait until the server answers; returns Dask's configuration for its clients.

        Raises:
            EmbeddedGatewayError: the server ended at once, or does not answer.
        """
        auth = {"type": "basic", "kwargs": {"username": "cwl-dask", "password": self._password}}
        return {
            "gateway.address": self._answering(),
            "gateway.proxy-address": None,
            "gateway.public-address": None,
            "gateway.auth": auth,
            "gateway.http-client.proxy": None,  # no proxy reaches this machine's loopback
            "gateway.cluster.options": {},
        }

    def __enter__(self) -> Self:
        """Start the server; it takes a second until it answers."""
        self._directory = Path(tempfile.mkdtemp(prefix="cwl-dask-gateway-"))
        environment = os.environ | {PASSWORD: self._password, PARENT: str(os.getpid())}
        if path := environment.get("PYTHONPATH"):  # for workers in another directory
            environment["PYTHONPATH"] = os.pathsep.join(os.path.abspath(entry) for entry in path.split(os.pathsep))  # noqa: PTH100
        with (self._directory / "server.log").open("wb") as server_log:
            self._server = subprocess.Popen(
                [sys.executable, "-m", "cwl_dask.local.gateway", str(self._directory)],
                stdin=subprocess.DEVNULL,
                stdout=server_log,
                stderr=server_log,
                env=environment,
                start_new_session=True,  # Ctrl-C is for its owner, which dismisses its clusters first
            )
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the server and with it every cluster, and remove the directory."""
        self._server.terminate()
        try:
            self._server.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._server.kill()
            self._server.wait()
        shutil.rmtree(self._directory, ignore_errors=True)

    def _answering(self) -> str:
        """Return the server's address as soon as it answers there."""
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        deadline = time.monotonic() + START_S
        while self._server.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                address = (self._directory / "address").read_text()
                direct.open(f"{address}/api/health", timeout=5).close()
                return address
            time.sleep(0.05)
        words = (self._directory / "server.log").read_text(errors="replace").splitlines()[-5:]
        raise EmbeddedGatewayError("the embedded gateway did not start: " + " | ".join(words))


def serve(directory: Path) -> None:
    """Be the gateway's server until SIGTERM, SIGINT or the end of the process that started it."""
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    owner = int(os.environ.pop(PARENT))
    if os.getppid() != owner:  # it ended before the line above
        return
    from dask_gateway_server.app import DaskGateway  # noqa: PLC0415 - only the server's process needs it
    from dask_gateway_server.backends.local import UnsafeLocalBackend  # noqa: PLC0415
    from dask_gateway_server.utils import random_port  # noqa: PLC0415
    from traitlets.config import Config  # noqa: PLC0415

    class OwnedBackend(UnsafeLocalBackend):  # type: ignore[misc] # dask-gateway-server has no types
        """Processes that end with the server, also when it is killed."""

        def make_preexec_fn(self, cluster: Any) -> Any:
            prepare = super().make_preexec_fn(cluster)
            return lambda: (prepare(), libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL))

    api, proxy = f"127.0.0.1:{random_port()}", f"127.0.0.1:{random_port()}"
    clusters = directory / "clusters"
    clusters.mkdir()
    config = Config()
    config.DaskGateway.address = api
    config.DaskGateway.config_file = str(directory / "none.py")  # never one that lies about in the working directory
    config.DaskGateway.backend_class = OwnedBackend
    config.DaskGateway.authenticator_class = "dask_gateway_server.auth.SimpleAuthenticator"
    config.SimpleAuthenticator.password = os.environ.pop(PASSWORD)
    config.Proxy.address = config.Proxy.tcp_address = proxy
    config.OwnedBackend.api_url = f"http://{api}/api"
    config.OwnedBackend.clusters_directory = str(clusters)
    config.OwnedBackend.inherited_environment = [*_INHERITED]
    config.OwnedBackend.cluster_status_period = 5
    config.OwnedBackend.worker_status_period = 5
    config.OwnedBackend.cluster_options = _options(clusters)
    # The dask-scheduler and dask-worker scripts, the defaults, are gone from distributed since 2026.6.0.
    config.ClusterConfig.scheduler_cmd = [sys.executable, "-m", "dask", "scheduler"]
    config.ClusterConfig.worker_cmd = [sys.executable, "-m", "dask", "worker", "--no-nanny"]
    (directory / "address.part").write_text(f"http://{proxy}")
    (directory / "address.part").rename(directory / "address")
    DaskGateway.launch_instance(argv=[], config=config)
    if os.getppid() != owner:
        shutil.rmtree(directory, ignore_errors=True)


_PROXIES = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
_INHERITED = ("PATH", "PYTHONPATH", "HOME", "USER", "LANG", "LC_ALL", "VIRTUAL_ENV", "CONDA_PREFIX", *_PROXIES)
"""What schedulers and workers here have of the runner's environment."""


def _options(clusters: Path) -> Any:
    """Define the options that the walkthrough's gateway defines, and idle_timeout."""
    from dask_gateway_server.options import Float, Integer, Options, String  # noqa: PLC0415

    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    environment = one_thread | {"MALLOC_TRIM_THRESHOLD_": "65536"}  # what a nanny would set
    environment |= {"TMPDIR": str(clusters), "DASK_TEMPORARY_DIRECTORY": str(clusters)}

    def configuration(options: Any) -> dict[str, Any]:
        return {
            "worker_cores": max(1, int(options.worker_cores_limit)),  # a worker's threads
            "worker_memory": options.worker_memory,
            "idle_timeout": options.idle_timeout,
            "environment": environment,
        }

    return Options(
        Float("worker_cores", default=1),
        Float("worker_cores_limit", default=1),
        String("worker_memory", default="1G"),
        String("image", default=""),
        Integer("idle_timeout", default=0),
        handler=configuration,
    )


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
