"""What a package takes, what a user gives, and every way in which the two may not fit."""

import json
from pathlib import Path
from typing import Any

import pytest

from bai_kit.errors import PackageError, UsageError
from bai_kit.package.inputs import (
    Text,
    Upload,
    check_inputs,
    collect_uploads,
    missing_files,
    package_inputs,
    parse_params,
    read_params,
    words,
)

ENUM = {"type": "enum", "symbols": ["dnbr", "rbr"]}
RECORD = {"type": "record", "fields": {"label": "string", "km2": "double"}}
FILE = {"class": "File", "location": "https://host/a.json"}


def package(inputs: dict) -> dict:
    return {"cwlVersion": "v1.2", "class": "CommandLineTool", "baseCommand": "echo", "inputs": inputs, "outputs": []}


def value(kind: Any, given: Any) -> Any:
    return check_inputs(package_inputs(package({"x": {"type": kind}})), {"x": given})["x"]


def test_inputs_come_in_the_package_s_order_and_say_which_must_be_given() -> None:
    inputs = {"url": "string", "size": {"type": "int?"}, "index": {"type": ENUM, "default": "dnbr"}, "a": "File[]"}
    found = package_inputs(package(inputs))
    assert [(entry.name, words(entry.type), entry.required) for entry in found] == [
        ("url", "string", True),
        ("size", "int", False),
        ("index", "one of dnbr, rbr", False),
        ("a", "a list of File", True),
    ]


def test_a_package_without_an_entry_point_is_refused() -> None:
    graph = [{**package({}), "id": name} for name in "ab"]
    with pytest.raises(PackageError, match="several processes could be run"):
        package_inputs(
            {"cwlVersion": "v1.2", "$graph": [{k: v for k, v in p.items() if k != "cwlVersion"} for p in graph]}
        )


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("string", "5", "5"),
        ("string", '"5"', '"5"'),
        ("string?", "null", "null"),
        ("int", "5", 5),
        ("int", "007", 7),
        ("float", "0.5", 0.5),
        ("double", "1e3", 1000.0),
        ("boolean", "true", True),
        ("boolean", "No", False),
        (["int", "boolean"], "yes", True),
        (ENUM, "rbr", "rbr"),
        ("File", "https://host/a.json", FILE),
        ("File", "/calrissian/a%.json", {"class": "File", "location": "file:///calrissian/a%25.json"}),
        ("File", '{"class": "File", "location": "https://host/a.json"}', FILE),
        ("stdin", "https://host/a.json", FILE),
        ("int[]", "1,2", [1, 2]),
        ("float[]", "[1, 2.5]", [1, 2.5]),
        ("string[]", "a", ["a"]),
        ("File[]", '["https://host/a.json"]', [FILE]),
        ("int?", "", None),
        ("int?", "null", None),
        (["string", "int"], "5", 5),
        (["int", "string"], "007", "007"),
        (["int", "string"], '"5"', "5"),
        (["boolean", "string"], "true", True),
        (["null", RECORD], '{"label": "north", "km2": 12.5}', {"label": "north", "km2": 12.5}),
        ({"type": "array", "items": RECORD}, '[{"label": "5", "km2": 1}]', [{"label": "5", "km2": 1}]),
        ({"type": "record", "fields": {"src": "File"}}, '{"src": "https://host/a.json"}', {"src": FILE}),
        ("Any", "5", 5),
        ("Any", "five", "five"),
        ("Any", '["a"]', ["a"]),
    ],
)
def test_text_from_the_command_line_is_read_by_the_type(kind: Any, text: str, expected: Any) -> None:
    found = value(kind, Text(text))
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        (["int", "string"], "5"),
        ("double", 2),
        ("boolean", True),
        ("int[]", [1]),
        ("string[]", ["a,b"]),
        ("Any", {"a": 1}),
        ("int?", None),
    ],
)
def test_a_value_from_a_file_stays_as_it_is(kind: Any, given: Any) -> None:
    assert value(kind, given) == given


@pytest.mark.parametrize(
    ("kind", "given", "said"),
    [
        ("int", Text("5.5"), 'x must be int, not "5.5"'),
        ("int", Text("3000000000"), 'x must be int, not "3000000000"'),
        ("int", "5", 'x must be int, not "5"'),
        ("int", True, "x must be int, not true"),
        ("float", Text("nan"), 'x must be float, not "nan"'),
        ("float", float("inf"), "x must be float, not Infinity"),
        ("string", 5, "x must be string, not 5"),
        ("boolean", Text("1"), 'x must be boolean, not "1"'),
        (ENUM, Text("nbr"), 'x must be one of dnbr, rbr, not "nbr"'),
        ("File", {"class": "Directory", "location": "a"}, "x must be File"),
        ("File", "a.txt", 'x must be File, not "a.txt"'),
        ("File", Text(""), "x must be File"),
        ("int[]", Text("1,b"), "x must be a list of int"),
        ("int[]", Text("[1"), "x must be a list of int"),
        ("int[]", 1, "x must be a list of int"),
        (RECORD, Text("a"), "x must be a record of {km2: double, label: string}"),
        (RECORD, Text('{"label": 5, "km2": 1}'), "x must be a record"),
        ("string", Text("["), None),
    ],
)
def test_a_value_of_the_wrong_type_is_named_with_the_right_type(kind: Any, given: Any, said: str | None) -> None:
    if said is None:
        assert value(kind, given) == given
        return
    with pytest.raises(UsageError) as caught:
        value(kind, given)
    assert said in caught.value.message


def test_all_that_is_wrong_is_said_at_once() -> None:
    found = package_inputs(package({"url": "string", "size": "int?", "none": "string"}))
    with pytest.raises(UsageError) as caught:
        check_inputs(found, {"size": "big", "colour": "red", "none": None, "cwl:tool": "a"})
    assert caught.value.message == (
        'inputs: url is missing (string); none is missing (string); size must be int, not "big"; '
        "colour is not an input of this package; cwl:tool is not an input of this package"
    )
    assert caught.value.hint == "the package takes url, size?, none"


def test_requirements_of_a_file_are_passed_on_under_the_name_that_runners_know() -> None:
    given = [{"class": "ResourceRequirement", "coresMin": 1}]
    assert check_inputs((), {"cwl:requirements": given}) == {"https://w3id.org/cwl/cwl#requirements": given}


def test_pairs_are_read_and_a_name_given_twice_is_a_list() -> None:
    found = parse_params(["a=1", "b=x=y", "a=2", "a=3"])
    assert found == {"a": ["1", "2", "3"], "b": "x=y"}
    assert value("int[]", found["a"]) == [1, 2, 3]


@pytest.mark.parametrize("pair", ["a", "=1", ""])
def test_what_is_no_pair_is_refused(pair: str) -> None:
    with pytest.raises(UsageError, match="name=value"):
        parse_params([pair])


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


def test_a_file_of_inputs_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "list.yaml").write_text("[1]")
    (tmp_path / "empty.yaml").write_text("# nothing\n")
    (tmp_path / "binary.yaml").write_bytes(b"\xff")
    assert read_params(tmp_path / "empty.yaml") == {}
    for name, reason in [("none", "No such file"), ("list", "not a map"), ("binary", "not UTF-8")]:
        with pytest.raises(UsageError, match=rf"cannot read .*{name}\.yaml: {reason}"):
            read_params(tmp_path / f"{name}.yaml")


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
