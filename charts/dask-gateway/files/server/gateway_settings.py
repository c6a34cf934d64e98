"""What the chart's values say, as the ConfigMap beside this file carries it. No secrets: those come by environment."""

import json
from pathlib import Path

SETTINGS = json.loads((Path(__file__).parent / "settings.json").read_text("utf-8"))


def given(values):
    """Return the entries that say something: null means the server's own default."""
    return {key: value for key, value in values.items() if value is not None}
