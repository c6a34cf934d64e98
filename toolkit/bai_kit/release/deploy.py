"""Install or upgrade both releases; after a failure, undo the changes of this deploy only."""

import logging
import secrets
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from bai_kit.errors import BaiKitError, HelmError, WaitTimeout
from bai_kit.kube.api import Kube
from bai_kit.release.helm import Helm, Json, Revision
from bai_kit.release.helm_errors import BusyError
from bai_kit.release.plan import Release
from bai_kit.release.reach import reach_gateway
from bai_kit.release.workloads import Workload, last_lines, observe

log = logging.getLogger(__name__)

POLL_S = 0.5
ENFORCE = "pod-security.kubernetes.io/enforce"
Show = Callable[[Sequence[Workload]], None]
"""Called with every observation of the workloads."""


@dataclass(frozen=True, slots=True)
class Installed:
    """An installed release."""

    name: str
    revision: int
    chart: str


@dataclass(frozen=True, slots=True)
class Deployed:
    """The result of `bai-kit deploy`."""

    namespace: str
    releases: tuple[Installed, ...]
    seconds: float
    hint: str = ""
    """A command that runs the release's application package."""

    def __rich__(self) -> str:
        """Show the result to people."""
        lines = [f"{release.name}: revision {release.revision} of {release.chart}" for release in self.releases]
        lines += [f"ready in namespace {self.namespace} after {self.seconds:.1f} s"]
        return "\n".join(lines)


def namespace_labels(pod_security: str) -> dict[str, str]:
    """Return the labels of a new namespace.

    Args:
        pod_security: Level that the namespace enforces: restricted, baseline or privileged; empty for none.
    """
    return {"app.kubernetes.io/part-of": "bai-kit"} | ({ENFORCE: pod_security} if pod_security else {})


def lacks_namespace(kube: Kube) -> bool:
    """Return whether the namespace is known not to exist.

    Without permission to read namespaces, assume that an administrator created it; otherwise Helm reports that it is
    missing.
    """
    return kube.can("get", "namespaces") and not kube.get("namespaces", kube.namespace)


def ensure_namespace(kube: Kube, pod_security: str) -> bool:
    """Create the namespace where it does not exist; return whether it was created."""
    if not lacks_namespace(kube):
        return False
    kube.create("namespaces", {"metadata": {"name": kube.namespace, "labels": namespace_labels(pod_security)}})
    log.info("created namespace %s%s", kube.namespace, f", Pod Security {pod_security}" if pod_security else "")
    return True


def deploy(
    helm: Helm,
    kube: Kube,
    releases: Sequence[Release],
    *,
    timeout_s: float,
    keep_failed: bool = False,
    new_namespace: bool = False,
    hint: str = "",
    show: Show,
) -> Deployed:
    """Install or upgrade the releases in this order, and wait until their workloads are ready and the gateway answers.

    Args:
        helm: Helm in the namespace, which exists.
        kube: The same namespace.
        releases: Releases to install.
        timeout_s: Time limit for everything, in seconds.
        keep_failed: Leave releases that failed as they are; else each goes back to its former revision.
        new_namespace: Whether this deploy created the namespace, which then goes with a first install that fails.
        hint: A command that runs the package.
        show: Called with every observation of the workloads.

    Raises:
        BaiKitError: the deploy failed; the message says why and what was undone.
        KeyboardInterrupt: somebody stopped the deploy; the log says in which state the releases are.
    """
    start = time.monotonic()
    attempt = _Attempt(helm, timeout_s, start)
    try:
        made = [attempt.install(release) for release in releases]
        _wait(kube, made, start, timeout_s, show)
        left_s = max(timeout_s - (time.monotonic() - start), 30.0)
        reach_gateway(kube, [found for release in releases for found in release.objects], left_s)
    except KeyboardInterrupt:
        for line in attempt.state():
            log.warning("%s", line)
        log.warning("nothing was rolled back; run the same deploy again to complete it, or bai-kit undeploy")
        raise
    except BaiKitError as exc:
        done = ["kept as it is"] if keep_failed else attempt.roll_back()
        if new_namespace and not keep_failed and not attempt.state():
            done.append(_remove_namespace(kube))
        exc.message = f"{exc.message}; {'; '.join(done) or 'nothing was changed'}"
        exc.args = (exc.message,)
        raise
    installed = tuple(
        Installed(revision.release, revision.number, release.chart.name)
        for revision, release in zip(made, releases, strict=True)
    )
    return Deployed(helm.namespace, installed, round(time.monotonic() - start, 1), hint)


