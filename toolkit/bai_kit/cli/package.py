"""`bai-kit package`: check and convert application packages."""

import typer

app = typer.Typer(help="Check and convert CWL application packages.", no_args_is_help=True)
