"""The reason of a failed run, as the runner wrote it: its container's termination message, or a file on the volume."""

import json

from cwl_dask.core.failure import Failure

LONGEST_MESSAGE = 2000


def parse_failure(text: str | None) -> Failure | None:
    """Return the event in a text, or None when the text is none; what a package may have changed is not trusted.

    Args:
        text: JSON as AGENTS.md, contract 4, describes it.
    """
    try:
        event = json.loads(text or "")
        return Failure(
            kind=str(event["kind"]),
            step=None if event.get("step") is None else str(event["step"]),
            code=None if event.get("code") is None else int(event["code"]),
            temporary=event.get("temporary") is True,
            message=" ".join(str(event["message"]).split())[:LONGEST_MESSAGE],
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
