"""Test the addresses of gateways that `--dask-gateway` and Dask's configuration may name."""

import dask
import pytest

from cwl_dask.core.addresses import AddressError, configuration

CONFIGURED = {"gateway.address": "http://configured:8000/", "gateway.proxy-address": "gateway://proxy:8786"}


@pytest.mark.parametrize(
    "url", [None, "http://configured:8000", "http://configured:8000/", "http://{GATEWAY_HOST}:8000"]
)
def test_the_configured_gateway_keeps_its_proxy_address(monkeypatch, url):
    monkeypatch.setenv("GATEWAY_HOST", "configured")
    with dask.config.set(CONFIGURED):
        assert configuration(url) == {}


def test_another_gateway_gets_none_of_the_configured_addresses():
    with dask.config.set(CONFIGURED):
        assert configuration("https://other/") == {
            "gateway.address": "https://other",
            "gateway.proxy-address": None,
            "gateway.public-address": None,
        }


def test_no_address_changes_nothing():
    with dask.config.set({"gateway.address": None}):
        assert configuration(None) == {}


@pytest.mark.parametrize("address", ["127.0.0.1:8766", "gateway:8000", "tls://127.0.0.1:8766", "http://"])
def test_an_address_that_is_no_url_is_refused_with_an_example(address):
    with pytest.raises(
        AddressError, match=rf"^cannot use the Dask Gateway address {address}: write it as a URL, for example http://"
    ):
        configuration(address)
    with dask.config.set({"gateway.address": address}), pytest.raises(AddressError, match="write it as a URL"):
        configuration(None)


def test_a_variable_that_is_not_set_is_named():
    with pytest.raises(AddressError, match=r"address http://\{NO_SUCH\}:1: environment variable NO_SUCH is not set"):
        configuration("http://{NO_SUCH}:1")
