"""Hooks of mkdocs: add pages from outside docs/ and the list of decisions, and rewrite links to other files."""

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
REPOSITORY = "https://github.com/bai-kit/bai-kit/blob/main"
GENERATED = {f"values/{chart}.md": f"charts/{chart}/README.md" for chart in ("bai-chart", "dask-gateway")}
"""Pages of the site that are files elsewhere in the repository."""


def on_files(files: Files, config: Any) -> Files:
    """Add the charts' READMEs as pages, and the index of the decisions."""
    for page, source in GENERATED.items():
        files.append(File.generated(config, page, content=(ROOT / source).read_text(encoding="utf-8")))
    files.append(File.generated(config, "decisions/index.md", content=_decisions()))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Rewrite links between files of the repository to links between pages, or to the repository."""
    here = page.file.src_uri
    folder = posixpath.dirname(GENERATED.get(here, f"docs/{here}"))
    pages = {source: name for name, source in GENERATED.items()}

    def rewrite(match: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(folder, match[1]))
        inside = pages.get(target) or (target.removeprefix("docs/") if target.startswith("docs/") else None)
        link = posixpath.relpath(inside, posixpath.dirname(here) or ".") if inside else f"{REPOSITORY}/{target}"
        return f"]({link}{match[2] or ''})"

    return re.sub(r"\]\((?![a-z]+:|#)([^)#\s]+)(#[^)\s]*)?\)", rewrite, markdown)


def on_post_page(output: str, page: Any, **_: Any) -> str:
    """Return the page unchanged.

    Raises:
        PluginError: the page loads a script, style, font or picture from another server.
    """
    loaded = re.findall(r'<(?:script|img|iframe)[^>]* src="(https?:[^"]+)"', output)
    loaded += re.findall(r'<link[^>]* rel="(?:stylesheet|preconnect|icon)"[^>]* href="(https?:[^"]+)"', output)
    if loaded:
        raise PluginError(f"{page.file.src_uri} loads {loaded[0]}")
    return output


def _decisions() -> str:
    """Return the index page: one line for each decision."""
    lines = ["# Decisions", "", "Each page gives the context of a decision, the decision, and its cost.", ""]
    for path in sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md")):
        number, _, title = path.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ").partition(": ")
        lines.append(f"- [{number}]({path.name}) {title}")
    return "\n".join(lines) + "\n"
