"""Watch a step's pod from its creation to its end; delete it, with the reason in one sentence, when it cannot go on."""

import contextlib
import json
import logging
import queue
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from calrissian.k8s import CompletionResult, KubernetesClient, PodMonitor
from kubernetes import watch
from kubernetes.client.rest import ApiException
from tenacity import retry_if_exception, stop_after_delay, wait_exponential
from urllib3.exceptions import HTTPError

from cwl_dask.calrissian import steplog
from cwl_dask.calrissian.clusterwatch import ClusterWatch
from cwl_dask.calrissian.obstacles import obstacle_of
from cwl_dask.calrissian.pod import Pod, Runner
from cwl_dask.calrissian.session import Session
from cwl_dask.core.step import StepError
from cwl_dask.core.waiting import GaveUp, Obstacle, Patience
from cwl_dask.podlog import PodLog

if TYPE_CHECKING:
    from cwl_dask.core.claim import Claim

log = logging.getLogger(__name__)

LAST_LINE_CHARACTERS = 300
"""Largest number of characters of a failed step's last line in a message; the log has the whole line."""
RETRY_S = 60
"""Seconds to retry one call to the Kubernetes API while the API is unavailable."""


class StepClient(KubernetesClient):  # type: ignore[misc] # Calrissian has no types
    """Calrissian's client of the Kubernetes API, one for each step."""

    session: Session
    claim: "Claim | None" = None
    step_log: Path | None = None
    """File on the volume to which the step's output is copied; None: not copied."""
    cluster: ClusterWatch | None = None
    why = ""
    """Why the step's process failed."""
    lost = ""
    """How the step's cluster ended before its process failed; empty if the cluster was not the reason."""

    def get_current_pod(self) -> Any:
        """Read the runner's pod, as Calrissian does, and keep the fields that the steps need."""
        pod = super().get_current_pod()
        self.runner = Runner.from_pod(pod)
        return pod

    def submit_pod(self, pod_body: Pod) -> None:
        """Create the step's pod.

        Raises:
            StepError: Kubernetes refuses it.
        """
        name = pod_body["metadata"]["name"]
        self.session.ledger.add("pod", name)
        try:
            super().submit_pod(pod_body)
        except ApiException as error:
            if not transient(error):
                self.session.ledger.remove("pod", name)
            raise StepError(f"cannot create pod {name}: {reason(error)}", temporary=transient(error)) from error
        log.info("created pod %s", name)

    def wait_for_completion(self) -> CompletionResult:
        """Wait for the pod, and for everything else that can end the step.

        Raises:
            StepError: the pod does not start, is deleted, or cannot be watched; the cluster fails; SIGTERM.
        """
        name = self.pod.metadata.name
        say = self.session.output.say
        lines = PodLog(self.core_api_instance, self.namespace, name, say, keep_entries=self.session.keep_entries)
        try:
            with contextlib.ExitStack() as stack:
                if self.claim:
                    watch = ClusterWatch(self.claim, self.core_api_instance, self.namespace, say)
                    self.cluster = stack.enter_context(watch)
                pod, end = self._until_ended(name, lines)
                if self.cluster and end.exit_code:
                    self.check()  # a runner that stops has dismissed the cluster itself
                    self.lost = self.cluster.why_lost()
            if self.claim:  # while the last lines and the outputs are collected
                self.claim.finish()
            lines.finish()
        finally:
            self._remove(name)
            self._collect_output(lines)
        if end.exit_code:
            self.why = _explained(end, pod, lines.last)
        asked = pod.spec.containers[0].resources.requests
        return CompletionResult(
            end.exit_code, asked["cpu"], asked["memory"], end.started_at, end.finished_at, lines.entries
        )

    def _collect_output(self, lines: PodLog) -> None:
        """Append the step's output to `step.log`, and say how many of its lines the pod's log had lost."""
        if self.step_log and self.session.output.step_log:
            written = steplog.collect(self.step_log, self.session.output.step_log)
            if written > lines.count:
                self.session.output.say(f"{written - lines.count:,} lines skipped, all {written:,} are in step.log")

    def _until_ended(self, name: str, lines: PodLog) -> tuple[Any, Any]:
        """Wait until the step's container has ended; return the pod and the container's terminated state."""
        patience, obstacle, started = Patience(f"pod {name}", self.session.start_s, self.session.pending_s), None, False
        with self._events(name) as events:
            while True:
                self.check()
                if not started:
                    _look(patience, obstacle)
                elif self.cluster:
                    self.cluster.look()
                with contextlib.suppress(queue.Empty):
                    pod = _seen(events.get(timeout=0.2), name)
                    state = pod.status.container_statuses[0].state if pod.status.container_statuses else None
                    if not state or state.waiting:
                        obstacle = obstacle_of(pod)
                        continue
                    if not started:
                        started = True
                        lines.start()
                    if state.terminated:
                        if state.terminated.exit_code and pod.metadata.deletion_timestamp:
                            raise StepError(f"pod {name} was deleted while it ran", temporary=True)
                        return pod, state.terminated

    def check(self) -> None:
        """Raise if the runner stops.

        Raises:
            StepError: the runner was told to stop.
        """
        if self.session.clusters.stopping:
            raise StepError("stopped", kind="stopped")

    @contextlib.contextmanager
    def _events(self, name: str) -> Iterator[queue.SimpleQueue[Any]]:
        """Watch the pod in a thread for the length of a `with`."""
        events: queue.SimpleQueue[Any] = queue.SimpleQueue()
        over = threading.Event()
        threading.Thread(target=self._watch, args=(name, events, over), name=f"watch-{name}", daemon=True).start()
        try:
            yield events
        finally:
            over.set()

    def _watch(self, name: str, events: queue.SimpleQueue[Any], over: threading.Event) -> None:
        one = {"field_selector": f"metadata.name={name}"}
        pods = self.core_api_instance.list_namespaced_pod
        while not over.is_set():
            try:
                for event in watch.Watch().stream(pods, self.namespace, timeout_seconds=60, **one):
                    events.put(event)
                if not pods(self.namespace, **one).items:
                    events.put({"type": "DELETED", "object": self.pod})
                    return
            except (ApiException, HTTPError) as error:
                if not transient(error):
                    events.put(error)
                    return
                over.wait(1)

    def _remove(self, name: str) -> None:
        if self.should_delete_pod():
            try:
                self.delete_pod_name(name)
            except (ApiException, HTTPError) as error:
                log.error("pod %s may still run: %s", name, reason(error))  # noqa: TRY400 - one line is enough
            else:
                self.session.ledger.remove("pod", name)
        else:
            self.session.ledger.remove("pod", name)  # kept on purpose
        with PodMonitor() as monitor:
            monitor.remove(self.pod)


