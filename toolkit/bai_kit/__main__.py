"""The entry point of `bai-kit` and `python -m bai_kit`. Ctrl-C while the command line loads shows no traceback."""

import os
import signal


def main() -> None:
    """Load the command line and run it."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # a background job of a shell ignores SIGINT
        signal.signal(signal.SIGINT, lambda *_: os._exit(130))
    from bai_kit.cli.app import main as run  # noqa: PLC0415 - takes 0.2 s

    run()


if __name__ == "__main__":
    main()
