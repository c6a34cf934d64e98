"""The program that evaluates JavaScript, alone."""

import json
import subprocess
import sys

from cwl_dask.core.javascript import HEAP_BYTES, PROGRAM


def test_one_request_a_line_one_answer_a_line():
    requests = [{"code": code, "timeout_s": 5, "heap_bytes": HEAP_BYTES} for code in ("'a' + 1", "undefined", "x.y")]
    text = "".join(f"{json.dumps(request)}\n" for request in requests)
    ended = subprocess.run(
        [sys.executable, "-I", PROGRAM], input=text, capture_output=True, env={}, text=True, check=True
    )
    first, second, third = map(json.loads, ended.stdout.splitlines())
    assert (first, second) == ({"value": "a1"}, {"value": None})
    assert "ReferenceError: x is not defined" in third["error"]
