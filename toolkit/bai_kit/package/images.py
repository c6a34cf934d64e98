"""The container images that an application package names."""

from collections.abc import Iterator
from typing import Any


def images(package: Any) -> list[str]:
    """Return the images of a package's tools, wherever CWL allows a requirement, each once. Pure."""
    # A gateway reads `*` as any text; no image has it in its name.
    return [image for image in dict.fromkeys(_found(package)) if "*" not in image]


def _found(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("dockerPull"), str):
            yield node["dockerPull"]
        node = list(node.values())
    if isinstance(node, list):
        for child in node:
            yield from _found(child)
