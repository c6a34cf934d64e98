"""Test which files become a part of a package."""

import json
from pathlib import Path

import pytest

from bai_kit.errors import PackageError
from bai_kit.package import document as packages
from cwl_dask.core.files import QuickFetcher
from tests.bai_kit.package.documents import (
    convert,
    tool,
    with_default,
    workflow,
)


def test_includes_are_embedded(tmp_path: Path) -> None:
    (tmp_path / "text.md").write_text("Says it.\n")
    assert convert(tool(tmp_path, more="doc: {$include: text.md}\n"))["doc"] == "Says it.\n"


SUBCLASS = "<http://e.org/sub> <http://www.w3.org/2000/01/rdf-schema#subClassOf> <http://e.org/top> .\n"


def with_format(folder: Path, schemas: str, *, form: str = "format: 'http://e.org/top', ") -> Path:
    path = tool(folder, command="cat", more=f"$schemas: {schemas}\n")
    path.write_text(path.read_text().replace("{type: string, inputBinding", f"{{type: File, {form}inputBinding"))
    return path


def test_a_schema_travels_with_the_package_and_its_formats_are_known_to_the_runner(tmp_path: Path) -> None:
    (tmp_path / "kinds.ttl").write_text(SUBCLASS)
    path = with_format(tmp_path, "kinds.ttl")
    (embedded,) = convert(path)["$schemas"]
    assert embedded.startswith("data:,%3Chttp%3A//e.org/sub%3E")
    assert QuickFetcher({}, None).fetch_text(embedded) == SUBCLASS
    whole = workflow(tmp_path, "tool.cwl")
    with_format(tmp_path, "[kinds.ttl]")
    whole.write_text(whole.read_text().replace("text: string", "text: File"))
    (tmp_path / "converted.json").write_text(packages.convert(whole))
    assert convert(tmp_path / "converted.json")["$schemas"] == [embedded]


def test_schemas_that_nothing_uses_or_that_cannot_be_fetched_are_not_embedded(tmp_path: Path) -> None:
    assert "$schemas" not in convert(with_format(tmp_path, "['http://127.0.0.1:9/s.rdf']", form=""))
    assert convert(with_format(tmp_path, "['http://127.0.0.1:9/s.rdf']"))["$schemas"] == ["http://127.0.0.1:9/s.rdf"]
    (tmp_path / "large.ttl").write_text("#" * 70_000)
    path = with_format(tmp_path, "large.ttl")
    assert "large.ttl" in packages.read_package(path, portable=False).text
    with pytest.raises(PackageError, match=r"cannot make the schema .*large\.ttl a part of the package: more than"):
        convert(path)


@pytest.mark.parametrize("schema", ["none.ttl", "../outside.ttl"])
def test_a_schema_that_cannot_be_read_is_left_out_with_a_warning(
    tmp_path: Path, schema: str, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "outside.ttl").write_text(SUBCLASS)
    (tmp_path / "package").mkdir()
    assert convert(with_format(tmp_path / "package", f"[{schema}]"))["$schemas"] == []
    assert "formats are compared without the schema" in caplog.text


@pytest.mark.parametrize("name", ["legend.txt", "a b%23ü.txt"])
def test_a_default_file_travels_with_the_package(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("legend")
    packed = convert(with_default(tmp_path, json.dumps({"class": "File", "path": name})))
    assert packed["inputs"]["text"]["default"] == {"class": "File", "basename": name, "contents": "legend"}


def test_a_default_directory_travels_too(tmp_path: Path) -> None:
    (tmp_path / "parts/deep").mkdir(parents=True)
    (tmp_path / "parts/deep/a.txt").write_text("a")
    found = convert(with_default(tmp_path, "{class: Directory, location: parts}", "Directory"))["inputs"]["text"][
        "default"
    ]
    assert found["listing"][0]["listing"] == [{"class": "File", "basename": "a.txt", "contents": "a"}]


@pytest.mark.parametrize(
    ("data", "reason"), [(bytes(70_000), "has 70000 bytes; 65536 fit"), (b"\xff", "is not UTF-8 text")]
)
def test_a_default_file_that_cannot_travel_is_named_and_stays_where_it_is_for_a_run_here(
    tmp_path: Path, data: bytes, reason: str
) -> None:
    (tmp_path / "big.bin").write_bytes(data)
    path = with_default(tmp_path, "{class: File, location: big.bin}")
    with pytest.raises(PackageError, match=rf"big\.bin a part of the package: the file {reason}"):
        packages.convert(path)
    here = json.loads(packages.read_package(path, portable=False).text)
    assert here["inputs"]["text"]["default"]["location"] == (tmp_path / "big.bin").as_uri()


def test_a_default_file_outside_the_folder_is_refused_and_a_missing_one_may_be_given(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match="cannot read /etc/hostname: the file is outside the package's folder"):
        packages.convert(with_default(tmp_path, "{class: File, location: /etc/hostname}"))
    assert convert(with_default(tmp_path, "{class: File, location: none.txt}"))
