"""A real JupyterHub from the package index with its proxy from npm, kept in `.cache/hub`."""

import shutil
import subprocess
import sys
from pathlib import Path

CACHE = Path(__file__).parents[2] / ".cache" / "hub"
JUPYTERHUB = "jupyterhub==6.1.1"
PROXY = "configurable-http-proxy@5.3.0"


def ensure() -> Path:
    """Return the directory with `bin/jupyterhub` and the proxy; fetch both when the directory does not exist.

    Raises:
        FileNotFoundError: npm is not installed.
        subprocess.CalledProcessError: an index cannot be reached.
    """
    if CACHE.is_dir():
        return CACHE
    if shutil.which("npm") is None:
        raise FileNotFoundError("npm")
    scratch = CACHE.with_name("hub-in-progress")
    shutil.rmtree(scratch, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", scratch], check=True)
    pip = [scratch / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:"]
    subprocess.run([*pip, JUPYTERHUB], check=True, timeout=300)
    subprocess.run(["npm", "install", "--silent", "--prefix", scratch, PROXY], check=True, timeout=300)
    scratch.rename(CACHE)
    return CACHE


def jupyterhub(home: Path) -> list[str]:
    """Return the command of the hub; a venv that was renamed keeps the old path in its scripts."""
    return [str(home / "bin" / "python"), "-m", "jupyterhub"]


def proxy(home: Path) -> list[str]:
    """Return the command of the hub's proxy."""
    return ["node", str(home / "node_modules" / "configurable-http-proxy" / "bin" / "configurable-http-proxy")]
