"""Test the check that the runner's configuration reaches the gateway."""

import json

import pytest

from bai_kit.errors import HelmError, WaitTimeout
from bai_kit.release import reach
from bai_kit.release.helm import Helm
from bai_kit.release.plan import plan_releases
from bai_kit.release.reach import reach_gateway
from bai_kit.release.values import Overrides
from bai_kit.settings import Settings
from tests.bai_kit.fakes import FakeKube
from tests.charts.helm_wheels import ensure


@pytest.fixture(autouse=True)
def _hurry(monkeypatch):
    monkeypatch.setattr(reach, "POLL_S", 0)


@pytest.fixture(scope="module")
def objects():
    """Return what bai-chart renders beside a gateway with HTTPS."""
    helm = Helm("ns", executable=str(ensure("helm3") / "helm"))
    sets = ("dask-gateway.traefik.tls.enabled=true", "dask-gateway.traefik.tls.secretName=cert")
    return plan_releases(helm, Settings(namespace="ns"), Overrides(sets=sets))[-1].objects


def ending(phase, *lines):
    """Return a Kubernetes whose new pods end at once."""
    kube = FakeKube()
    seen = []

    def ends(kube):
        ((_, name),) = [key for key in kube.objects if key[0] == "pods"]
        kube.objects["pods", name]["status"] = {"phase": phase}
        kube.logs[name] = [f"2026-11-22T10:00:00Z {line}".encode() for line in lines]
        seen.append(json.loads(json.dumps(kube.objects["pods", name])))

    kube.hooks["create", "pods"] = ends
    return kube, seen


def test_the_pod_has_the_runners_configuration_and_neither_token_nor_volume(objects):
    kube, seen = ending("Succeeded")
    reach_gateway(kube, objects, 10)
    (pod,) = seen
    (container,) = pod["spec"]["containers"]
    assert {mount["name"] for mount in container["volumeMounts"]} == {"tmp", "gateway", "gateway-certificate"}
    assert {volume["name"] for volume in pod["spec"]["volumes"]} == {"tmp", "gateway", "gateway-certificate"}
    assert pod["spec"]["automountServiceAccountToken"] is False
    assert pod["spec"]["securityContext"]["runAsNonRoot"]
    assert "SSL_CERT_FILE" in {entry["name"] for entry in container["env"]}
    assert not [key for key in kube.objects if key[0] == "pods"]


def test_a_gateway_that_does_not_answer_is_said_with_the_last_line(objects):
    kube, _ = ending("Failed", "first", "ClientConnectorError: nobody is there")
    with pytest.raises(HelmError, match="cannot use the gateway: ClientConnectorError: nobody is there"):
        reach_gateway(kube, objects, 10)
    assert not [key for key in kube.objects if key[0] == "pods"]


def test_a_pod_that_does_not_end_is_given_up(objects):
    kube, _ = ending("Running")
    with pytest.raises((WaitTimeout, HelmError)):
        reach_gateway(kube, objects, -1)


def test_without_the_right_to_create_pods_or_without_a_job_nothing_is_made(objects, caplog):
    kube = FakeKube()
    kube.forbidden.add(("create", "pods"))
    reach_gateway(kube, objects, 10)
    reach_gateway(kube, [], 10)
    assert kube.objects == {}
    assert "no permission to create pods" in caplog.text
