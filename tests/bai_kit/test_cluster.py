"""Test Dask clusters read from objects of Kubernetes, and the port-forward to a dashboard."""

import json
import socket
import threading
from contextlib import closing

import pytest

from bai_kit.cli.app import main
from bai_kit.cli.options import Common
from bai_kit.cluster import Forward, dashboard_link, dismiss, list_clusters, service_target
from bai_kit.errors import RemoteError, SetupError, UsageError
from tests.bai_kit.fakes import FakeKube


def cluster(name, *, phase=None, active=None, user="ns.bai", created="2026-11-22T10:00:00Z"):
    spec = {"username": user, "replicas": 2, "options": {"image": "reg/bai:1"}}
    spec |= {} if active is None else {"active": active}
    metadata = {"name": name, "namespace": "ns", "creationTimestamp": created}
    return {"metadata": metadata, "spec": spec, "status": {"phase": phase} if phase else {}}


@pytest.mark.parametrize(
    ("found", "phase", "is_active"),
    [
        (cluster("a"), "Pending", True),
        (cluster("a", phase="Running"), "Running", True),
        (cluster("a", phase="Running", active=False), "Stopping", False),
        (cluster("a", phase="Stopped", active=False), "Stopped", False),
        (cluster("a", phase="Failed"), "Failed", False),
    ],
)
def test_a_clusters_phase(found, phase, is_active):
    (seen,) = list_clusters(FakeKube(("daskclusters", found)))
    assert (seen.phase, seen.is_active, seen.full_name, seen.workers) == (phase, is_active, "ns.a", 2)


@pytest.mark.parametrize("name", ["a", "ns.a"])
def test_dismissing_asks_as_the_gateway_does_and_waits_for_the_pods(name):
    pod = {"metadata": {"name": "dask-worker-a-x", "labels": {"gateway.dask.org/cluster": "a"}}, "status": {}}
    kube = FakeKube(("daskclusters", cluster("a")), ("pods", pod))
    looks = []

    def gone_at_the_second_look(kube):
        looks.append(len(kube.list_pods()))
        kube.objects.pop(("pods", "dask-worker-a-x"), None)

    kube.list_pods = lambda: [key for key in kube.objects if key[0] == "pods"]
    kube.hooks["list", "pods"] = gone_at_the_second_look
    dismiss(kube, name)
    assert kube.objects["daskclusters", "a"]["spec"]["active"] is False
    assert looks[0] == 1


def test_an_unknown_cluster_cannot_be_dismissed():
    with pytest.raises(UsageError, match="no Dask cluster a"):
        dismiss(FakeKube(), "a")


def test_the_link_is_the_walkthroughs():
    kube = FakeKube(("daskclusters", cluster("a", phase="Running")), ("daskclusters", cluster("b", phase="Stopped")))
    assert dashboard_link(kube, None, "http://127.0.0.1:8001") == "http://127.0.0.1:8001/clusters/ns.a/status"


def test_of_two_clusters_one_must_be_named():
    kube = FakeKube(("daskclusters", cluster("a", phase="Running")), ("daskclusters", cluster("b", phase="Running")))
    with pytest.raises(UsageError, match=r"ns\.a, ns\.b"):
        dashboard_link(kube, None, "http://127.0.0.1:8001")
    assert dashboard_link(kube, "ns.b", "http://127.0.0.1:8001").endswith("/clusters/ns.b/status")


def service(target):
    return {"metadata": {"name": "traefik"}, "spec": {"selector": {"app": "t"}, "ports": [{"targetPort": target}]}}


def traefik(ready="True"):
    ports = [{"name": "metrics", "containerPort": 9}, {"name": "web", "containerPort": 8000}]
    return {
        "metadata": {"name": "traefik-x", "labels": {"app": "t"}},
        "spec": {"containers": [{"ports": ports}]},
        "status": {"conditions": [{"type": "Ready", "status": ready}]},
    }


@pytest.mark.parametrize("target", ["web", 8000])
def test_a_service_leads_to_a_ready_pod_and_its_port(target):
    kube = FakeKube(("services", service(target)), ("pods", traefik()))
    assert service_target(kube, "traefik") == ("traefik-x", 8000)


def test_a_service_without_a_ready_pod_is_said_so():
    with pytest.raises(SetupError, match="no ready pod"):
        service_target(FakeKube(("services", service("web")), ("pods", traefik("False"))), "traefik")
    with pytest.raises(SetupError, match="no service traefik"):
        service_target(FakeKube(), "traefik")


def test_the_way_to_the_dashboards_is_what_the_gateways_release_says(monkeypatch, capsys):
    labels = {"app.kubernetes.io/instance": "gate", "app.kubernetes.io/component": "client"}
    said = {"address": "https://x", "auth": "simple", "proxyAddress": "", "service": "traefik-gate"}
    found = {"metadata": {"name": "gate-client", "labels": labels}, "data": {"client.json": json.dumps(said)}}
    monkeypatch.setattr(Common, "kube", lambda _: FakeKube(("configmaps", found)))
    for release, message in (("gate", "no service traefik-gate in"), ("other", "no release other of")):
        with pytest.raises(SystemExit):
            main(["cluster", "dashboard", "--gateway-release", release])
        assert message in capsys.readouterr().err


class EchoChannels:
    """Channels of a pod that answers once, as Kubernetes frames it: first each channel's port, then bytes."""

    def __init__(self):
        self.sent = threading.Event()
        self.data = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def __iter__(self):
        yield 0, b"\x40\x1f"
        yield 1, b"\x40\x1f"
        assert self.sent.wait(5)
        yield 0, b"echo " + self.data

    def send(self, data):
        self.data += data
        self.sent.set()

    def close(self):
        self.sent.set()


@pytest.fixture
def forwarding():
    def start(connect):
        forward = Forward(connect, 0)
        thread = threading.Thread(target=forward.serve)
        thread.start()
        started.append((forward, thread))
        return forward.port

    started = []
    yield start
    for forward, thread in started:
        forward.close()
        thread.join(5)
        assert not thread.is_alive()


def test_bytes_go_both_ways_and_the_ports_numbers_stay_out(forwarding):
    port = forwarding(EchoChannels)
    for _ in range(2):
        with closing(socket.create_connection(("127.0.0.1", port), 5)) as client:
            client.sendall(b"hello")
            assert client.recv(100) == b"echo hello"


def test_a_pod_that_cannot_be_reached_closes_the_connection_only(forwarding):
    def refuse():
        raise RemoteError("no")

    port = forwarding(refuse)
    for _ in range(2):
        with closing(socket.create_connection(("127.0.0.1", port), 5)) as client:
            assert client.recv(100) == b""


def test_a_port_that_is_taken_is_said_so():
    with (
        closing(socket.create_server(("127.0.0.1", 0))) as taken,
        pytest.raises(SetupError, match="already in use"),
    ):
        Forward(EchoChannels, taken.getsockname()[1])
