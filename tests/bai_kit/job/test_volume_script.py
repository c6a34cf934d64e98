"""The program of helper pods, as a real process on a real folder."""

import hashlib
import json

import pytest

from bai_kit.job.volume_script import NOT_FOUND
from tests.bai_kit.fakes import LocalVolume


@pytest.fixture
def volume(tmp_path):
    root = tmp_path / "volume"
    (root / "bai-1" / "tmp").mkdir(parents=True)
    (root / "bai-1" / "tmp" / "scratch").write_text("123")
    (root / "bai-1" / "results" / "out").mkdir(parents=True)
    (root / "bai-1" / "results" / "out" / "bai.tif").write_text("pixels")
    (root / "bai-1" / "run.log").write_text("a\nb\n")
    return LocalVolume(root)


def test_the_archive_is_the_same_each_time(volume):
    assert volume.run("send", "bai-1", "0") == volume.run("send", "bai-1", "0")


def test_results_are_measured_without_temporary_files(volume):
    assert volume.measure("bai-1") == (2, 10)


def test_folders_are_listed_with_their_sizes(volume):
    (found,) = volume.folders()
    assert found.mtime > 0
    assert (found.job, found.bytes, found.temporary_bytes, found.has_tmp) == ("bai-1", 13, 3, True)


def test_temporary_files_are_removed_alone_and_folders_completely(volume):
    volume.remove("bai-1", only_tmp=True)
    assert not (volume.root / "bai-1" / "tmp").exists()
    assert (volume.root / "bai-1" / "run.log").exists()
    volume.remove("bai-1")
    assert list(volume.root.iterdir()) == []


@pytest.mark.parametrize("name", ["..", ".", "", "bai-1/results", "../volume"])
def test_only_folders_of_jobs_are_touched(volume, name):
    code, _, said = volume.run("remove", name)
    assert (code, b"is not a job's folder" in said) == (1, True)
    assert (volume.root / "bai-1" / "run.log").exists()


def test_logs_are_read_and_other_files_are_not(volume):
    assert volume.log("bai-1") == ["a", "b"]
    assert volume.run("log", "bai-1", "../bai-1/run.log")[0] == 1


@pytest.mark.parametrize("words", [("log", "bai-1", "step.log"), ("outcome", "bai-2"), ("remove", "bai-2")])
def test_what_does_not_exist_has_its_own_exit_code(volume, words):
    assert volume.run(*words)[0] == NOT_FOUND


def test_the_outcome_is_the_failure_event_and_whether_outputs_were_written(volume):
    folder = volume.root / "bai-1"
    (folder / "output.json").touch()
    assert (volume.outcome("bai-1").failure, volume.outcome("bai-1").has_outputs) == (None, False)
    (folder / "output.json").write_text("{}")
    (folder / "failure.json").write_text('{"kind": "step"}')
    assert (volume.outcome("bai-1").failure, volume.outcome("bai-1").has_outputs) == ('{"kind": "step"}', True)


def test_files_are_received_into_the_folder_of_inputs(volume, tmp_path):
    (tmp_path / "a").write_bytes(b"x" * 100_000)
    (tmp_path / "empty").mkdir()
    seen = []
    volume.receive("bai-9", [(tmp_path / "a", "0/a"), (tmp_path / "empty", "1/d")], seen.append)
    assert (volume.root / "bai-9" / "inputs" / "0" / "a").read_bytes() == b"x" * 100_000
    assert (volume.root / "bai-9" / "inputs" / "1" / "d").is_dir()
    assert seen[-1] == 100_000


def test_the_checksum_of_received_files_is_reported(volume):
    stream = b'{"path": "0/a", "bytes": 3}\nabcnull\n'
    out = json.loads(volume.run("receive", "bai-9", stdin=stream)[1])
    assert out == {"bytes": 3, "sha256": hashlib.sha256(b"abc").hexdigest()}


@pytest.mark.parametrize(
    ("stream", "said"),
    [
        (b'{"path": "../../x", "bytes": 0}\nnull\n', b"is not a path in the folder of inputs"),
        (b'{"path": "/etc/x", "bytes": 0}\nnull\n', b"is not a path in the folder of inputs"),
        (b'{"path": "x", "bytes": 9}\nabc', b"6 bytes are missing"),
    ],
)
def test_paths_that_lead_out_and_streams_that_break_are_refused(volume, stream, said):
    code, _, error = volume.run("receive", "bai-9", stdin=stream)
    assert (code, said in error) == (1, True)
