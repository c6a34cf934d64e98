"""Results come whole or not at all: the real script that runs in the pod, and connections that break."""

import hashlib
import io
import json
import tarfile
from pathlib import Path

import pytest

from bai_kit.errors import OutputError, RemoteError, UsageError
from bai_kit.job import results
from bai_kit.job.results import Limits, fetch
from tests.bai_kit.fakes import LocalVolume


@pytest.fixture
def volume(tmp_path, monkeypatch):
    monkeypatch.setattr(results.time, "sleep", lambda _: None)
    root = tmp_path / "volume"
    out = root / "bai-1" / "results" / "out"
    out.mkdir(parents=True)
    (out / "bai.tif").write_bytes(bytes(range(256)) * 1200)
    (out / "catalog.json").write_text("{}")
    (root / "bai-1" / "run.log").write_text("a\nb\n")
    (root / "bai-1" / "tmp").mkdir()
    (root / "bai-1" / "tmp" / "scratch").write_text("123")
    return LocalVolume(root)


def names(directory):
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file())


def test_results_and_log_come_home_but_nothing_temporary(volume, tmp_path):
    seen = []
    found = fetch(volume, "bai-1", tmp_path / "home", progress=seen.append)
    assert names(tmp_path / "home") == ["bai.tif", "catalog.json", "run.log"]
    assert (tmp_path / "home" / "bai.tif").read_bytes() == bytes(range(256)) * 1200
    assert (found.files, found.bytes) == (3, seen[-1])
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_several_outputs_keep_their_places(volume, tmp_path):
    (volume.root / "bai-1" / "results" / "more.txt").write_text("x")
    fetch(volume, "bai-1", tmp_path / "home")
    assert names(tmp_path / "home") == ["more.txt", "out/bai.tif", "out/catalog.json", "run.log"]


def test_a_transfer_that_breaks_goes_on_where_it_stopped(volume, tmp_path):
    sent = []
    whole = volume.send

    def counted(job, offset, *options):
        sent.append(offset)
        return whole(job, offset, *options)

    volume.send = counted
    volume.breaks_after = [0, 1000, 200_000]
    found = fetch(volume, "bai-1", tmp_path / "home")
    assert sent == [0, 0, 1000, 201_000]
    assert found.files == 3


def test_a_transfer_that_keeps_breaking_leaves_no_directory_and_the_next_call_goes_on(volume, tmp_path):
    volume.breaks_after = [10] * results.TRIES
    with pytest.raises(RemoteError, match=r"reset .*try 5 of 5"):
        fetch(volume, "bai-1", tmp_path / "home")
    assert not (tmp_path / "home").exists()
    assert (tmp_path / ".home.bai-1.part").stat().st_size == 10 * results.TRIES
    assert fetch(volume, "bai-1", tmp_path / "home").files == 3


def test_a_part_of_something_else_is_thrown_away(volume, tmp_path):
    (tmp_path / ".home.bai-1.part").write_bytes(b"x" * 5000)
    assert fetch(volume, "bai-1", tmp_path / "home").files == 3


def test_a_directory_that_holds_something_is_never_mixed_with(volume, tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "mine").touch()
    with pytest.raises(UsageError, match="not empty"):
        fetch(volume, "bai-1", tmp_path / "home")
    assert names(tmp_path / "home") == ["mine"]


def test_an_empty_directory_is_used(volume, tmp_path):
    (tmp_path / "home").mkdir()
    assert fetch(volume, "bai-1", tmp_path / "home").files == 3


def test_the_working_directory_is_used_and_stays_the_same_one(volume, tmp_path, monkeypatch):
    (tmp_path / "home").mkdir()
    monkeypatch.chdir(tmp_path / "home")
    assert fetch(volume, "bai-1", Path()).files == 3
    assert sorted(path.name for path in Path().iterdir()) == ["bai.tif", "catalog.json", "run.log"]
    assert [entry.name for entry in tmp_path.iterdir() if entry.name.startswith(".")] == []


def test_a_disk_that_takes_nothing_is_said_so_with_the_reason(volume, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"cannot write results to .*file/home: (File exists|Not a directory)"):
        fetch(volume, "bai-1", tmp_path / "file" / "home")


def test_a_job_that_left_nothing_is_said_to_have_left_nothing(volume, tmp_path):
    with pytest.raises(RemoteError, match="no folder of job bai-2"):
        fetch(volume, "bai-2", tmp_path / "home")
    assert not (tmp_path / "home").exists()


class EvilVolume:
    def __init__(self, member):
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            tar.addfile(member)
        self.bytes = archive.getvalue()

    def measure(self, job, *options):
        return 1, 0

    def send(self, job, offset, *options):
        yield 1, self.bytes[offset:]
        said = {"bytes": len(self.bytes), "sha256": hashlib.sha256(self.bytes).hexdigest()}
        yield 2, json.dumps(said).encode()


