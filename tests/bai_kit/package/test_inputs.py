"""Test the inputs of a package, the user's values, and the error for each way in which the two disagree."""

import pytest

from bai_kit.errors import PackageError, UsageError
from bai_kit.package.inputs import Input, check_inputs, package_inputs, parse_params

ENUM = {"type": "enum", "symbols": ["#main/index/dnbr", "#main/index/rbr"]}
PACKED = {
    "$graph": [
        {"class": "CommandLineTool", "id": "#tool", "inputs": []},
        {
            "class": "Workflow",
            "id": "#main",
            "inputs": [
                {"id": "#main/url", "type": "string"},
                {"id": "#main/size", "type": ["null", "int"]},
                {"id": "#main/index", "type": ENUM, "default": "dnbr"},
            ],
        },
    ]
}


def test_a_packed_package_says_its_inputs_and_which_must_be_given():
    assert package_inputs(PACKED) == (
        Input("url", "string", required=True),
        Input("size", ["null", "int"], required=False),
        Input("index", ENUM, required=False),
    )


def test_the_short_forms_of_a_hand_written_package_mean_the_same():
    inputs = {"url": "string", "size": {"type": "int?", "doc": "pixels"}, "urls": {"type": "array", "items": "string"}}
    found = package_inputs({"class": "Workflow", "inputs": inputs})
    assert [(each.name, each.type, each.required) for each in found] == [
        ("url", "string", True),
        ("size", ["null", "int"], False),
        ("urls", {"type": "array", "items": "string"}, True),
    ]


def test_a_graph_without_a_main_process_is_refused():
    with pytest.raises(PackageError, match="2 workflows"):
        package_inputs({"$graph": [{"class": "Workflow", "id": "a"}, {"class": "Workflow", "id": "b"}]})


FILE = {"class": "File", "location": "https://host/a.json"}


@pytest.mark.parametrize(
    ("kind", "given", "value"),
    [
        ("string", "5", "5"),
        ("int", "5", 5),
        ("long", 5, 5),
        ("float", "0.5", 0.5),
        ("double", 2, 2.0),
        ("boolean", "true", True),
        ("boolean", "No", False),
        ("boolean", True, True),
        (ENUM, "rbr", "rbr"),
        ("File", "https://host/a.json", FILE),
        ("File", "/calrissian/a.json", {"class": "File", "path": "/calrissian/a.json"}),
        ("Directory", {"class": "Directory", "path": "d"}, {"class": "Directory", "path": "d"}),
        ({"type": "array", "items": "int"}, "1,2", [1, 2]),
        ({"type": "array", "items": "float"}, "[1, 2.5]", [1.0, 2.5]),
        ({"type": "array", "items": "string"}, ["a", "b,c"], ["a", "b,c"]),
        (["null", "int"], "", None),
        (["null", "int"], None, None),
        (["string", "int"], "5", 5),
        (["null", "string"], "x", "x"),
        ({"type": "record", "fields": []}, {"a": 1}, {"a": 1}),
    ],
)
def test_a_value_that_fits_becomes_what_cwl_wants(kind, given, value):
    result = check_inputs([Input("x", kind, required=True)], {"x": given})["x"]
    assert result == value
    assert type(result) is type(value)


@pytest.mark.parametrize(
    ("kind", "given", "said"),
    [
        ("int", "5.5", 'x must be int, not "5.5"'),
        ("int", True, "x must be int, not true"),
        ("int", 5.5, "x must be int, not 5.5"),
        ("float", "nan", 'x must be float, not "nan"'),
        ("string", 5, "x must be string, not 5"),
        ("boolean", "1", 'x must be boolean, not "1"'),
        ("boolean", 1, "x must be boolean, not 1"),
        (ENUM, "nbr", 'x must be one of dnbr, rbr, not "nbr"'),
        ("File", {"class": "Directory"}, "x must be File"),
        ("File", "", "x must be File"),
        ({"type": "array", "items": "int"}, "1,b", "x must be a list of int"),
        ({"type": "array", "items": "int"}, "[1", "x must be a list of int"),
        ({"type": "array", "items": "int"}, 1, "x must be a list of int"),
        (["null", "int"], [], "x must be int"),
        ({"type": "record", "fields": []}, "a", "x must be record"),
    ],
)
def test_a_value_of_the_wrong_type_is_named_with_the_right_type(kind, given, said):
    with pytest.raises(UsageError) as caught:
        check_inputs([Input("x", kind, required=True)], {"x": given})
    assert said in caught.value.message


def test_all_that_is_wrong_is_said_at_once():
    with pytest.raises(UsageError) as caught:
        check_inputs(package_inputs(PACKED), {"size": "big", "colour": "red"})
    assert caught.value.message == (
        'inputs: url is missing (string); colour is not an input of this package; size must be int, not "big"'
    )
    assert caught.value.hint == "the package takes url, size?, index?"


def test_pairs_are_read_and_a_name_given_twice_is_a_list():
    assert parse_params(["a=1", "b=x=y", "a=2", "a=3"]) == {"a": ["1", "2", "3"], "b": "x=y"}


@pytest.mark.parametrize("pair", ["a", "=1", ""])
def test_what_is_no_pair_is_refused(pair):
    with pytest.raises(UsageError, match="name=value"):
        parse_params([pair])
