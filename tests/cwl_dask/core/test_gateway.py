"""Test the gateway's configuration that a step receives."""

import getpass
import os

import pytest

from cwl_dask.core.gateway import step_section, user


@pytest.mark.parametrize(
    ("auth", "expected"),
    [
        (None, {"type": "basic", "kwargs": {"username": "me"}}),
        ({"type": "basic", "kwargs": None}, {"type": "basic", "kwargs": {"username": "me"}}),
        ({"type": "basic", "kwargs": {"username": "eric"}}, {"type": "basic", "kwargs": {"username": "eric"}}),
        (
            {"type": "jupyterhub", "kwargs": None},
            {"type": "jupyterhub", "kwargs": {"api_token": "{JUPYTERHUB_API_TOKEN}"}},
        ),
        ({"type": "kerberos", "kwargs": {}}, {"type": "kerberos", "kwargs": {}}),
    ],
)
def test_a_step_signs_in_as_the_runner(auth, expected, monkeypatch):
    monkeypatch.setenv("LOGNAME", "me")
    assert step_section({"address": "http://gw", "auth": auth}, {})["auth"] == expected


def test_the_options_of_the_claim_replace_those_of_the_configuration():
    configured = {"address": "http://gw", "proxy-address": "tls://gw", "cluster": {"options": {"a": 1, "b": 1}}}
    section = step_section(configured, {"b": 2})
    assert section["cluster"] == {"options": {"a": 1, "b": 2}}
    assert section["proxy-address"] == "tls://gw"


@pytest.mark.parametrize("error", [KeyError, OSError])
def test_a_uid_without_a_name_is_a_user_too(monkeypatch, error):
    def no_name():
        raise error

    monkeypatch.setattr(getpass, "getuser", no_name)
    assert user() == str(os.getuid())
