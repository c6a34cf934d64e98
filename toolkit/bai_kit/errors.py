"""All errors that the toolkit reports to users. Every module may import this one, which imports no other.

BaiKitError
├─ UsageError         2   a bad option, input or file of the user
│  ├─ ValuesError     2   values that a chart rejects
│  └─ PackageError    2   an application package that is not valid
├─ SetupError         3   this machine or cluster lacks something: helm, kubeconfig, API, permissions
│  └─ ConnectionLost  3   the Kubernetes API, or a connection through it, stopped answering
├─ RemoteError        4   a request was refused, or its object failed
│  ├─ HelmError       4   helm ended with an error; keeps the tail of its stderr
│  ├─ ProgramFailed   4   a program in a pod ended with an error; has its exit code
│  ├─ NotOnVolume     4   a job's folder or file is not on the volume
│  └─ JobFailed    1/75   the workflow ended with an error; has its own exit code
├─ OutputError        4   results cannot be written on this machine
└─ WaitTimeout        5   a time limit passed; the message says in which state
Stopped (BaseException) 143/129   SIGTERM or SIGHUP; Ctrl-C is KeyboardInterrupt, 130
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
    """A bad option, input or file of the user."""

    code = "usage"
    exit_code = 2


class ValuesError(UsageError):
    """Values that a chart rejects."""

    code = "values"


class PackageError(UsageError):
    """An application package that is not valid CWL, or cannot be made self-contained."""

    code = "package"


class SetupError(BaiKitError):
    """This machine or cluster lacks something: helm, a kubeconfig, an API that answers, permissions."""

    code = "setup"
    exit_code = 3


class ConnectionLost(SetupError):  # noqa: N818 - names the event
    """The Kubernetes API, or a connection through it, stopped answering; the request may be repeated."""


class RemoteError(BaiKitError):
    """A request was refused, or the object it was about failed."""

    code = "remote"
    exit_code = 4


class HelmError(RemoteError):
    """Helm ended with an error."""

    code = "helm"


class ProgramFailed(RemoteError):  # noqa: N818 - names the event
    """A program in a pod ended with an error; `status` is its exit code."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class NotOnVolume(RemoteError):  # noqa: N818 - names the state
    """A job's folder, or a file in it, is not on the volume."""


class JobFailed(RemoteError):  # noqa: N818 - the word that users know
    """The workflow ended with an error; has its exit code (1 permanent, 75 temporary)."""

    code = "job_failed"

    def __init__(self, message: str, *, exit_code: int = 1, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.exit_code = exit_code


class OutputError(BaiKitError):
    """Results cannot be written on this machine: a full disk, no permission, a limit of the settings."""

    code = "output"
    exit_code = 4


class WaitTimeout(BaiKitError):  # noqa: N818 - the word that users know
    """A time limit passed; the message says in which state."""

    code = "timeout"
    exit_code = 5


class Stopped(BaseException):
    """SIGTERM or SIGHUP asked the command to end. Not an Exception, so that only clean-up code handles it."""

    def __init__(self, signum: int) -> None:
        super().__init__()
        self.exit_code = 128 + signum
