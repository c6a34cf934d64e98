"""Test lines on standard error and in the job's log."""

import json
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


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cannot fetch https://ada:s3cret@host/a.json: 404", "cannot fetch https://host/a.json: 404"),
        ("'s3://key:se/cret@bucket' is no URL", "'s3://key:se/cret@bucket' is no URL"),
        ("https://h/a?sv=1&sig=x%2Fy&se=2", "https://h/a?sv=1&sig=***&se=2"),
        ("https://h/a?X-Amz-Signature=abc,https://h/b", "https://h/a?X-Amz-Signature=***"),
        ("mail ada@host, key=1", "mail ada@host, key=1"),
    ],
)
def test_credentials_of_urls_are_in_no_line(text, expected):
    assert output.public(text) == expected
    assert json.loads(output.as_json(text))["message"] == expected
