"""Which paths a package can make its runner open."""

import os
import socket
from pathlib import Path

import pytest
import requests
from schema_salad.exceptions import ValidationException

from cwl_dask.core import files
from cwl_dask.core.files import FileAccessError, check_objects, check_path, check_tree, confined, confined_fetcher


@pytest.fixture
def job(tmp_path):
    """A job's folder, with a link out of it, and another job's folder beside it."""
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "secret.txt").write_text("secret")
    (tmp_path / "job").mkdir()
    (tmp_path / "job" / "own.txt").write_text("own")
    (tmp_path / "job" / "inner").symlink_to("own.txt")
    (tmp_path / "job" / "out").symlink_to(tmp_path / "other" / "secret.txt")
    (tmp_path / "job" / "folder").symlink_to(tmp_path / "other")
    return tmp_path / "job"


@pytest.fixture
def access(job):
    return confined(lambda: {str(job)})("")


def test_files_of_the_job_are_read(job, access):
    with access.open(str(job / "inner"), "r") as file:
        assert file.read() == "own"
    assert access.glob(str(job / "o*.txt")) == [(job / "own.txt").as_uri()]
    assert access.isfile((job / "own.txt").as_uri())
    assert not access.exists(str(job / "absent"))


@pytest.mark.parametrize(
    "path", ["out", "folder", "folder/secret.txt", "../other/secret.txt", "/etc/hostname", "out/.."]
)
@pytest.mark.parametrize("use", ["open", "glob", "size", "exists", "isfile", "isdir", "listdir"])
def test_nothing_outside_of_the_job_is_read(job, access, path, use):
    arguments = ["r"] if use == "open" else []
    with pytest.raises(FileAccessError, match=r"cannot read .*outside of the job's folders"):
        getattr(access, use)(str(job / path), *arguments)


def test_a_pattern_does_not_lead_out_over_a_link_to_a_folder(job, access):
    with pytest.raises(FileAccessError, match="is a link to"):
        access.glob(str(job / "*/secret.txt"))


@pytest.mark.parametrize("use", ["glob", "listdir"])
def test_a_name_that_is_not_utf8_is_refused(job, access, use):
    Path(os.fsdecode(bytes(job / "folder-of-mine"))).mkdir()
    Path(os.fsdecode(bytes(job / "folder-of-mine") + b"/odd\xff")).touch()
    with pytest.raises(FileAccessError, match=r"cannot read .*odd\\udcff' is not UTF-8"):
        getattr(access, use)(str(job / "folder-of-mine" / ("*" if use == "glob" else "")))


@pytest.mark.parametrize(("use", "arguments"), [("open", ["r"]), ("listdir", [])])
def test_what_cannot_be_read_is_one_line(job, access, use, arguments):
    with pytest.raises(FileAccessError, match=r"cannot read .*absent: No such file or directory"):
        getattr(access, use)(str(job / "absent"), *arguments)


def test_a_link_is_named_with_its_target(job):
    with pytest.raises(FileAccessError) as refusal:
        check_path(str(job / "out"), {str(job)})
    target = job.parent / "other/secret.txt"
    assert str(refusal.value) == f"cannot read {job}/out: it is a link to {target}, outside of the job's folders"


def test_special_files_are_refused_before_they_are_opened(job, monkeypatch):
    os.mkfifo(job / "pipe")
    monkeypatch.chdir(job)  # a socket has a short path
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
    (job / "device").symlink_to("/dev/zero")
    for name, kind in (("pipe", "a named pipe"), ("socket", "a socket"), ("device", "a device")):
        with pytest.raises(FileAccessError, match=f"{name}: it is {kind}; only files and folders"):
            check_path(str(job / name), None)
    with pytest.raises(FileAccessError):
        check_tree(str(job), None)


def test_a_folder_is_checked_to_its_depth_and_an_output_with_everything_in_it(job):
    (job / "results" / "deep").mkdir(parents=True)
    check_objects({"r": [{"class": "Directory", "location": (job / "results").as_uri()}]}, {str(job)})
    (job / "results" / "deep" / "token").symlink_to("/var/run/secrets/token")
    with pytest.raises(FileAccessError, match="deep/token: it is a link to /"):
        check_objects({"r": [{"class": "Directory", "location": (job / "results").as_uri()}]}, {str(job)})


def test_addresses_of_the_network_and_literals_are_no_files():
    value = [{"class": "File", "location": "http://x/y"}, {"class": "File", "contents": "text"}]
    check_objects(value, set())
    assert confined(set)("")._abs("http://x/y") == "http://x/y"


def test_documents_are_read_in_the_folders_of_the_package_alone(job):
    fetcher = confined_fetcher(lambda: {str(job)})({}, None)
    assert fetcher.fetch_text((job / "own.txt").as_uri()) == "own"
    for path in (job / "out", job.parent / "other" / "secret.txt"):
        with pytest.raises(ValidationException, match="outside of the job's folders"):
            fetcher.fetch_text(path.as_uri())


def test_a_server_that_does_not_answer_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(files, "NETWORK_S", (0.2, 0.2))
    with socket.create_server(("127.0.0.1", 0)) as silent, requests.Session() as session:
        fetcher = files.QuickFetcher({}, session)
        with pytest.raises(ValidationException, match="timed out"):
            fetcher.fetch_text(f"http://127.0.0.1:{silent.getsockname()[1]}/schema.rdf")
