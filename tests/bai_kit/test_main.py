"""The entry point of the process."""

import signal
import subprocess
import sys

# Loading the command line waits, as on a slow disk, so that the signal arrives meanwhile.
SLOW = """
import importlib.abc, os, signal, sys, time
class Slow(importlib.abc.MetaPathFinder):
    def find_spec(self, name, *_):
        if name == "bai_kit.cli.app":
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(20)
sys.meta_path.insert(0, Slow())
signal.signal(signal.SIGINT, signal.default_int_handler)
from bai_kit.__main__ import main
main()
"""


def test_ctrl_c_while_the_command_line_loads_shows_no_traceback():
    done = subprocess.run([sys.executable, "-c", SLOW], capture_output=True, check=False, timeout=15)
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"")


def test_a_shells_background_job_goes_on_ignoring_sigint():
    code = (
        f"import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n{SLOW.replace('default_int_handler', 'SIG_IGN')}"
    )
    done = subprocess.run(
        [sys.executable, "-c", code.replace("time.sleep(20)", "None"), "--version"],
        capture_output=True, check=False, timeout=15,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, b"")
    assert signal.SIGINT
