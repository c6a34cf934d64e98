"""Run a package as a platform does: python pycalrissian_run.py NAMESPACE PACKAGE PARAMS GATEWAY_URL

Needs pycalrissian. CALRISSIAN_IMAGE names the image. Makes the namespace, prints the job's log, and ends with 1 when the
job did not succeed.
"""

import functools
import json
import sys
from pathlib import Path

from pycalrissian.context import CalrissianContext
from pycalrissian.execution import CalrissianExecution
from pycalrissian.job import CalrissianJob

# A test cluster has its images on the node and no registry to ask.
patched = functools.partial(CalrissianJob.create_container, pull_policy="IfNotPresent")
CalrissianJob.create_container = staticmethod(patched)


def main(namespace: str, package: str, params: str, gateway: str) -> int:
    """Start the job, follow it to its end, and print its log."""
    labels = {"platform.example/jobs": "true"}
    context = CalrissianContext(namespace, storage_class="standard", volume_size="1Gi", labels=labels)
    context.initialise()
    job = CalrissianJob(
        cwl=json.loads(Path(package).read_text()),
        params=json.loads(params),
        runtime_context=context,
        cwl_entry_point="main",
        max_ram="4G",
        max_cores="2",
        pod_env_vars={"PLATFORM": "example"},
        debug=True,
        no_read_only=True,
        tool_logs=True,
        backoff_limit=0,
        dask_gateway_url=gateway,
        dask_script_configmap="dask-scripts",
    )
    execution = CalrissianExecution(job=job, runtime_context=context)
    execution.submit()
    execution.monitor(interval=1, grace_period=60)
    sys.stdout.write(execution.get_log())
    return 0 if execution.is_succeeded() else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
