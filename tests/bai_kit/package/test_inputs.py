"""What a package takes, what a user gives, and every way in which the two may not fit."""

from pathlib import Path

import pytest

from bai_kit.errors import PackageError, UsageError
from bai_kit.package.inputs import check_inputs, package_inputs, parse_params, read_params
from bai_kit.package.values import words
from tests.bai_kit.package.documents import ENUM, package, value


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


def test_a_file_of_inputs_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "list.yaml").write_text("[1]")
    (tmp_path / "empty.yaml").write_text("# nothing\n")
    (tmp_path / "binary.yaml").write_bytes(b"\xff")
    assert read_params(tmp_path / "empty.yaml") == {}
    for name, reason in [("none", "No such file"), ("list", "not a map"), ("binary", "not UTF-8")]:
        with pytest.raises(UsageError, match=rf"cannot read .*{name}\.yaml: {reason}"):
            read_params(tmp_path / f"{name}.yaml")
