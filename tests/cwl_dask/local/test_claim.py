"""Test claims at an embedded gateway, which is real."""

import logging
import threading
from concurrent.futures import CancelledError
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from cwl_dask.core.clusters import Clusters
from cwl_dask.core.failure import ClaimError
from cwl_dask.core.requirement import parse_requirement
from cwl_dask.local.claim import Api, EmbeddedClaim
from cwl_dask.local.gateway import EmbeddedGateway
from tests.local.steps import FIELDS, eventually

WANTED = parse_requirement(FIELDS)


@pytest.fixture(scope="module")
def gateway():
    with EmbeddedGateway() as embedded:
        yield embedded


def test_a_cluster_runs_and_is_dismissed_without_waiting(gateway, caplog):
    caplog.set_level(logging.INFO)
    clusters = Clusters()
    clusters.embedded = gateway
    assert clusters.available()
    with clusters.claim(WANTED, None) as claim:
        assert claim.is_running()
        assert f"scaled cluster {claim.name} to 1 workers of 1 cores and 256 MiB memory" in caplog.messages
    assert claim.gone
    assert f"dismissed cluster {claim.name} after" in caplog.messages[-1]
    eventually(lambda: claim._status() == "STOPPED")


def test_an_adaptive_cluster_has_at_least_one_worker(gateway, caplog):
    caplog.set_level(logging.INFO)
    wanted = parse_requirement(FIELDS | {"adaptive": True, "clusterMaxCores": 3})
    with gateway.claim(wanted, None, keep=False) as claim:
        claim.wait_running()
        assert f"cluster {claim.name} adapts between 1 and 3 workers of 1 cores and 256 MiB memory" in caplog.messages


def test_a_cluster_that_is_kept_runs_after_its_step(gateway):
    with gateway.claim(WANTED, None, keep=True) as claim:
        claim.wait_running()
        claim.finish()
        assert claim.is_running()


def test_a_dismissal_ends_the_wait_for_the_cluster(gateway):
    with gateway.claim(WANTED, None, keep=False) as claim:
        claim.dismiss()
        with pytest.raises(CancelledError):
            claim.wait_running()


def test_a_refusal_says_why(gateway):
    claim = gateway.claim(WANTED, None, keep=False)
    claim.options["colour"] = "blue"
    with pytest.raises(ClaimError, match=r"no Dask cluster from http://127\.0\.0\.1:\d+: 422 .*colour"):
        claim.__enter__()


def test_a_gateway_that_has_ended_is_one_sentence():
    with EmbeddedGateway() as gateway:
        claim = gateway.claim(WANTED, None, keep=False)
    with pytest.raises(ClaimError, match=r"no Dask cluster from .*refused"):
        claim.__enter__()
    claim.name = "gone"
    claim.dismiss()
    assert not claim.is_running()


def test_a_proxy_that_outlives_its_gateway_is_no_dismissal(caplog):
    class Proxy(BaseHTTPRequestHandler):
        def do_DELETE(self):
            self.send_error(502)

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Proxy) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        claim = EmbeddedClaim(Api(f"http://127.0.0.1:{server.server_port}", "", ""), WANTED, None, keep=False)
        claim.name = "one"
        claim.dismiss()
        thread.join()
    assert "cluster one ended with its gateway, which does not answer: 502" in caplog.text
    assert "dismissed" not in caplog.text
