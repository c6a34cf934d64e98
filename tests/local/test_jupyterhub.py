"""Test a runner and its step that sign in at a gateway by a JupyterHub: real hub, real proxy, real gateway server."""

import contextlib
import json
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from tests.local import hub_tools

SERVICE, ADMIN = secrets.token_hex(16), secrets.token_hex(16)
CONFIG = """
c.JupyterHub.bind_url = "http://127.0.0.1:{public}"
c.JupyterHub.hub_bind_url = "http://127.0.0.1:{hub}"
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allowed_users = {{"ada"}}
c.JupyterHub.spawner_class = "simple"
c.JupyterHub.cleanup_servers = False
c.ConfigurableHTTPProxy.command = {proxy}
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{api}"
c.JupyterHub.services = [
    {{"name": "dask-gateway", "api_token": "{service}"}},
    {{"name": "admin", "api_token": "{admin}"}},
]
c.JupyterHub.load_roles = [
    {{"name": "gateway", "services": ["dask-gateway"], "scopes": ["read:users"]}},
    {{"name": "admins", "services": ["admin"], "scopes": ["admin:users", "tokens"]}},
    {{"name": "user", "scopes": ["self", "access:services"]}},
]
"""
STEP = (
    "import dask_gateway, os; g = dask_gateway.Gateway(); c = g.connect(os.environ['DASK_GATEWAY_CLUSTER']); "
    "print(c.get_client().submit(sum, [1, 2, 3]).result(60))"
)
HINT = {"workerCores": 1, "workerCoresLimit": 1, "workerMemory": "1G", "clusterMaxCores": 1, "clusterMaxMemory": "1G"}
TOOL = {
    "cwlVersion": "v1.2",
    "$namespaces": {"calrissian": "https://calrissian-cwl.github.io/schema#"},
    "class": "CommandLineTool",
    "baseCommand": ["python", "-c", STEP],
    "requirements": {"NetworkAccess": {"networkAccess": True}},
    "hints": {"calrissian:DaskGatewayRequirement": HINT},
    "inputs": {},
    "outputs": {"said": {"type": "stdout"}},
    "stdout": "said.txt",
}


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for listener in sockets:
            listener.bind(("127.0.0.1", 0))
        return [listener.getsockname()[1] for listener in sockets]


@contextlib.contextmanager
def running(command: list[str], log: Path, answers: str, **env: str):
    """Run a server until the end of the block, which begins when the address answers."""
    with log.open("wb") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file, cwd=log.parent, env={**os.environ, **env})
    try:
        deadline = time.monotonic() + 60
        while True:
            with contextlib.suppress(OSError), urllib.request.urlopen(answers, timeout=5):
                break
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.2)
        yield
    finally:
        process.terminate()
        process.wait(30)


def user_token(hub_api: str) -> str:
    """Return a new token of the user ada, as a terminal of the hub has one."""
    for path, body in (("users/ada", None), ("users/ada/tokens", b"{}")):
        headers = {"Authorization": f"token {ADMIN}"}
        request = urllib.request.Request(f"{hub_api}/{path}", data=body or b"", headers=headers, method="POST")
        with contextlib.suppress(urllib.error.HTTPError), urllib.request.urlopen(request, timeout=10) as answer:
            found = json.loads(answer.read())
    return found["token"]


def test_runner_and_step_sign_in_with_the_users_token(tmp_path):
    try:
        home = hub_tools.ensure()
    except (FileNotFoundError, subprocess.CalledProcessError) as exc:
        pytest.skip(f"no JupyterHub here: {exc}")
    public, hub, api, port, proxy_port = free_ports(5)
    config = tmp_path / "hub.py"
    words = {"public": public, "hub": hub, "api": api, "service": SERVICE, "admin": ADMIN}
    config.write_text(CONFIG.format(proxy=hub_tools.proxy(home), **words))
    (tmp_path / "tool.cwl").write_text(json.dumps(TOOL))
    hub_api = f"http://127.0.0.1:{hub}/hub/api"
    hub_command = [*hub_tools.jupyterhub(home), "-f", str(config)]
    gateway = [sys.executable, str(Path(__file__).with_name("hub_gateway.py")), str(port), str(proxy_port), hub_api]
    address = f"http://127.0.0.1:{proxy_port}"
    with (
        running(hub_command, tmp_path / "hub.log", hub_api),
        running(gateway, tmp_path / "gateway.log", f"{address}/api/health", JUPYTERHUB_API_TOKEN=SERVICE),
    ):
        runner = [sys.executable, "-m", "cwl_dask.local.main", "--outdir", str(tmp_path / "out"), "tool.cwl"]
        env = {"DASK_GATEWAY__ADDRESS": address, "DASK_GATEWAY__AUTH__TYPE": "jupyterhub"}
        env["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])  # for the step's `python`
        for token, code in ((user_token(hub_api), 0), ("not-a-token", 1)):
            done = subprocess.run(
                runner, cwd=tmp_path, env={**os.environ, **env, "JUPYTERHUB_API_TOKEN": token},
                capture_output=True, text=True, timeout=120, check=False,
            )  # fmt: skip
            assert (done.returncode == 0) == (code == 0), done.stderr
        assert (tmp_path / "out" / "said.txt").read_text() == "6\n"
