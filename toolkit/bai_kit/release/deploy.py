"""Both releases, installed, upgraded and removed: all of it or nothing of it."""

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from bai_kit.errors import BaiKitError, HelmError, WaitTimeout
from bai_kit.kube.api import Kube
from bai_kit.release.helm import Helm, Json, Revision
from bai_kit.release.plan import Release
from bai_kit.release.workloads import Workload, last_lines, observe

log = logging.getLogger(__name__)

POLL_S = 0.5
ENFORCE = "pod-security.kubernetes.io/enforce"
Show = Callable[[Sequence[Workload]], None]
"""Called with every look at the workloads."""


@dataclass(frozen=True, slots=True)
class Installed:
    """A release that is there."""

    name: str
    revision: int
    chart: str


@dataclass(frozen=True, slots=True)
class Deployed:
    """What `bai-kit deploy` did."""

    namespace: str
    releases: tuple[Installed, ...]
    seconds: float

    def __rich__(self) -> str:
        """Show it to people."""
        lines = [f"{each.name}: revision {each.revision} of {each.chart}" for each in self.releases]
        lines += [f"ready in namespace {self.namespace} after {self.seconds:.1f} s", ""]
        return "\n".join([*lines, f"next: bai-kit run -n {self.namespace} --pre-fire-url URL --post-fire-url URL"])


def ensure_namespace(kube: Kube, pod_security: str) -> bool:
    """Make the namespace if it is not there; whether it was made.

    Args:
        kube: The namespace.
        pod_security: Level that a new namespace enforces: restricted, baseline or privileged; "" for no label.
    """
    # Who may not look has been given a namespace; if there is none, Helm says so.
    if not kube.can("get", "namespaces") or kube.get("namespaces", kube.namespace):
        return False
    labels = {"app.kubernetes.io/part-of": "bai-kit"} | ({ENFORCE: pod_security} if pod_security else {})
    kube.create("namespaces", {"metadata": {"name": kube.namespace, "labels": labels}})
    log.info("created namespace %s%s", kube.namespace, f", Pod Security {pod_security}" if pod_security else "")
    return True


def deploy(
    helm: Helm, kube: Kube, releases: Sequence[Release], *, timeout_s: float, keep_failed: bool = False, show: Show
) -> Deployed:
    """Install or upgrade the releases in this order and wait until all that they made is ready.

    Args:
        helm: Helm in the namespace, which is there.
        kube: The same namespace.
        releases: What to install.
        timeout_s: Seconds for everything.
        keep_failed: Leave what failed as it is, to look at it; else every release goes back to where it was.
        show: Gets every look at the workloads.

    Raises:
        BaiKitError: it failed; the message says why and what was rolled back.
    """
    start = time.monotonic()
    before: dict[str, int | None] = {}
    try:
        made = []
        for release in releases:
            before[release.name] = _ready_to_install(helm, release.name)
            made.append(helm.install(release.name, release.chart, release.values, timeout_s=int(timeout_s)))
            log.info("installed release %s revision %d", release.name, made[-1].number)
        _wait(kube, made, start, timeout_s, show)
    except BaiKitError as exc:
        undone = "kept as it is" if keep_failed else "; ".join(_roll_back(helm, before)) or "nothing was changed"
        exc.message = f"{exc.message}; {undone}"
        exc.args = (exc.message,)
        raise
    installed = tuple(
        Installed(each.release, each.number, release.chart.name) for each, release in zip(made, releases, strict=True)
    )
    return Deployed(helm.namespace, installed, round(time.monotonic() - start, 1))


def _ready_to_install(helm: Helm, name: str) -> int | None:
    """Return the revision to go back to; remove a first install that failed, which Helm cannot upgrade."""
    previous = helm.last_deployed(name)
    current = helm.current(name) if previous is None else None
    if current and current.status == "failed":
        log.info("removing release %s, which was never installed whole", name)
        helm.uninstall(name, no_hooks=True)
    return previous


def _wait(kube: Kube, made: Sequence[Revision], start: float, timeout_s: float, show: Show) -> None:
    begun = time.monotonic()
    objects = [each for revision in made for each in revision.manifest]
    while True:
        workloads = observe(kube, objects, time.monotonic() - begun)
        show(workloads)
        waiting = [each for each in workloads if not each.done]
        if not waiting:
            return
        for each in waiting:
            if each.trouble:
                raise HelmError(_reason(kube, each))
        if time.monotonic() - start > timeout_s:
            raise WaitTimeout(
                f"after {timeout_s:.0f} s {_reason(kube, waiting[0])}", hint="--timeout SECONDS, or bai-kit doctor"
            )
        time.sleep(POLL_S)


def _reason(kube: Kube, workload: Workload) -> str:
    """Say why a workload is not ready; its last log lines go to the log."""
    with suppress(BaiKitError):  # a log that cannot be read is no reason to hide the trouble
        for line in last_lines(kube, workload):
            log.error("%s", line)
    state = f"{workload.kind} {workload.name} has {workload.ready} of {workload.wanted} ready"
    return f"{state}: {(workload.trouble or workload.note).rstrip('.')}"


def _roll_back(helm: Helm, before: dict[str, int | None]) -> list[str]:
    """Take every release back to where it was; return what was done, in words."""
    done = []
    for name, previous in reversed(before.items()):
        try:
            current = helm.current(name)
            if current is None or current.number == previous:
                continue
            if previous is None:
                # No user has had it, so there is no cluster to end; and what failed may be the hook's very image.
                helm.uninstall(name, no_hooks=True)
                kept = [each["metadata"]["name"] for each in current.manifest if _is_kept(each)]
                done.append(f"removed release {name}" + (f", not its volume {', '.join(kept)}" if kept else ""))
            else:
                helm.rollback(name, previous)
                done.append(f"rolled release {name} back to revision {previous}")
        except BaiKitError as exc:  # the first error matters more: say that this failed too, and go on
            done.append(f"release {name} could not be rolled back: {exc.message}")
    return done


def _is_kept(found: Json) -> bool:
    return (found["metadata"].get("annotations") or {}).get("helm.sh/resource-policy") == "keep"
