"""The program of a probe pod. Sent to the pod as text: it runs in the application's image, with any Python since 3.9.

versions   print the versions of Python and of Dask's packages, as one line of JSON
gateway    the same, and what the Dask Gateway of this pod's configuration answers
"""

import importlib.metadata
import json
import platform
import signal
import sys
import urllib.request

PACKAGES = ("dask", "distributed", "dask-gateway", "calrissian")
ANSWER_TIMEOUT_S = 20


def versions() -> dict[str, str]:
    """Return the version of each package that is installed."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def gateway() -> dict[str, object]:
    """Return address, options and version of the gateway, or the error of the attempt."""
    signal.signal(signal.SIGALRM, _too_late)
    signal.alarm(ANSWER_TIMEOUT_S)
    found: dict[str, object] = {}
    try:
        import dask.config  # noqa: PLC0415 - a package that may be missing
        from dask_gateway import Gateway  # noqa: PLC0415 - see above

        address: str = dask.config.get("gateway.address")
        found["address"] = address
        with Gateway() as client:
            found["options"] = dict(client.cluster_options(use_local_defaults=False))
        version = address.rstrip("/") + "/api/version"
        with urllib.request.urlopen(version, timeout=10) as reply:  # noqa: S310 - the release's own configuration
            found["server"] = json.load(reply)["version"]
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is the answer
        found["error"] = f"{type(error).__name__}: {error}"[:300]
    return found


def _too_late(*_: object) -> None:
    raise TimeoutError(f"no answer after {ANSWER_TIMEOUT_S} s")


if __name__ == "__main__":
    report: dict[str, object] = {"versions": versions()}
    if sys.argv[1] == "gateway":
        report.update(gateway())
    sys.stdout.write(json.dumps(report, default=str) + "\n")
