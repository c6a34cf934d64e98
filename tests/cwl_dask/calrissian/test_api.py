"""Test how the runner finds its way to the Kubernetes API."""

import pytest
from kubernetes import config

from cwl_dask.calrissian import api


def test_a_runner_with_a_token_needs_no_relay(monkeypatch, tmp_path):
    (tmp_path / "token").write_text("secret")
    (tmp_path / "namespace").write_text("eo")
    monkeypatch.setattr(api, "ACCOUNT", tmp_path)
    monkeypatch.setattr(config, "load_incluster_config", lambda: None)
    monkeypatch.setenv("CWL_DASK_GUARD", str(tmp_path))
    assert not api.has_relay()
    assert api.connect() == "eo"


def test_a_runner_without_a_guard_needs_no_relay(monkeypatch, tmp_path):
    monkeypatch.setattr(api, "ACCOUNT", tmp_path)
    monkeypatch.delenv("CWL_DASK_GUARD", raising=False)
    assert not api.has_relay()


def test_a_relay_that_does_not_start_is_a_reason(monkeypatch, tmp_path):
    monkeypatch.setattr(api, "ACCOUNT", tmp_path)
    monkeypatch.setattr(api, "START_S", 0.05)
    monkeypatch.setenv("CWL_DASK_GUARD", str(tmp_path))
    with pytest.raises(config.ConfigException, match="relay to the Kubernetes API did not start"):
        api.connect()