def link(name, target):
    member = tarfile.TarInfo(name)
    member.type, member.linkname = tarfile.SYMTYPE, target
    return member


@pytest.mark.parametrize("member", [tarfile.TarInfo("../evil"), link("evil", "/etc/passwd"), link("a", "../../b")])
def test_an_archive_that_leads_out_of_the_directory_is_not_unpacked(member, tmp_path):
    with pytest.raises(RemoteError, match="must not be unpacked"):
        fetch(EvilVolume(member), "bai-1", tmp_path / "deep" / "home")
    assert not (tmp_path / "deep" / "home").exists()


def test_the_archive_is_the_same_each_time(volume):
    assert volume.run("send", "bai-1", "0") == volume.run("send", "bai-1", "0")


@pytest.mark.parametrize("limits", [Limits(files=2), Limits(bytes=1000)])
def test_results_beyond_a_limit_are_refused_before_anything_is_written(volume, tmp_path, limits):
    with pytest.raises(OutputError, match=r"job bai-1 has 3 files with 0.3 MB; the limits are"):
        fetch(volume, "bai-1", tmp_path / "home", limits=limits)
    assert [path.name for path in tmp_path.iterdir()] == ["volume"]


def test_a_disk_that_is_too_small_is_named_before_anything_is_written(volume, tmp_path, monkeypatch):
    monkeypatch.setattr(results.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 1_000}))
    with pytest.raises(OutputError, match=r"0.6 MB are needed, 0.0 MB are free") as caught:
        fetch(volume, "bai-1", tmp_path / "home")
    assert (caught.value.exit_code, caught.value.hint) == (4, "bai-kit results bai-1 -o DIRECTORY_ON_ANOTHER_DISK")
    assert [path.name for path in tmp_path.iterdir()] == ["volume"]


def test_what_a_killed_fetch_left_is_removed_by_the_next_one(volume, tmp_path):
    (tmp_path / ".home.other.part").write_bytes(b"x")
    (tmp_path / ".home.other.new").mkdir()
    (tmp_path / ".elsewhere.other.part").write_bytes(b"x")
    fetch(volume, "bai-1", tmp_path / "home")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".elsewhere.other.part", "home", "volume"]


def test_a_directory_whose_name_is_a_pattern_matches_itself_alone(volume, tmp_path):
    (tmp_path / ".home.other.part").write_bytes(b"x")
    (tmp_path / ".h[aou]me.other.part").write_bytes(b"x")
    fetch(volume, "bai-1", tmp_path / "h[aou]me")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".home.other.part", "h[aou]me", "volume"]


def test_two_fetches_of_one_job_do_not_mix(volume, tmp_path):
    with (tmp_path / ".home.bai-1.part").open("ab") as other:
        results.fcntl.flock(other, results.fcntl.LOCK_EX)
        with pytest.raises(OutputError, match="another command is fetching"):
            fetch(volume, "bai-1", tmp_path / "home")


def test_the_steps_whole_output_comes_on_request(volume, tmp_path):
    (volume.root / "bai-1" / "step.log").write_text("all")
    assert fetch(volume, "bai-1", tmp_path / "home").files == 3
    assert fetch(volume, "bai-1", tmp_path / "more", keep_log=True).files == 4
    assert (tmp_path / "more" / "step.log").read_text() == "all"


def test_an_empty_folder_is_not_listed_because_only_root_could_remove_it(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    (tmp_path / "one" / "run.log").write_text("x")
    out = LocalVolume(tmp_path).run("list")[1]
    assert [json.loads(line)["job"] for line in out.splitlines()] == ["one"]


def test_the_outputs_object_lies_beside_the_results_of_every_fetch(volume, tmp_path):
    printed = {"map": {"class": "Directory", "location": "file:///calrissian/results/out", "basename": "out"}, "n": 2}
    (volume.root / "bai-1" / "output.json").write_text(json.dumps(printed))
    found = fetch(volume, "bai-1", tmp_path / "home")
    assert (found.outputs["n"], found.files) == (2, len(list((tmp_path / "home").rglob("*.*"))))
    assert json.loads((tmp_path / "home" / "outputs.json").read_text()) == found.outputs


def test_a_disk_that_is_full_while_unpacking_leaves_no_directory_and_keeps_what_arrived(volume, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    (volume.root / "bai-1" / "output.json").write_text("{}")
    monkeypatch.setattr(results, "save", full)
    with pytest.raises(OutputError, match="No space left on device") as caught:
        fetch(volume, "bai-1", tmp_path / "home")
    assert (caught.value.exit_code, caught.value.hint) == (4, f"bai-kit results bai-1 -o {tmp_path / 'home'}")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".home.bai-1.part", "volume"]
