"""The command line: options in, one call, output. The only package that imports typer."""
