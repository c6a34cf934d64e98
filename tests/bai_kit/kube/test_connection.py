"""Requests that are not answered, and certificates that are not trusted. More in test_api.py, through `Kube`."""

import ssl
import threading
from contextlib import closing
from socket import create_server

import pytest

from bai_kit.errors import ConnectionLost, SetupError
from bai_kit.kube import connection as module
from bai_kit.kube.connection import Connection, refused, shortened
from tests.bai_kit.kube.test_api import kubeconfig


@pytest.fixture(autouse=True)
def _no_patience(monkeypatch):
    for name in ("FIRST_ANSWER_S", "OUTAGE_S", "RETRY_PAUSE_S"):
        monkeypatch.setattr(module, name, 0.0)


def test_an_api_that_never_answers_is_given_up_after_the_first_patience(tmp_path):
    connection = Connection(None, kubeconfig(tmp_path, "http://127.0.0.1:9"))
    with pytest.raises(ConnectionLost, match="cannot reach the Kubernetes API") as caught:
        connection.send("GET", "/version")
    assert (caught.value.exit_code, caught.value.hint) == (3, "kubectl cluster-info")
    with pytest.raises(ConnectionLost, match="cannot connect to /exec"):
        connection.open_channels("/exec", [])
    connection.pool.clear()


def test_a_certificate_that_is_not_trusted_is_said_in_words(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise module.urllib3.exceptions.SSLError(ssl.SSLCertVerificationError("[SSL: CERTIFICATE_VERIFY_FAILED] x"))

    connection = Connection(None, kubeconfig(tmp_path, "https://127.0.0.1:9"))
    monkeypatch.setattr(connection.pool, "request", refuse)
    with pytest.raises(SetupError, match=r"is not one that this kubeconfig trusts$"):
        connection.send("GET", "/version")


def test_a_tls_handshake_that_breaks_off_is_tried_again(tmp_path, monkeypatch):
    def breaks(*_, **__):
        raise module.urllib3.exceptions.SSLError(ssl.SSLEOFError("EOF occurred in violation of protocol"))

    connection = Connection(None, kubeconfig(tmp_path, "https://127.0.0.1:9"))
    monkeypatch.setattr(connection.pool, "request", breaks)
    with pytest.raises(ConnectionLost, match="EOF occurred"):
        connection.send("GET", "/version")


def test_an_answer_that_is_no_http_is_tried_again_and_then_an_error(tmp_path):
    with closing(create_server(("127.0.0.1", 0))) as server:

        def hang_up():
            accepted, _ = server.accept()
            accepted.close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        connection = Connection(None, kubeconfig(tmp_path, f"http://127.0.0.1:{server.getsockname()[1]}"))
        with pytest.raises(ConnectionLost):
            connection.send("GET", "/version")
        thread.join(5)
        connection.pool.clear()


@pytest.mark.parametrize(
    ("path", "what"),
    [("/api/v1/namespaces/ns/pods/p", "pods/p"), ("/api/v1/nodes", "/api/v1/nodes")],
)
def test_a_refusal_names_the_object(path, what):
    assert refused(500, "get", path, b"no").message == f"cannot get {what}: no (HTTP 500)"


def test_texts_of_the_api_become_one_short_line():
    assert shortened("a\n b") == "a b"
    assert len(shortened("x" * 999)) == module.LONGEST_ERROR
