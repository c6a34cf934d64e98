"""Every error that a user of the toolkit can meet. Imported by everyone, imports nothing.

BaiKitError
├─ UsageError        2   a bad option, input or file of the user's
│  ├─ ValuesError    2   values that a chart does not take
│  └─ PackageError   2   an application package that is not valid
├─ SetupError        3   this machine or cluster lacks something: helm, kubeconfig, API, rights
├─ RemoteError       4   the other side said no
│  ├─ HelmError      4   helm ended with an error; keeps the tail of its stderr
│  └─ JobFailed     1/75 the workflow ended with an error; its own exit code
└─ WaitTimeout       5   we gave up waiting; says what state it was in
Any other exception is a bug: a traceback and exit code 1.
"""

from typing import ClassVar


class BaiKitError(Exception):
    """An error with one line for the user and, in `hint`, the next command to run."""

    code: ClassVar[str] = "error"
    """Stable name of the kind of error, used in JSON output."""
    exit_code: int = 1
    """Exit code of the process."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(BaiKitError):
    """A bad option, input or file of the user's."""

    code = "usage"
    exit_code = 2


class ValuesError(UsageError):
    """Values that a chart does not take."""

    code = "values"


class PackageError(UsageError):
    """An application package that is not valid CWL, or cannot be made self-contained."""

    code = "package"


class SetupError(BaiKitError):
    """This machine or cluster lacks something: helm, a kubeconfig, an API that answers, rights."""

    code = "setup"
    exit_code = 3


class RemoteError(BaiKitError):
    """The other side said no."""

    code = "remote"
    exit_code = 4


class HelmError(RemoteError):
    """Helm ended with an error."""

    code = "helm"


class JobFailed(RemoteError):  # noqa: N818 - the word that users know
    """The workflow ended with an error; carries its exit code (1 permanent, 75 temporary)."""

    code = "job_failed"

    def __init__(self, message: str, *, exit_code: int = 1, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.exit_code = exit_code


class WaitTimeout(BaiKitError):  # noqa: N818 - the word that users know
    """We gave up waiting; the message says what state it was in."""

    code = "timeout"
    exit_code = 5
