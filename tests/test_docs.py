"""The documentation agrees with the commands: generated pages are current, and every command and link on a page exists."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.main import get_command

from bai_kit import errors
from bai_kit.cli.app import app
from tests.docs_commands import RUN_BY

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("charts/*/README.md")])
TARGETS = set(re.search(r"^\.PHONY: (.*)", (ROOT / "Makefile").read_text(), re.MULTILINE)[1].split())


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_the_reference_of_commands_is_what_their_help_says() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.cli_reference"], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert (ROOT / "docs/cli.md").read_text() == done.stdout, "run: make docs"


def test_every_command_and_option_has_help() -> None:
    for path, command in _commands(get_command(app), "bai-kit"):
        assert command.help, path
        for param in command.params:
            assert getattr(param, "help", "") or param.name == "help", f"{path} {param.name}"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_the_commands_on_a_page_exist_with_their_options(page: Path) -> None:
    tree = dict(_commands(get_command(app), "bai-kit"))
    for line in _shell_lines(page):
        words = shlex.split(line, comments=True)
        if words[:1] == ["make"]:
            targets = {word for word in words[1:] if "=" not in word}
            assert targets <= TARGETS, line
        elif words[:1] == ["bai-kit"]:
            path = "bai-kit"
            while len(words) > 1 and f"{path} {words[1]}" in tree:
                path = f"{path} {words.pop(1)}"
            assert path != "bai-kit" or all(word.startswith("-") for word in words[1:]), line
            known = {option for command in ("bai-kit", path) for param in tree[command].params for option in param.opts}
            given = {word.partition("=")[0] for word in words[1:] if re.match(r"--?[a-z]", word)}
            assert given <= known | {"--help", "-h"}, line


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_the_links_of_a_page_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8"))
    missing = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert missing == []


def test_the_table_of_exit_codes_is_that_of_the_errors() -> None:
    text = (ROOT / "docs/exit-codes.md").read_text()
    table = text.partition("## The application")[0]
    for kind in _subclasses(errors.BaiKitError):
        assert re.search(rf"^\| .*\b{kind.exit_code}\b.* \|", table, re.MULTILINE), kind
        assert f"`{kind.code}`" in table, kind


def test_pages_name_no_place_of_one_machine() -> None:
    for page in PAGES:
        assert not re.search(r"(?<![\w./])/(root|home)/", page.read_text(encoding="utf-8")), page


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_command_on_a_page_is_run_by_a_test_or_marked(page: Path) -> None:
    unknown = [line for line in _shell_lines(page, marked=False) if not _covered(line)]
    assert unknown == [], (
        'name the test that runs it in tests/docs_commands.py, or mark the block: ```sh title="Not run by a test: WHY"'
    )


def test_the_tests_that_run_the_commands_exist() -> None:
    for command, module in RUN_BY.items():
        text = (ROOT / module).read_text(encoding="utf-8")
        words = [word for word in re.split(r"[ -]+", command) if word not in {"", "bai", "kit", "python"}]
        assert all(word in text for word in words), f"{module} does not run: {command}"


def test_every_page_of_the_site_is_in_its_navigation() -> None:
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    named = set(re.findall(r": ([\w/-]+\.md)$", text.partition("\nnav:")[2], re.MULTILINE))
    assert {page.name for page in ROOT.glob("docs/*.md")} <= named


@pytest.mark.parametrize("page", sorted(ROOT.glob("docs/decisions/*.md")), ids=lambda page: page.name)
def test_a_decision_has_one_form(page: Path) -> None:
    lines = page.read_text(encoding="utf-8").splitlines()
    assert re.fullmatch(rf"# {page.name[:4]}: .*[^.]", lines[0])
    headings = [line.removeprefix("## ") for line in lines if line.startswith("## ")]
    assert headings[:3] == ["Context", "Decision", "What it costs"]


def test_the_numbers_of_decisions_have_no_gaps() -> None:
    numbers = sorted(int(page.name[:4]) for page in ROOT.glob("docs/decisions/*.md"))
    assert numbers == list(range(1, len(numbers) + 1))


def test_the_site_asks_no_other_server() -> None:
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    assert "font: false" in text
    assert not re.search(r"extra_(css|javascript):.*https?:", text)


def _covered(line: str) -> bool:
    return any(f"{line} ".startswith(f"{command} ") for command in RUN_BY)


def _commands(command: object, path: str) -> Iterator[tuple[str, object]]:
    yield path, command
    for word, subcommand in getattr(command, "commands", {}).items():
        yield from _commands(subcommand, f"{path} {word}")


def _shell_lines(page: Path, *, marked: bool = True) -> Iterator[str]:
    """Yield the commands of code blocks, with continued lines joined.

    Args:
        page: A page in Markdown.
        marked: Whether to include blocks that are marked as not run by a test.
    """
    text = re.sub(r"^ {2,4}(?=\S)", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    # Blocks of every language are matched, or the end of one would count as the beginning of another.
    blocks = re.findall(r"^```(\w*)( title=[^\n]*)?\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    for language, title, block in blocks:
        if language not in {"", "sh", "bash", "console", "shell"} or ("Not run" in title and not marked):
            continue
        for line in block.replace("\\\n", " ").splitlines():
            typed = re.sub(r"^PYTEST_ARGS=\S+ |^\.venv/bin/", "", line.removeprefix("$ ").strip())
            if re.match(r"(bai-kit|make|cwl-dask|python -m bai|helm) [a-z./-]", typed):
                yield typed.partition(" | ")[0].partition(" && ")[0]


def _subclasses(kind: type) -> Iterator[type]:
    for subclass in kind.__subclasses__():
        yield subclass
        yield from _subclasses(subclass)
