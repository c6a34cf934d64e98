"""Whether a runner that got SIGTERM was stopped by a user or by its node: only the latter is worth another try."""

import logging
import os

from kubernetes import client, config
from kubernetes.client.rest import ApiException
from urllib3.exceptions import HTTPError

from cwl_dask.calrissian import api

log = logging.getLogger(__name__)

TIMEOUT_S = 5
"""Seconds for the answer of the Kubernetes API, within the pod's grace period."""


def is_eviction() -> bool:
    """Return True if Kubernetes ends the runner's pod for the node's sake, False if somebody deleted the job.

    An eviction by the kubelet or a shutdown of the node leaves the pod without a deletion time stamp; a drain, a
    preemption or a taint sets the condition DisruptionTarget. Without an answer of the API the job counts as deleted.
    """
    try:
        namespace = api.connect()
        pods = client.CoreV1Api().list_namespaced_pod(
            namespace,
            field_selector=f"metadata.name={os.environ['CALRISSIAN_POD_NAME']}",
            _request_timeout=TIMEOUT_S,
        )
    except (ApiException, HTTPError, OSError, KeyError, config.ConfigException) as error:
        log.warning("cannot read why the runner's pod is stopped: %s", error)
        return False
    return any(_is_evicted(pod) for pod in pods.items)


def _is_evicted(pod: client.V1Pod) -> bool:
    conditions = pod.status.conditions or []
    disrupted = any(condition.type == "DisruptionTarget" and condition.status == "True" for condition in conditions)
    return disrupted or pod.metadata.deletion_timestamp is None
