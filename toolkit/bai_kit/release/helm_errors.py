"""Turn Helm's messages into errors: shortened, without secrets, with a class that callers can handle."""

import re
from collections.abc import Mapping

from bai_kit.errors import BaiKitError, HelmError, SetupError, ValuesError

LONGEST_ERROR = 2000
_SECRET = re.compile(
    r"(?i)((?:password|token|secret|authorization)(?!name)\w*[\"']?\s*[:=]\s*[\"']?)(?:bearer\s+)?[^\s,;\"'}]+"
)


class NoReleaseError(HelmError):
    """The release does not exist; the functions of `Helm` return None instead."""


class BusyError(HelmError):
    """Another operation on the release is in progress; `deploy` waits and retries."""


class SchemaError(ValuesError):
    """A chart's schema refuses values; the plan adds the file that each of them comes from."""

    def __init__(self, faults: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{key}: {fault}" if key else fault for key, fault in faults.items()))
        self.faults = faults
        """Path of a value, joined with dots, to what is wrong with the value."""


def redact(text: str) -> str:
    """Return Helm's message without secrets, at most the last 2 kB."""
    return _SECRET.sub(r"\1(hidden)", text.strip())[-LONGEST_ERROR:]


_MEANINGS: tuple[tuple[str, type[BaiKitError], str, str | None], ...] = (
    ("cluster unreachable", SetupError, "helm cannot reach Kubernetes", "kubectl cluster-info"),
    ("another operation", BusyError, "helm", None),
    ("release: already exists", BusyError, "helm", None),
    ('"sh.helm.release.', BusyError, "helm", None),
    ("forbidden", SetupError, "helm has no right to do this", "bai-kit doctor"),
    ("cannot be imported into the current release", HelmError, "helm", "delete that object, or choose another release"),
)
"""Meaning of Helm's messages: (words in the message, error class, what failed, next step)."""


def translate(stderr: str) -> BaiKitError:
    """Return an error with Helm's message, a class that callers can handle, and a hint."""
    text = redact("\n".join(line for line in stderr.splitlines() if not line.startswith("WARNING:")))
    text = text.removeprefix("Error: ").removeprefix("UPGRADE FAILED: ").removeprefix("INSTALLATION FAILED: ")
    low = text.lower()
    if "release: not found" in low:
        return NoReleaseError(text)
    if "specifications of the schema" in low:
        return SchemaError(_schema_faults(stderr) or {"": redact(stderr)})
    if "failed parsing --set" in low:
        return ValuesError(text.removeprefix("failed parsing "))
    if "execution error at" in low:
        return ValuesError(text.rpartition("): ")[2].partition("\n")[0])
    for words, kind, what, hint in _MEANINGS:
        if words in low:
            return kind(f"{what}: {text}", hint=hint)
    return HelmError(f"helm: {text}")


def _schema_faults(stderr: str) -> dict[str, str]:
    """Return the keys that the schema refuses, with what is wrong; never the value of a secret."""
    faults: dict[str, str] = {}
    for path, fault in re.findall(r"- at '([^']*)': (.*)", stderr):
        key = path.strip("/").replace("/", ".")
        secret = re.search("(?i)password|secret|token", key)
        if "Of' failed" not in fault and fault != "validation failed":
            faults.setdefault(key, "is not as the schema says" if secret else fault)
    return faults
