"""Test a scheduler that loads its dashboard for the first who looks at it."""

import json
import subprocess
import sys

SCRIPT = """
import asyncio, json, sys
from types import SimpleNamespace
from distributed import Scheduler
from tornado.httpclient import AsyncHTTPClient
from cwl_dask.local import dashboard

async def main():
    async with Scheduler(port=0, host="127.0.0.1", dashboard=False, dashboard_address="127.0.0.1:0") as scheduler:
        gateway = scheduler.services["gateway"] = SimpleNamespace(heartbeat_initial=0.25, stop=lambda: None)
        dashboard.dask_setup(scheduler)
        port = scheduler.http_server.port
        found = [gateway.heartbeat_initial, "bokeh" in sys.modules]
        for path in ("health", "status", "status", "workers"):
            answer = await AsyncHTTPClient().fetch(f"http://127.0.0.1:{port}/{path}", raise_error=False)
            found += [answer.code, "bokeh" in sys.modules]
        print(json.dumps(found))

asyncio.run(main())
"""


def test_the_dashboard_is_loaded_by_the_first_request_for_it():
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True, timeout=60)
    assert json.loads(done.stdout) == [0, False, 200, False, 200, True, 200, True, 200, True]
