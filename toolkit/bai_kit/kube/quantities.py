"""Kubernetes quantities such as `500m` and `2Gi` as numbers."""

from bai_kit.errors import UsageError


def quantity(text: str) -> float:
    """Return the number that a Kubernetes quantity stands for.

    Raises:
        UsageError: the text is no quantity.
    """
    from kubernetes.utils import parse_quantity  # noqa: PLC0415 - 0.3 s that `--help` need not wait for

    try:
        return float(parse_quantity(text))
    except ValueError as exc:
        raise UsageError(f"{text!r} is not a quantity such as 500M, 2Gi or 1e9") from exc
