"""Test the commands while the API misses every first request: refused, busy, or done without an answer."""

import json
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import pytest
import urllib3

from bai_kit.errors import ConnectionLost, ProgramFailed
from bai_kit.job.clean import delete_job
from bai_kit.job.run import run_job
from bai_kit.job.state import Phase, cancel, get_job
from bai_kit.job.template import load_template
from bai_kit.job.volume import open_volume
from bai_kit.kube import connection
from bai_kit.kube.api import Kube
from tests.bai_kit.fakes import job_object
from tests.bai_kit.job.test_run import Recorder, World, request, volume  # noqa: F401 - a fixture


class Pool:
    """Answers like the API of a World, but every other request fails."""

    def __init__(self, world, fault):
        self.world, self.fault, self.fails, self.missed = world, fault, False, []

    def request(self, method, url, *, body, **_):
        self.fails = not self.fails
        address = urlsplit(url)
        if self.fails:
            self.missed.append((method, address.path))
            if self.fault == "busy":
                return Reply(503, {"message": "starting"})
            if self.fault == "lost":
                self._act(method, address, body)
            raise urllib3.exceptions.ProtocolError("connection reset")
        return self._act(method, address, body)

    def _act(self, method, address, body):
        path, query = address.path.partition("/namespaces/ns/")[2].split("/"), parse_qs(address.query)
        kind, name, body = path[0], path[1] if len(path) > 1 else "", json.loads(body or "{}")
        if address.path.endswith("accessreviews"):
            return Reply(201, {"status": {"allowed": True}})
        if path[-1] == "log":
            return Reply(200, b"\n".join(self.world.log(name, "runner")) + b"\n")
        if method == "POST" and (kind, body["metadata"]["name"]) in self.world.objects:
            return Reply(409, {"message": "already exists"})
        found = {
            "GET": lambda: self.world.get(kind, name) if name else self._list(kind, query),
            "POST": lambda: self.world.create(kind, body),
            "PATCH": lambda: self.world.patch(kind, name, body),
            "DELETE": lambda: {} if self.world.delete(kind, name) else None,
        }[method]()
        return Reply(404 if found is None else 200, found)

    def _list(self, kind, query):
        return {"items": self.world.list(kind, labels=query.get("labelSelector", [""])[0])}


class Reply:
    def __init__(self, status, body):
        self.status, self.data = status, body if isinstance(body, bytes) else json.dumps(body).encode()

    def read1(self, _):
        data, self.data = self.data, b""
        return data

    def close(self):
        pass


@pytest.fixture(params=["refused", "busy", "lost"])
def kube(request, monkeypatch):
    """The API client of a namespace; `kube.world` is what it reaches."""
    monkeypatch.setattr(connection, "RETRY_PAUSE_S", 0.0)
    found = Kube(namespace="ns")
    found.world = World(0)
    settings = SimpleNamespace(host="http://api", auth_settings=dict)
    found.connection.__dict__ |= {"loaded": (settings, "ns", None), "pool": Pool(found.world, request.param)}
    return found


def test_a_run_is_complete_although_every_request_fails_once(kube, tmp_path, volume):  # noqa: F811 - the fixture
    outcome = run_job(kube, request(tmp_path), Recorder())
    assert outcome.phase is Phase.COMPLETE
    assert (tmp_path / "out" / "bai.tif").exists()
    assert (kube.world.jobs, list(volume.root.iterdir())) == ([], [])
    assert {method for method, _ in kube.connection.pool.missed} == {"GET", "POST", "DELETE"}


def test_a_job_is_cancelled_once(kube):
    kube.world.objects["jobs", "one"] = job_object("one", active=1)
    cancel(kube, "one")
    assert get_job(kube, "one").phase is Phase.CANCELLING


def test_a_helper_pod_starts_works_and_is_removed(kube, monkeypatch):
    """The second removal finds nothing, because the first one succeeded although its answer was lost."""
    running = {"containerStatuses": [{"name": "volume", "state": {"running": {}}}]}
    kube.world.hooks["create", "pods"] = lambda world: [
        found["status"].update(running) for (kind, _), found in world.objects.items() if kind == "pods"
    ]
    ends = [ConnectionLost("broke"), ProgramFailed("failed", 3)]

    def exec_(*_):
        yield from ()
        raise ends.pop(0)

    monkeypatch.setattr(kube, "exec", exec_)
    delete_job(kube, load_template(kube), "one")
    assert ends == []
    assert [name for kind, name in kube.world.objects if kind == "pods"] == []
    with open_volume(kube, load_template(kube)):
        pass
