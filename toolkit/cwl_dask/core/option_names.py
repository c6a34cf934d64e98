"""Cluster options in the words and units of a gateway that names its options in another way."""

from collections.abc import Mapping
from typing import Any

BYTES = {"bytes": 1, "MB": 10**6, "GB": 10**9, "MiB": 2**20, "GiB": 2**30}
"""Units of an amount of memory that is sent as a number, in bytes."""


def translate(options: Mapping[str, Any], names: Mapping[str, Any]) -> dict[str, Any]:
    """Return options as the gateway defines them.

    Args:
        options: Options in this project's words; `worker_memory` is text such as `524288K` (K is 1024 bytes).
        names: This project's word to a mapping with `name`, the gateway's word (empty: the option is not sent), and
            for memory perhaps `unit`, one of `BYTES`: the amount is then sent as a number. Dask's configuration has
            it under `gateway.cluster.option-names`.

    Raises:
        ValueError: the unit is unknown, or belongs to an option that is no amount of memory.
    """
    translated = {}
    for option, value in options.items():
        said = names.get(option) or {}
        name, unit = said.get("name", option), said.get("unit", "")
        if not name:
            continue
        if unit:
            if unit not in BYTES or not isinstance(value, str) or not value.endswith("K"):
                raise ValueError(f"gateway.cluster.option-names: {option} cannot be sent in unit {unit!r}")
            value = int(value.removesuffix("K")) * 1024 / BYTES[unit]  # noqa: PLW2901 - the same amount in other words
        translated[name] = value
    return translated
