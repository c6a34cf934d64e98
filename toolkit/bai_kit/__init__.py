"""The toolkit of bai-kit: the command `bai-kit`, and a few functions for notebooks (`bai_kit.notebook`)."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bai_kit.notebook import clusters, follow, results, run

__all__ = ["__version__", "clusters", "follow", "results", "run"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Import the functions for notebooks at their first use, so that the command starts without them."""
    if name in {"clusters", "follow", "results", "run"}:
        from bai_kit import notebook  # noqa: PLC0415 - see above

        return getattr(notebook, name)
    raise AttributeError(f"module 'bai_kit' has no attribute {name!r}")
