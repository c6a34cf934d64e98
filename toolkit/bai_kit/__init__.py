"""The command line of bai-kit: deploy, run, logs, results, doctor. Only `bai_kit.cli.app` knows typer."""

__version__ = "0.1.0"
