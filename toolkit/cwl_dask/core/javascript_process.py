"""The process that evaluates JavaScript: V8 without any input or output of its own.

Run as a program. Reads one JSON object a line, `{"code", "timeout_s", "heap_bytes"}`, and writes one, `{"value"}` with
the text that the code returns, or `{"error"}`. Each evaluation has a new context, so nothing is kept for the next one.
"""

import json
import sys

from py_mini_racer import JSEvalException, MiniRacer


def evaluate(code: str, timeout_s: float, heap_bytes: int) -> dict[str, str | None]:
    """Evaluate code that returns a string.

    Args:
        code: JavaScript; the value of the last statement counts.
        timeout_s: seconds until the evaluation is ended.
        heap_bytes: memory of V8's heap.
    """
    context = MiniRacer()
    try:
        value = context.eval(code, timeout_sec=timeout_s, max_memory=heap_bytes)
    except JSEvalException as error:
        lines = [line for line in str(error).splitlines() if line.strip()]
        return {"error": lines[0].removeprefix("<anonymous>:") if lines else type(error).__name__}
    finally:
        context.close()
    return {"value": value if isinstance(value, str) else None}


def main() -> None:
    """Answer requests until standard input ends."""
    for line in sys.stdin:
        sys.stdout.write(f"{json.dumps(evaluate(**json.loads(line)))}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
