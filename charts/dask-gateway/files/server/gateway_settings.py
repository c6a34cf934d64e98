"""Read settings.json, the chart's values in the same ConfigMap. Secrets come from environment variables instead."""

import json
from pathlib import Path

SETTINGS = json.loads((Path(__file__).parent / "settings.json").read_text("utf-8"))


def given(values):
    """Return the entries that are not null; null stands for the server's default."""
    return {key: value for key, value in values.items() if value is not None}
