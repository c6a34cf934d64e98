"""Test values of inputs: text by the type, data as it is."""

from typing import Any

import pytest

from bai_kit.errors import UsageError
from bai_kit.package.values import Text
from tests.bai_kit.package.documents import ENUM, FILE, RECORD, value


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
