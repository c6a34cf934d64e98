"""Test of `helm test`: create a cluster, compute on it, and stop it."""

import json
import os
import time

from dask_gateway import BasicAuth, Gateway

started = time.monotonic()


def say(text):
    print(f"{time.monotonic() - started:5.1f} s  {text}", flush=True)


user = BasicAuth("helm-test", os.environ.get("DASK_GATEWAY_PASSWORD"))
proxy = os.environ.get("GATEWAY_PROXY_ADDRESS")
with Gateway(os.environ["GATEWAY_ADDRESS"], proxy_address=proxy, auth=user) as gateway:
    say(f"gateway answers; options: {sorted(gateway.cluster_options())}")
    with gateway.new_cluster(**json.loads(os.environ["CLUSTER_OPTIONS"])) as cluster:
        say(f"cluster {cluster.name} runs")
        cluster.scale(1)
        with cluster.get_client() as client:
            total = sum(client.gather(client.map(lambda x: x * x, range(100))))
        assert total == 328350, total
        say(f"computed {total}")
say("cluster dismissed")
