"""`make images` with engines that write down how they were called: each image is built, then pushed or loaded."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NAMES = ("bai", "runner", "gateway-server")
TOOLS = ("bash", "dirname", "sed", "mktemp", "rm", "head")


@pytest.fixture
def images(tmp_path):
    """Run `.ci/images` with the named tools on an otherwise empty PATH; return exit code, calls and standard error."""
    for tool in TOOLS:
        place = next(Path(folder) / tool for folder in os.defpath.split(":") if (Path(folder) / tool).exists())
        (tmp_path / tool).symlink_to(place)
    calls = tmp_path / "calls"

    def run(*tools: str, **variables: str) -> tuple[int, list[str], str]:
        for tool in tools:
            (tmp_path / tool).write_text(f'#!/bin/sh\necho "{tool} $*" >>{calls}\n')
            (tmp_path / tool).chmod(0o755)
        done = subprocess.run(
            [ROOT / ".ci" / "images"],
            env=variables | {"PATH": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, calls.read_text().splitlines() if calls.exists() else [], done.stderr

    return run


@pytest.mark.parametrize("engine", ["docker", "podman", "buildah"])
def test_images_are_built_and_pushed_to_the_users_registry(images, engine):
    code, calls, err = images(engine, REGISTRY="registry.example/eo", TAG="t1")
    assert code == 0, err
    for name in NAMES:
        (build,) = [
            call for call in calls if call.startswith(f"{engine} build") and f"registry.example/eo/{name}:t1" in call
        ]
        assert (ROOT / build.split()[-1] / "Dockerfile").is_file()
        assert f"{engine} push registry.example/eo/{name}:t1" in calls
    assert any(call.startswith(f"{engine} push registry.example/eo/traefik:v3") for call in calls)
    assert "next: bai-kit deploy -n NAMESPACE --registry registry.example/eo --tag t1" in err


@pytest.mark.parametrize("cluster", ["kind", "minikube"])
@pytest.mark.parametrize("engine", ["docker", "podman", "buildah"])
def test_images_are_loaded_into_a_local_cluster(images, engine, cluster):
    code, calls, err = images(engine, cluster, LOAD=cluster, CLUSTER="dev")
    assert code == 0, err
    loads = [call for call in calls if call.startswith(f"{cluster} ")]
    assert len(loads) == len(NAMES)
    assert all(call.endswith({"kind": "--name dev", "minikube": "--profile dev"}[cluster]) for call in loads)
    assert not [call for call in calls if call.startswith(f"{engine} push ghcr.io")]
    assert f"next: bai-kit deploy -n NAMESPACE --profile {cluster}\n" in err


def test_docker_is_preferred_and_another_engine_can_be_named(images):
    assert {call.split()[0] for call in images("docker", "podman")[1]} == {"docker"}
    assert images("docker", "podman", ENGINE="podman")[1][-1].startswith("podman build")


@pytest.mark.parametrize(
    ("tools", "variables", "word"),
    [((), {}, "none of docker"), (("docker",), {"LOAD": "kind"}, "kind is not on the PATH"), (("docker",), {"LOAD": "k3d"}, "LOAD=k3d")],
)  # fmt: skip
def test_what_is_missing_is_said_before_anything_is_built(images, tools, variables, word):
    code, calls, err = images(*tools, **variables)
    assert (code, calls) == (2, [])
    assert word in err
