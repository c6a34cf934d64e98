"""`bai-kit run`: one run of an application package, on Kubernetes or on this machine."""

from bai_kit.errors import UsageError


def run() -> None:
    """Run the application package."""
    raise UsageError("not there yet")
