"""Test lines on standard error and in the job's log."""

import logging
import re
import threading
from pathlib import Path

import pytest

from cwl_dask.core import output


@pytest.fixture
def lines(capfd):
    """Send all loggers to an output, and restore the handlers afterwards."""
    root = logging.getLogger()
    handlers, level, hook = root.handlers[:], root.level, output.sys.excepthook
    root.handlers.clear()
    made = output.Output()
    output.install(made)
    yield made
    root.handlers[:] = handlers
    root.setLevel(level)
    output.sys.excepthook = hook


def test_a_record_has_the_form_that_users_know(lines, capfd, tmp_path):
    lines.open(str(tmp_path / "job" / "run.log"))
    logging.getLogger("cwl_dask.core.claim").info("claimed cluster %s", "abc")
    said = capfd.readouterr().err
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} \| INFO     \| cwl_dask\.core\.claim:test_a_record\w+:\d+ - claimed cluster abc\n",
        said,
    )
    assert (tmp_path / "job" / "run.log").read_text() == said


def test_a_log_that_is_there_is_continued(lines, capfd, tmp_path):
    path = tmp_path / "run.log"
    path.write_text("before\n")
    lines.open(str(path))
    lines.say("after")
    assert path.read_text() == "before\nafter\n"


def test_lines_of_many_threads_do_not_mix(lines, capfd, tmp_path):
    path = tmp_path / "run.log"
    lines.open(str(path))
    texts = [letter * 5000 for letter in "abcdef"]
    threads = [threading.Thread(target=lambda text=text: [lines.say(text) for _ in range(20)]) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(path.read_text().split()) == sorted(texts * 20)


def test_a_full_volume_does_not_end_the_run(lines, capfd):
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full")
    lines.open("/dev/full")
    lines.say("still here")
    assert capfd.readouterr().err == "still here\n"


def test_an_exception_that_nobody_catches_is_in_the_log_too(lines, capfd, tmp_path):
    path = tmp_path / "run.log"
    lines.open(str(path))
    output.sys.excepthook(RuntimeError, RuntimeError("broken"), None)
    assert "unexpected error" in path.read_text()
    assert "RuntimeError: broken" in path.read_text()
