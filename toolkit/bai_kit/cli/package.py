"""`bai-kit package`: check and convert application packages."""

from pathlib import Path
from typing import Annotated

import typer

from bai_kit.output import Document
from bai_kit.package import document as packages

app = typer.Typer(help="Check and convert CWL application packages.", no_args_is_help=True)

PackageRoot = Annotated[
    Path | None,
    typer.Option(
        metavar="DIRECTORY",
        help="Directory that the package's references must stay in.",
        show_default="the package's own directory",
    ),
]
_Package = Annotated[
    str | None,
    typer.Argument(metavar="FILE|URL[#NAME]", help="The package, YAML or JSON.", show_default="this project's own"),
]


@app.command()
def validate(file: _Package = None, package_root: PackageRoot = None) -> packages.Validation:
    """Check a package as a CWL runner does, without running it."""
    return packages.validate(file or packages.own_package(), package_root)


@app.command()
def convert(
    file: _Package = None,
    output: Annotated[Path | None, typer.Option("-o", help="File to write; standard output if not given.")] = None,
    package_root: PackageRoot = None,
) -> Document | packages.Conversion:
    """Write a package as one line of JSON that is complete in itself."""
    text = packages.convert(file or packages.own_package(), package_root)
    return packages.write(text, output) if output else Document(text)
