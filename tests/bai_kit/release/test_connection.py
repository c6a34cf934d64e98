"""How clients reach the gateway, from what the chart rendered."""

import json

import pytest

from bai_kit.errors import SetupError
from bai_kit.release.connection import connection_of, find_connection, installed_service
from tests.bai_kit.fakes import FakeKube


def config_map(release="gw", **said):
    labels = {"app.kubernetes.io/instance": release, "app.kubernetes.io/component": "client"}
    said = {"address": "", "auth": "simple", "proxyAddress": ""} | said
    return {"kind": "ConfigMap", "metadata": {"name": "x", "labels": labels}, "data": {"client.json": json.dumps(said)}}


def test_other_objects_say_nothing():
    assert connection_of([{"kind": "ConfigMap", "metadata": {}}, {"kind": "Service", "metadata": {}}]) is None


def test_sign_in_and_location_are_values_of_the_other_chart():
    secret, certificate = {"name": "s", "key": "k"}, {"secretName": "c", "key": "ca.crt"}
    found = connection_of([config_map(address="https://a", passwordSecret=secret, certificate=certificate)])
    assert found.sign_in() == {"auth": {"type": "basic"}, "passwordSecret": secret}
    assert found.location() == {"address": "https://a", "certificate": certificate}


def test_the_installed_release_is_found_by_its_labels():
    kube = FakeKube(("configmaps", config_map("gw", address="http://a", service="traefik-gw")))
    assert find_connection(kube, "other") is None
    assert installed_service(kube, "gw").service == "traefik-gw"


@pytest.mark.parametrize(
    ("release", "message"), [("other", "cannot find Dask Gateway"), ("gw", "no Traefik of its own")]
)
def test_a_release_without_a_service_is_refused(release, message):
    with pytest.raises(SetupError, match=message):
        installed_service(FakeKube(("configmaps", config_map("gw"))), release)
