"""Test the commands of container engines; tests/local/test_containers.py runs them with a real engine."""

import os

import pytest

from cwl_dask.local.engine import Engine, Mount

MOUNTS = [Mount("/a, b", "/work", writable=True), Mount("/input", "/input")]


@pytest.mark.parametrize(("uid", "options"), [(0, []), (1000, ["--userns=keep-id"])])
def test_a_container_of_podman_is_the_users_own_and_on_the_hosts_network(monkeypatch, uid, options):
    monkeypatch.setattr(os, "geteuid", lambda: uid)
    monkeypatch.setattr(os, "getegid", lambda: 5)
    command = Engine("podman").command("image:1", ["dask", "worker"], name="n", environment=["TOKEN"], mounts=MOUNTS)
    assert command == [
        *("podman", "run", "--rm", "--name", "n", "--network=host", *options, f"--user={uid}:5", "--env=TOKEN"),
        '--mount=type=bind,"source=/a, b",target=/work',
        "--mount=type=bind,source=/input,target=/input,readonly",
        *("image:1", "dask", "worker"),
    ]


def test_a_container_of_singularity_takes_the_environment_as_it_is():
    command = Engine("singularity").command("/image.sif", ["dask"], name="n", environment=["TOKEN"], mounts=MOUNTS)
    assert command == [
        *("singularity", "exec", "--no-home", "--bind=/a, b:/work:rw", "--bind=/input:/input:ro"),
        *("/image.sif", "dask"),
    ]


@pytest.mark.parametrize(
    ("program", "removal"),
    [
        ("podman", ["podman", "rm", "--force", "--time", "0", "n"]),
        ("docker", ["docker", "rm", "--force", "n"]),
        ("singularity", []),
    ],
)
def test_a_container_is_removed_at_once(program, removal):
    assert Engine(program).removal("n") == removal