class _Attempt:
    """The changes of one deploy. Its revisions have a label, so that those of another deploy are never undone."""

    def __init__(self, helm: Helm, timeout_s: float, start: float) -> None:
        self._helm, self._deadline, self._timeout_s = helm, start + timeout_s, timeout_s
        self._label = secrets.token_hex(8)
        self._before: dict[str, int | None] = {}

    def install(self, release: Release) -> Revision:
        """Install or upgrade one release, after another deploy of the release has ended."""
        while True:
            self._wait_for_others(release.name)
            self._before[release.name] = self._ready_to_install(release.name)
            try:
                made = self._helm.install(
                    release.name, release.chart, release.values, timeout_s=int(self._timeout_s), label=self._label
                )
            except BusyError:  # another deploy began after the check above
                continue
            log.info("installed release %s revision %d", release.name, made.number)
            return made

    def state(self) -> list[str]:
        """Return a line about every release that this deploy has touched and that exists."""
        found = [(name, self._helm.current(name)) for name in self._before]
        return [f"release {name}: revision {it.number} is {it.status}" for name, it in found if it]

    def roll_back(self) -> list[str]:
        """Roll the releases back to their former revisions; return a sentence for each."""
        done = []
        for name, previous in reversed(self._before.items()):
            try:
                done += self._undo(name, previous)
            except BaiKitError as exc:  # the first error matters more: report this one too, and go on
                done.append(f"release {name} could not be rolled back: {exc.message}")
        return done

    def _undo(self, name: str, previous: int | None) -> list[str]:
        current = self._helm.current(name)
        if current is None or current.number == previous:
            return []
        if not self._helm.is_labelled(name, self._label):
            return [f"release {name} is at revision {current.number} of another deploy and stays there"]
        if previous is not None:
            self._helm.rollback(name, previous)
            return [f"rolled release {name} back to revision {previous}"]
        # Helm skips the hook that ends clusters: a new release has no cluster, and the hook's image may be what failed.
        self._helm.uninstall(name, no_hooks=True)
        kept = [found["metadata"]["name"] for found in current.manifest if _is_kept(found)]
        return [f"removed release {name}" + (f", not its volume {', '.join(kept)}" if kept else "")]

    def _wait_for_others(self, name: str) -> None:
        """Wait while another deploy changes a release.

        Raises:
            WaitTimeout: the other one did not end; perhaps it was killed.
        """
        is_said = False
        while (current := self._helm.current(name)) and current.status.startswith("pending-"):
            if time.monotonic() > self._deadline:
                undo = f"helm -n {self._helm.namespace} rollback {name}" if current.number > 1 else "bai-kit undeploy"
                state = f"release {name} is {current.status} for {self._timeout_s:.0f} s"
                raise WaitTimeout(
                    f"{state}: another deploy runs, or was killed",
                    hint=f"{undo}  # only if no other deploy runs",
                )
            if not is_said:
                log.info("release %s is %s: waiting for another deploy", name, current.status)
                is_said = True
            time.sleep(POLL_S)

    def _ready_to_install(self, name: str) -> int | None:
        """Return the revision to roll back to; remove a first install that failed, because Helm cannot upgrade it."""
        previous = self._helm.last_deployed(name)
        current = self._helm.current(name) if previous is None else None
        if current and current.status == "failed":
            log.info("removing release %s, whose first installation failed", name)
            self._helm.uninstall(name, no_hooks=True)
        return previous


def _remove_namespace(kube: Kube) -> str:
    try:
        kube.delete("namespaces", kube.namespace)
    except BaiKitError as exc:
        return f"namespace {kube.namespace} stays: {exc.message}"
    return f"removed namespace {kube.namespace}"


def _wait(kube: Kube, made: Sequence[Revision], start: float, timeout_s: float, show: Show) -> None:
    begun = time.monotonic()
    objects = [manifest_object for revision in made for manifest_object in revision.manifest]
    while True:
        workloads = observe(kube, objects, time.monotonic() - begun)
        show(workloads)
        waiting = [workload for workload in workloads if not workload.done]
        if not waiting:
            return
        for workload in waiting:
            if workload.trouble:
                raise HelmError(_reason(kube, workload))
        if time.monotonic() - start > timeout_s:
            raise WaitTimeout(
                f"after {timeout_s:.0f} s {_reason(kube, waiting[0])}", hint="--timeout SECONDS, or bai-kit doctor"
            )
        time.sleep(POLL_S)


def _reason(kube: Kube, workload: Workload) -> str:
    """Return why a workload is not ready, and log its last lines."""
    with suppress(BaiKitError):  # a log that cannot be read is no reason to hide the trouble
        for line in last_lines(kube, workload):
            log.error("%s", line)
    state = f"{workload.kind} {workload.name} has {workload.ready} of {workload.wanted} ready"
    return f"{state}: {(workload.trouble or workload.note).rstrip('.')}"


def _is_kept(found: Json) -> bool:
    return (found["metadata"].get("annotations") or {}).get("helm.sh/resource-policy") == "keep"
