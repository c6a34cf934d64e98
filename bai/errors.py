"""The errors of the application, and the exit code of each.

```
BaiError(message, *, hint=None)   exit_code
├─ UsageError       2   a wrong option
├─ InputError       3   an input that cannot be used: not an Item, band missing, unreadable file, no overlap
├─ ComputeError     4   the computation failed: a task, the cluster, the disk
└─ TemporaryError  75   try again later: network, gateway busy, no worker yet (CWL `temporaryFailCodes`)
any other exception = a bug: traceback, exit 1
```

Errors cross process borders (a worker raises them, the client reports them), so pickle keeps message and hint.
"""

from __future__ import annotations

from typing import ClassVar


def printable(text: str) -> str:
    """Return a text with its control and formatting characters escaped, a line break as a backslash and an n."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


class BaiError(Exception):
    """A failure that is reported to the user in one line.

    Args:
        message: One line: what failed, on which object, with the numbers.
        hint: The next step for the user, if there is one.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(" ".join(message.split()))
        self.hint = hint

    def __reduce__(self) -> tuple[object, ...]:
        """Let pickle restore the message from the argument, and the hint, which is a keyword, from the state."""
        return type(self), self.args, self.__dict__


class UsageError(BaiError):
    """The command line asks for something that does not exist or makes no sense."""

    exit_code = 2


class InputError(BaiError):
    """An input that cannot be used, now or later."""

    exit_code = 3


class ComputeError(BaiError):
    """The computation failed although the inputs can be used."""

    exit_code = 4


class TemporaryError(BaiError):
    """A temporary failure: a retry may succeed."""

    exit_code = 75
