"""Rules for all source modules: direction of imports, size, docstrings, no printing, and a test module for each."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted([*ROOT.glob("bai/**/*.py"), *ROOT.glob("toolkit/**/*.py")])
CEILING = 350
"""Largest number of lines of a file. Files aim at 150."""


def test_imports_follow_the_layers() -> None:
    lint = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    done = subprocess.run(lint, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stdout


def test_every_module_has_a_test_module_at_the_mirrored_path() -> None:
    assert [
        str(path.relative_to(ROOT)) for path in SOURCES if _defines(path) and not _test_module(path).is_file()
    ] == []


def test_every_file_that_contributing_names_exists() -> None:
    table = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("## Where is")[2].partition("\n## ")[0]
    named = [path for row in table.splitlines() for path in re.findall(r"`((?:bai|toolkit|charts)/[^`]*)`", row)]
    assert len(named) > 15
    assert [path for path in named if not (ROOT / path).exists()] == []


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


def _defines(path: Path) -> bool:
    """Return whether a module other than `__init__` defines a function or class."""
    body = ast.parse(path.read_text(encoding="utf-8")).body
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    return path.name != "__init__.py" and any(isinstance(node, kinds) for node in body)


def _test_module(path: Path) -> Path:
    inside = path.relative_to(ROOT / "toolkit" if ROOT / "toolkit" in path.parents else ROOT)
    return ROOT / "tests" / inside.parent / f"test_{path.stem.strip('_')}.py"


def _calls(tree: ast.AST, name: str) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and name in {ast.unparse(node.func), ast.unparse(node.func).removeprefix("os.")}:
            yield node


def _public(tree: ast.Module | ast.ClassDef, prefix: str = "") -> Iterator[tuple[str, ast.AST]]:
    """Yield the public classes, functions and methods, without Python's special methods."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield prefix + node.name, node
            if isinstance(node, ast.ClassDef):
                yield from _public(node, f"{node.name}.")
