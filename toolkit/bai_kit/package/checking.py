"""Whether a CWL runner takes a package: cwltool loads it, and its errors become ours."""

import contextlib
import functools
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bai_kit.errors import PackageError

MOST_REASONS = 10
"""Reasons of an invalid package that are shown; the later ones often follow from the first."""


def check_cwl(path: Path) -> None:
    """Load a package as `cwl-dask` does: by the schema, by cwltool's own checks, and by those of our requirement.

    Raises:
        PackageError: it is not valid; a line for each reason, with file, line and column.
    """
    from cwltool.context import LoadingContext  # noqa: PLC0415 - half a second
    from cwltool.errors import GraphTargetMissingException, WorkflowException  # noqa: PLC0415
    from cwltool.load_tool import fetch_document, make_tool, resolve_and_validate_document  # noqa: PLC0415
    from cwltool.workflow import default_make_tool  # noqa: PLC0415
    from schema_salad.exceptions import SchemaSaladException  # noqa: PLC0415

    from cwl_dask.core.extension import check_tool  # noqa: PLC0415

    def make_checked(spec: Any, context: Any) -> Any:
        if spec.get("class") == "CommandLineTool":
            check_tool(spec, context)
        return default_make_tool(spec, context)

    _register_requirement()
    context = LoadingContext({"skip_schemas": True, "construct_tool_object": make_checked})
    try:
        with _quiet():
            context, document, uri = fetch_document(str(path), context)
            context, uri = resolve_and_validate_document(context, document, uri)
            try:
                make_tool(uri, context)
            except GraphTargetMissingException:
                for process in context.loader.resolve_ref(uri)[0]:
                    make_tool(process["id"], context)
    except SchemaSaladException as exc:
        raise PackageError(f"{path} is not valid CWL:{_reasons(exc)}") from exc
    # Cwltool's ways to refuse odd documents.
    except (WorkflowException, AttributeError, KeyError, RuntimeError, TypeError, ValueError) as exc:
        raise PackageError(f"{path} is not valid CWL: {first_line(str(exc)) or type(exc).__name__}") from exc


@functools.cache  # cwltool reads its schemas anew each time
def _register_requirement() -> None:
    from cwl_dask.core.extension import register  # noqa: PLC0415

    register()


def _reasons(error: Any) -> str:
    lines = [f"{leaf.prefix()} {first_line(leaf.message).lstrip('* ')}".strip() for leaf in error.leaves()]
    lines = list(dict.fromkeys(lines)) or [first_line(str(error))]
    more = [f"and {len(lines) - MOST_REASONS} more"] if len(lines) > MOST_REASONS else []
    return "".join(f"\n  {line}" for line in lines[:MOST_REASONS] + more)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep cwltool's own lines, which repeat what is raised, from the user."""
    loggers = [logging.getLogger(name) for name in ("cwltool", "salad", "rdflib.term")]
    before = [each.level for each in loggers]
    try:
        for each in loggers:
            each.setLevel(logging.CRITICAL)
        yield
    finally:
        for each, level in zip(loggers, before, strict=True):
            each.setLevel(level)


def first_line(text: str) -> str:
    """Return the first line, without indentation and runs of spaces."""
    return " ".join(text.split("\n", 1)[0].split())
