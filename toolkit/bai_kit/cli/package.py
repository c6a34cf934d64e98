"""`bai-kit package`: check and convert application packages."""

from pathlib import Path
from typing import Annotated

import typer

from bai_kit.output import Document
from bai_kit.package import document as package

app = typer.Typer(help="Check and convert CWL application packages.", no_args_is_help=True)

_File = Annotated[Path | None, typer.Argument(help="The package, YAML or JSON.", show_default="this project's own")]


@app.command()
def validate(file: _File = None) -> package.Validation:
    """Check a package as a CWL runner does, without running it."""
    return package.validate(file or package.own_package())


@app.command()
def convert(
    file: _File = None,
    output: Annotated[Path | None, typer.Option("-o", help="File to write; standard output if not given.")] = None,
) -> Document | package.Conversion:
    """Write a package as one line of JSON that is complete in itself."""
    text = package.convert(file or package.own_package())
    return package.write(text, output) if output else Document(text)