def bound_retries() -> None:
    """Retry calls for a minute while the API is unavailable, and refused calls never; Calrissian retries 41 minutes."""
    for method in ("submit_pod", "delete_pod_name", "get_pod_for_name"):
        policy = getattr(KubernetesClient, method).retry
        policy.retry = retry_if_exception(transient)
        policy.wait = wait_exponential(multiplier=0.5, max=5)
        policy.stop = stop_after_delay(RETRY_S)


def transient(error: BaseException) -> bool:
    """Return whether an error means that the Kubernetes API is temporarily unavailable, so a retry may succeed."""
    if isinstance(error, ApiException):
        return error.status in (0, 410, 429) or error.status >= 500  # noqa: PLR2004 - HTTP's server errors
    return isinstance(error, HTTPError)


def reason(error: BaseException) -> str:
    """Take the sentence out of a Kubernetes API's answer."""
    with contextlib.suppress(ValueError, KeyError, TypeError, AttributeError):
        return str(json.loads(error.body)["message"])  # type: ignore[attr-defined]
    return str(error)


def _seen(event: Any, name: str) -> Any:
    """Take the pod out of a watch's event."""
    if isinstance(event, Exception):
        raise StepError(f"cannot watch pod {name}: {reason(event)}")
    if event["type"] == "DELETED":
        raise StepError(f"pod {name} was deleted while it ran", temporary=True)
    return event["object"]


def _look(patience: Patience, obstacle: Obstacle | None) -> None:
    try:
        patience.look(obstacle)
    except GaveUp as end:
        raise StepError(str(end), kind="kubernetes", temporary=end.temporary) from end


def _explained(end: Any, pod: Any, last_line: str) -> str:
    """Return why the step's process failed: Kubernetes' reason, or else the step's last line.

    Args:
        end: the `V1ContainerStateTerminated`.
        pod: the `V1Pod`.
        last_line: what the step wrote last.
    """
    why = pod.status.reason or end.reason
    if why == "OOMKilled":
        allowed = pod.spec.containers[0].resources.limits["memory"]
        return f"OOMKilled: it may use {allowed}; ask for more with ramMin and ramMax"
    if why == "Error" and last_line:
        return last_line[:LAST_LINE_CHARACTERS] + "…" * (len(last_line) > LAST_LINE_CHARACTERS)
    return str(why)
