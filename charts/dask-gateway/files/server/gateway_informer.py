"""Watch Kubernetes within one namespace; retry failed requests for a limited time.

The server's own informers watch all namespaces, and repeat a refused request without a pause, thousands of times a second,
without a message. `install` replaces them by the class below. The class uses private names of
dask-gateway-server 2026.3.0; tests/charts/test_dask_gateway_server.py fails when they change.
"""

import asyncio
import json
import os
import sys
import time

from aiohttp import ClientError
from dask_gateway_server.backends.kubernetes import utils
from gateway_settings import SETTINGS
from kubernetes_asyncio.client.rest import ApiException

START_S = 15.0
"""Seconds to wait for the first answer: the API server needs a second to serve new custom resources."""
LOST_S = 300.0
"""Seconds for which later failures are retried: an upgrade of the control plane takes minutes."""
PAUSE_S = 0.5


class Informer(utils.Informer):
    """An informer of one namespace, unless the scope is the whole Kubernetes."""

    def __init__(self, *, client, method, method_kwargs, name, **kwargs):
        if SETTINGS["scope"] == "namespace":
            method = method.replace("list_cluster_", "list_namespaced_")
            if method.endswith("_for_all_namespaces"):
                method = "list_namespaced_" + method.removeprefix("list_").removesuffix("_for_all_namespaces")
            method_kwargs = {**method_kwargs, "namespace": SETTINGS["namespace"]}
        patient = PatientClient(client, method, what=method_kwargs.get("plural") or name)
        super().__init__(client=patient, method=method, method_kwargs=method_kwargs, name=name, **kwargs)


class PatientClient:
    """Retry the list call of a client after a pause, and end the process if it fails for too long."""

    def __init__(self, client, method, what):
        self.api_client = client.api_client
        self._call, self._what = getattr(client, method), what
        self._limit = dict.fromkeys(("list", "watch"), START_S)
        self._good = dict.fromkeys(("list", "watch"), time.monotonic())
        setattr(self, method, self._patiently)

    async def _patiently(self, **kwargs):
        verb = "watch" if kwargs.get("watch") else "list"
        while True:
            try:
                answer = await self._call(**kwargs)
            except (ApiException, ClientError, OSError, asyncio.TimeoutError) as exc:
                if time.monotonic() - self._good[verb] > self._limit[verb]:
                    give_up(f"cannot {verb} {self._what} {_where()}: {reason(exc)}")
                await asyncio.sleep(PAUSE_S)
                if verb == "watch":
                    raise  # the informer then lists all objects again, because its state may be too old
            else:
                self._limit[verb], self._good[verb] = LOST_S, time.monotonic()
                return answer


def _where():
    return f"in namespace {SETTINGS['namespace']}" if SETTINGS["scope"] == "namespace" else "in all namespaces"


def reason(exc):
    """Return in one line why Kubernetes refused or did not answer, and how to fix that."""
    if not isinstance(exc, ApiException):
        return f"the Kubernetes API does not answer: {type(exc).__name__}: {exc}"
    try:
        said = json.loads(exc.body)["message"]
    except (TypeError, ValueError, KeyError):
        said = exc.reason
    if exc.status == 404:
        return f"{said}: is the DaskCluster resource installed? Set createCRDs: true, or apply it by hand"
    if exc.status in (401, 403):
        return f"{said}: set rbac.enabled: true, or give the service account this right"
    return f"{exc.status} {said}"


def give_up(message):
    """Log one line and end the process at once; nothing has started that needs clean-up."""
    sys.stderr.write(f"dask-gateway: giving up: {message}\n")
    sys.stderr.flush()
    os._exit(1)


def install(module):
    """Make a module of the server use the informer above."""
    if module.Informer is not Informer:
        if module.Informer is not utils.Informer:
            raise ImportError(f"{module.__name__} does not use dask-gateway-server's informer")
        module.Informer = Informer
