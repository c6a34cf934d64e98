"""What holds for all of the source: the arrows between modules, sizes, no printing, docstrings."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted([*ROOT.glob("bai/**/*.py"), *ROOT.glob("toolkit/**/*.py")])
CEILING = 350
"""Lines. Files aim at 150; one that reaches this has two subjects."""


def test_the_arrows_between_modules_hold() -> None:
    lint = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    done = subprocess.run(lint, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_is_short_says_what_it_is_and_prints_nothing(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    assert text.count("\n") <= CEILING
    assert ast.get_docstring(tree) or not tree.body
    assert [call.lineno for call in _calls(tree, "print")] == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_whatever_is_public_has_a_docstring(path: Path) -> None:
    without = [
        name for name, node in _public(ast.parse(path.read_text(encoding="utf-8"))) if not ast.get_docstring(node)
    ]
    assert without == []


def test_no_process_is_started_through_a_shell() -> None:
    for path in SOURCES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        shells = [node.lineno for node in ast.walk(tree) if isinstance(node, ast.keyword) and node.arg == "shell"]
        assert [*shells, *(call.lineno for call in _calls(tree, "system"))] == [], path


def _calls(tree: ast.AST, name: str) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and name in {ast.unparse(node.func), ast.unparse(node.func).removeprefix("os.")}:
            yield node


def _public(tree: ast.Module | ast.ClassDef, prefix: str = "") -> Iterator[tuple[str, ast.AST]]:
    """Yield the public classes, functions and methods; methods of Python itself need no words."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield prefix + node.name, node
            if isinstance(node, ast.ClassDef):
                yield from _public(node, f"{node.name}.")
