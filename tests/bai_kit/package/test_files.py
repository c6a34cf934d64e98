"""Test where Files and Directories lie, and which of them a job on Kubernetes needs."""

import json
from pathlib import Path

import pytest

from bai_kit.errors import UsageError
from bai_kit.package.files import Upload, collect_uploads, missing_files
from bai_kit.package.inputs import read_params
from bai_kit.package.values import Text
from tests.bai_kit.package.documents import (
    FILE,
    value,
)

NAMES = ["a b.txt", "ü.txt", "50%.txt", "x#1.txt"]


@pytest.mark.parametrize("name", NAMES)
def test_a_path_is_relative_to_the_working_directory_or_to_the_file_of_inputs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / name).touch()
    expected = {"class": "File", "location": (tmp_path / "deep" / name).as_uri()}
    assert value("File", Text(f"deep/{name}")) == expected
    (tmp_path / "deep/in.yaml").write_text(json.dumps({"x": {"class": "File", "path": name}}))
    assert read_params(tmp_path / "deep/in.yaml")["x"] == expected
    assert missing_files(expected) == []


def test_a_directory_is_told_from_a_file(tmp_path: Path) -> None:
    assert value(["File", "Directory"], Text(str(tmp_path)))["class"] == "Directory"
    assert missing_files([{"class": "File", "location": tmp_path.as_uri()}]) == [str(tmp_path)]


def test_a_file_of_inputs_may_import_others(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/src.yml").write_text("{class: File, path: a.txt}")
    (tmp_path / "text.md").write_text("hello\n")
    (tmp_path / "in.yml").write_text("{x: [{$import: sub/src.yml}], y: {$include: text.md}}")
    found = read_params(tmp_path / "in.yml")
    assert found == {"x": [{"class": "File", "location": (tmp_path / "sub/a.txt").as_uri()}], "y": "hello\n"}
    (tmp_path / "in.yml").write_text("{x: {$import: in.yml}}")
    with pytest.raises(UsageError, match=r"in\.yml: it imports itself"):
        read_params(tmp_path / "in.yml")
    (tmp_path / "in.yml").write_text("{x: {$import: none.yml}}")
    with pytest.raises(UsageError, match=r"cannot read .*none\.yml: No such file"):
        read_params(tmp_path / "in.yml")


def test_local_files_become_uploads_and_others_stay(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("a b.txt", "folder")]
    paths[0].touch()
    paths[1].mkdir()
    here = [{"class": "File", "location": paths[0].as_uri()}, {"class": "Directory", "location": paths[1].as_uri()}]
    others = [
        FILE,
        {"class": "File", "location": "file:///calrissian/x"},
        {"class": "File", "contents": "a"},
        5,
        "file:///etc",
    ]
    changed, uploads = collect_uploads({"here": here, "others": others})
    assert uploads == (Upload(paths[0], "0/a b.txt"), Upload(paths[1], "1/folder"))
    assert [found["location"] for found in changed["here"]] == [
        "file:///calrissian/inputs/0/a%20b.txt",
        "file:///calrissian/inputs/1/folder",
    ]
    assert changed["others"] == others


def test_files_that_do_not_exist_are_all_named_before_anything_is_uploaded() -> None:
    values = [{"class": "File", "location": f"file:///none/{name}"} for name in "ab"]
    with pytest.raises(UsageError, match=r"^inputs: /none/a does not exist; /none/b does not exist$"):
        collect_uploads(values)
