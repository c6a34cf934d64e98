"""One deployment of both charts for all tests here, made by `bai-kit` itself, on the Kubernetes that KUBECONFIG names.

| variable | default | |
|---|---|---|
| `BAI_E2E_REGISTRY`, `BAI_E2E_TAG` | `registry.test`, `dev` | where the three images and Traefik are |
| `BAI_E2E_TRAEFIK_TAG` | as `BAI_E2E_TAG` | |
| `BAI_E2E_BUILD` | 1 where `BAI_E2E_CLUSTER` is | build the images and put them on the node first |
| `BAI_E2E_CLUSTER` | `../shared/kube/cluster` | the test cluster's command |
| `BAI_E2E_PREFIX` | `e2e` | of the namespaces' names |
"""

import os
import secrets
import subprocess
from pathlib import Path

import pytest

from tests.e2e.kit import Kit, Scene, serve_scene, write_small_package, write_values
from tests.e2e.runner_bed import runner_jobs  # noqa: F401 - a fixture

ROOT = Path(__file__).parents[2]
CLUSTER = Path(os.environ.get("BAI_E2E_CLUSTER", ROOT.parent / "shared" / "kube" / "cluster"))
REGISTRY = os.environ.get("BAI_E2E_REGISTRY", "registry.test")
TAG = os.environ.get("BAI_E2E_TAG", "dev")
PREFIX = os.environ.get("BAI_E2E_PREFIX", "e2e")
IMAGES = {
    "bai": "bai",
    "runner": "toolkit/cwl_dask",
    "gateway-server": "charts/dask-gateway/image",
    "traefik": "tests/e2e/images/traefik",
}


def pytest_collection_modifyitems(config, items):
    """Skip tests that need a Kubernetes if KUBECONFIG names none."""
    if os.environ.get("KUBECONFIG") or config.getoption("--kubeconfig", None):
        return
    for item in items:
        if "e2e" in item.keywords:
            item.add_marker(pytest.mark.skip(reason="needs a Kubernetes: set KUBECONFIG"))


@pytest.fixture(scope="session", autouse=True)
def images():
    """Build the three images and Traefik's, and bring them to the nodes, for all tests in this folder."""
    if os.environ.get("BAI_E2E_BUILD", str(int(CLUSTER.exists()))) == "1":
        for name, directory in IMAGES.items():
            tag = os.environ.get("BAI_E2E_TRAEFIK_TAG", TAG) if name == "traefik" else TAG
            subprocess.run([CLUSTER, "image", f"{REGISTRY}/{name}:{tag}", ROOT / directory], check=True, timeout=1200)
    return REGISTRY, TAG


@pytest.fixture(scope="session")
def kit(images, tmp_path_factory):
    """Deploy both releases with `bai-kit` into a new namespace; remove both at the end."""
    work = tmp_path_factory.mktemp("kit")
    registry, tag = images
    made = Kit(namespace=f"{PREFIX}-{secrets.token_hex(3)}", registry=registry, tag=tag, work=work)
    write_values(work, registry, os.environ.get("BAI_E2E_TRAEFIK_TAG", tag))
    write_small_package(work, made.image)
    made.deploy().ok()
    yield made
    made.run("undeploy", "--purge", "--yes")
    made.kubectl("delete", "namespace", made.namespace, "--wait=false")


@pytest.fixture(scope="session")
def scene(kit) -> Scene:
    """Serve the demo scene from a pod, and write the same files on this machine."""
    return serve_scene(kit)


@pytest.fixture
def clean(kit):
    """Check after the test that only Jobs and ended runners' pods remain."""
    yield
    try:
        kit.wait_clean()
    finally:  # a test that failed must not fail the next one
        kit.kubectl("delete", "jobs", "--all", "--wait=true")
