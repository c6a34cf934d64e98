"""Local files as inputs: what is uploaded, limits, and that nothing is left without a job."""

from contextlib import contextmanager

import pytest

from bai_kit.errors import RemoteError, UsageError
from bai_kit.job import inputs
from bai_kit.job.inputs import list_files, uploaded
from bai_kit.progress import Progress
from tests.bai_kit.fakes import FakeKube, LocalVolume, job_object


@pytest.fixture
def volume(tmp_path, monkeypatch):
    local = LocalVolume(tmp_path / "volume")
    local.root.mkdir()

    @contextmanager
    def opened(*_, **__):
        yield local

    monkeypatch.setattr(inputs, "open_volume", opened)
    return local


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "source"
    (folder / "deep").mkdir(parents=True)
    (folder / "a").write_text("aa")
    (folder / "deep" / "b").write_text("bbb")
    return folder


def test_directories_become_their_files(source, tmp_path):
    (tmp_path / "empty").mkdir()
    found = list_files([(source, "0/source"), (source / "a", "1/a"), (tmp_path / "empty", "2/empty")])
    assert [target for _, target in found] == [
        "0/source/a",
        "0/source/deep/b",
        "1/a",
        "2/empty",
    ]


def test_too_much_is_refused_with_the_numbers(source):
    with pytest.raises(UsageError, match=r"the inputs' files have 0.0 MB; the limit is 0.0 MB") as caught:
        list_files([(source, "0/source")], limit=4)
    assert "BAI_KIT_UPLOAD_SIZE" in caught.value.hint


def test_a_path_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"cannot upload .*nothing: not a file or directory"):
        list_files([(tmp_path / "nothing", "0/nothing")])


def test_files_are_on_the_volume_before_the_job_is_created(volume, source):
    with uploaded(FakeKube(), None, "one", list_files([(source, "0/source")]), Progress()):
        assert (volume.root / "one" / "inputs" / "0" / "source" / "deep" / "b").read_text() == "bbb"
    assert (volume.root / "one").exists()


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RemoteError("no")])
def test_nothing_is_left_when_no_job_is_created(volume, source, error):
    with (
        pytest.raises(type(error)),
        uploaded(FakeKube(), None, "one", list_files([(source, "0/s")]), Progress()),
    ):
        raise error
    assert list(volume.root.iterdir()) == []


def test_the_inputs_of_a_job_that_was_created_after_all_stay(volume, source):
    kube = FakeKube(("jobs", job_object("one")))
    with pytest.raises(RemoteError), uploaded(kube, None, "one", list_files([(source, "0/s")]), Progress()):
        raise RemoteError("no answer")
    assert (volume.root / "one").exists()


def test_without_files_no_pod_is_started():
    with uploaded(FakeKube(), None, "one", (), Progress()):
        pass
