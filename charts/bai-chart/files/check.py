"""`helm test`: may the runner do what it does, can it write to the volume, does the gateway answer?"""

import os
import sys
import tempfile

from dask_gateway import Gateway
from kubernetes import client, config

config.load_incluster_config()
NAMESPACE = open("/var/run/secrets/kubernetes.io/serviceaccount/namespace").read()
RIGHTS = [
    ("create", "pods", ""),
    ("delete", "pods", ""),
    ("list", "pods", ""),
    ("watch", "pods", ""),
    ("get", "pods", "log"),
]


def allowed(verb: str, resource: str, subresource: str) -> bool:
    spec = {
        "resourceAttributes": {"namespace": NAMESPACE, "verb": verb, "resource": resource, "subresource": subresource}
    }
    return client.AuthorizationV1Api().create_self_subject_access_review({"spec": spec}).status.allowed


missing = [f"{verb} {resource}/{sub}".rstrip("/") for verb, resource, sub in RIGHTS if not allowed(verb, resource, sub)]
print("rights of the runner:", f"missing: {', '.join(missing)}" if missing else "all there")
with tempfile.NamedTemporaryFile(dir="/calrissian"):
    print(f"volume: writable by {os.getuid()}:{os.getgid()}")
with Gateway() as gateway:
    print(f"gateway {gateway.address}: answers, with the options {', '.join(gateway.cluster_options()) or '(none)'}")
sys.exit(bool(missing))
