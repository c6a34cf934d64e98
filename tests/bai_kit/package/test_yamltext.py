"""Test YAML text and its limits."""

import time
from pathlib import Path

import pytest

from bai_kit.errors import PackageError
from bai_kit.package.document import validate
from bai_kit.package.yamltext import parse_yaml, too_large
from tests.bai_kit.package.documents import tool


def test_yaml_is_read_as_yaml_1_2_and_dates_stay_text() -> None:
    text = "on: no\ntime: 12:30:00\ndate: 2024-05-01\nten: 010\nnorway: NO\n"
    assert parse_yaml(text, "a") == {
        "on": "no", "time": "12:30:00", "date": "2024-05-01", "ten": 10, "norway": "NO",
    }  # fmt: skip


LEVELS = "\n".join(f"l{i}: &l{i} [{', '.join([f'*l{i - 1}'] * 9)}]" for i in range(1, 12))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (f"l0: &l0 [x, x]\n{LEVELS}\n", "aliases written out"),
        (f"l0: &l0 {{a: 1}}\n{LEVELS.replace('[', '{<<: [').replace(']', ']}')}\n", "aliases written out"),
        ("a: &a [*a]\n", "stands inside its own value"),
        ("[" * 1000 + "]" * 1000, "levels deep"),
        (f'{{"a": [{"1," * 600_000}1]}}', "more than 1048576 bytes"),
        (f"a: &a {'x' * 10_000}\nb: [{', '.join(['*a'] * 200)}]\n", "aliases written out"),
    ],
)
def test_a_document_that_grows_without_end_is_refused_at_once(tmp_path: Path, text: str, reason: str) -> None:
    begin = time.monotonic()
    assert reason in too_large(text)
    path = tool(tmp_path)
    path.write_text(text)
    with pytest.raises(PackageError, match=r"^cannot load .*bytes|levels|inside"):
        validate(path)
    assert time.monotonic() - begin < 10


def test_aliases_tabs_and_scripts_are_no_fault() -> None:
    assert (
        too_large("a: &a [1]\nb: *a\n") == too_large('{\t"a":\t1}') == too_large("function f() { return 1 }: [") == ""
    )
