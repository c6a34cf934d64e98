"""Test the embedded gateway's server: its password stays secret, and it ends with its owner."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cwl_dask.local.gateway import EmbeddedGateway, EmbeddedGatewayError
from tests.local.steps import eventually

OWNER = """
import sys
from cwl_dask.local.gateway import EmbeddedGateway
with EmbeddedGateway() as gateway:
    gateway.section()
    print("up", flush=True)
    sys.stdin.read()
"""


def command_lines():
    for process in Path("/proc").glob("[0-9]*"):
        try:
            yield (process / "cmdline").read_text()
        except OSError:
            continue


def test_the_password_is_in_no_process_list_and_the_directory_is_private(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with EmbeddedGateway() as gateway:
        password = gateway.section()["auth"]["kwargs"]["password"]
        assert not any(password in words for words in command_lines())
        (directory,) = tmp_path.iterdir()
        assert directory.stat().st_mode & 0o077 == 0
        assert not any(password in file.read_text(errors="replace") for file in directory.rglob("*") if file.is_file())
    assert list(tmp_path.iterdir()) == []


def test_a_server_whose_owner_was_killed_ends_and_cleans_up(tmp_path, left_running):
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", OWNER], env=environment, **pipes) as owner:
        assert owner.stdout.readline() == b"up\n"
        assert len(left_running()) == 3  # owner, server and its proxy
        owner.kill()
    eventually(lambda: left_running() == [] and list(tmp_path.iterdir()) == [])


def test_without_a_start_there_is_no_server(left_running):
    with EmbeddedGateway():
        assert left_running() == []


def test_a_server_that_does_not_start_says_why(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/usr/bin/false")
    with EmbeddedGateway() as gateway, pytest.raises(EmbeddedGatewayError, match="the embedded gateway did not start"):
        gateway.section()
