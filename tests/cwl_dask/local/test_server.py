"""Test what the server of the embedded gateway allows; tests/local runs the whole of it."""

import json
from types import SimpleNamespace

import pytest

from cwl_dask.local import server

WANTED = {"worker_cores_limit": 2.5, "worker_memory": "1G", "idle_timeout": 90}


def configuration(tmp_path, tickets, ticket=""):
    options = server._options(tmp_path, tickets)
    return options.handler(SimpleNamespace(**WANTED, ticket=ticket), None)


def test_without_an_engine_every_cluster_is_processes_of_this_python(tmp_path):
    found = configuration(tmp_path, None)
    assert (found["image"], found["mounts"], found["worker_cores"]) == ("", [], 2)
    assert found["scheduler_cmd"] == ["scheduler", "--no-dashboard"]
    assert found["worker_cmd"][0] == "worker"


def test_a_ticket_allows_its_image_and_mounts_once(tmp_path):
    mount = {"source": "/a", "target": "/b", "writable": False}
    (tmp_path / ("a" * 32)).write_text(json.dumps({"image": "app:1", "mounts": [mount]}))
    found = configuration(tmp_path, tmp_path, "a" * 32)
    assert (found["image"], found["mounts"], found["scheduler_cmd"]) == ("app:1", [mount], ["dask", "scheduler"])
    with pytest.raises(ValueError, match="starts clusters for cwl-dask only"):
        configuration(tmp_path, tmp_path, "a" * 32)


@pytest.mark.parametrize("ticket", ["", "b" * 32, "../secret", "/etc/passwd"])
def test_without_a_valid_ticket_no_cluster_starts_where_there_is_an_engine(tmp_path, ticket):
    (tmp_path / "secret").write_text("{}")
    (tmp_path / "tickets").mkdir()
    with pytest.raises(ValueError, match="starts clusters for cwl-dask only"):
        configuration(tmp_path, tmp_path / "tickets", ticket)
