"""Test schedulers and workers that are forks, from a process of its own: this one has threads."""

import json
import os
import subprocess
import sys

from tests.local.steps import eventually

SCRIPT = """
import asyncio, json, os, sys, signal
from pathlib import Path
from cwl_dask.local import forks

def seen():
    import numpy
    return numpy.random.random(), os.getcwd(), os.environ.get("GIVEN"), os.environ.get("SECRET"), os.getsid(0)

async def main(folder):
    from distributed import Client
    forks.warm_up()
    address = ["--host", "127.0.0.1", "--dashboard-address", "127.0.0.1:0", "--no-dashboard"]
    env = {"GIVEN": "yes", "DASK_DISTRIBUTED__WORKER__MEMORY__TARGET": "0.5"}
    started = [forks.start(["scheduler", "--port", "0", "--scheduler-file", "found", *address], env, folder, folder / "s")]
    while not (folder / "found").exists():
        await asyncio.sleep(0.02)
    worker = ["worker", "--no-nanny", "--nthreads", "1", *address, "--scheduler-file", "found"]
    started += [forks.start(worker, env, folder, folder / f"w{number}") for number in range(2)]
    async with Client(scheduler_file=str(folder / "found"), asynchronous=True) as client:
        await client.wait_for_workers(2)
        answers = await client.run(seen)
    os.kill(started[1], signal.SIGKILL)
    while Path(f"/proc/{started[1]}").exists():  # until it is waited for
        await asyncio.sleep(0.02)
    print(json.dumps([started, list(answers.values())]), flush=True)
    sys.stdin.read()

asyncio.run(main(Path(sys.argv[1])))
"""


def test_forks_have_an_environment_and_random_numbers_of_their_own_and_end_with_their_parent(tmp_path, left_running):
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    env = os.environ | {"SECRET": "of the parent"}
    with subprocess.Popen([sys.executable, "-c", SCRIPT, str(tmp_path)], env=env, **pipes) as parent:
        started, (one, other) = json.loads(parent.stdout.readline())
        assert one[0] != other[0]
        assert one[1:] == [str(tmp_path), "yes", None, one[-1]]
        assert one[-1] in started
        assert len(left_running()) == 3
        parent.kill()
    eventually(lambda: left_running() == [])


def test_a_wrong_option_is_in_the_log_and_ends_the_fork(tmp_path):
    script = (
        "import asyncio, os, sys\nfrom pathlib import Path\nfrom cwl_dask.local import forks\n"
        "async def main():\n"
        "    forks.start(['worker', '--nthreads', 'x'], {}, '/', Path(sys.argv[1]))\n"
        "    while Path(f'/proc/self/task/{os.getpid()}/children').read_text():\n"
        "        await asyncio.sleep(0.02)\n"
        "asyncio.run(main())\n"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "log")], check=True, timeout=60)
    assert "--nthreads" in (tmp_path / "log").read_text()
