"""Test of `helm test`: check the runner's permissions, writing to the volume, and that the gateway answers."""

import os
import sys
import tempfile
from pathlib import Path

from dask_gateway import Gateway
from kubernetes import client, config

NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
RIGHTS = ["create pods", "delete pods", "list pods", "watch pods", "get pods/log"]


def is_allowed(right: str) -> bool:
    """Ask the API server about a right of this pod's service account."""
    verb, _, resource = right.partition(" ")
    name, _, subresource = resource.partition("/")
    attributes = {"namespace": NAMESPACE.read_text(), "verb": verb, "resource": name, "subresource": subresource}
    body = {"spec": {"resourceAttributes": attributes}}
    return client.AuthorizationV1Api().create_self_subject_access_review(body).status.allowed


config.load_incluster_config()
missing = [right for right in RIGHTS if not is_allowed(right)]
print("rights:", f"missing: {', '.join(missing)}" if missing else ", ".join(RIGHTS))
with tempfile.NamedTemporaryFile(dir="/calrissian"):
    print(f"volume: writable by {os.getuid()}:{os.getgid()}")
with Gateway() as gateway:
    print(f"gateway: {gateway.address} answers, with the options {', '.join(gateway.cluster_options()) or '(none)'}")
sys.exit(bool(missing))
