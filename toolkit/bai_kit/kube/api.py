"""The Kubernetes API as the toolkit uses it: objects, logs, programs in pods and ports of pods.

Objects are the API's own JSON (`Json`). Why neither the generated classes of the client nor its stream module are used
is in docs/decisions/0023-kubernetes-client.md.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import urllib3

from bai_kit.errors import BaiKitError, ConnectionLost, ProgramFailed, RemoteError, SetupError
from bai_kit.kube.connection import Connection, Json, checked, refused, shortened
from bai_kit.kube.websocket import Channels

__all__ = ["Json", "Kube"]

EXEC_SILENCE_S = 120.0
"""Longest silence of a program in a pod: a resumed transfer reads the archive again up to the byte it continues at."""
_STATUS_CHANNEL = 3
"""The channel on which Kubernetes reports how a program ended."""
_GROUPS = {
    "jobs": "batch/v1",
    "daskclusters": "gateway.dask.org/v1alpha1",
    "ingressroutes": "traefik.io/v1alpha1",
    "ingressroutetcps": "traefik.io/v1alpha1",
    "deployments": "apps/v1",
    "storageclasses": "storage.k8s.io/v1",
    "validatingadmissionpolicies": "admissionregistration.k8s.io/v1",
    "selfsubjectaccessreviews": "authorization.k8s.io/v1",
    "selfsubjectreviews": "authentication.k8s.io/v1",
}
"""API group and version of each kind that is not of the core group."""
_CLUSTER_WIDE = {
    *("namespaces", "nodes", "persistentvolumes", "storageclasses", "validatingadmissionpolicies"),
    *("selfsubjectaccessreviews", "selfsubjectreviews"),
}


class Kube:
    """One namespace of one Kubernetes API, as the user of a kubeconfig sees it. Connects with the first request.

    A request that gets no answer is repeated (see `Connection.send`), so a restart of the API harms no command.

    Args:
        context: The kubeconfig's context; None is its current one.
        kubeconfig: Path of a kubeconfig; None is `KUBECONFIG`, then `~/.kube/config`, then this process's pod.
        namespace: Namespace of every call; None is the context's, then `default`.
    """

    def __init__(
        self, *, context: str | None = None, kubeconfig: str | None = None, namespace: str | None = None
    ) -> None:
        self.connection = Connection(context, kubeconfig)
        self._namespace = namespace

    @property
    def namespace(self) -> str:
        """The namespace of every call."""
        return self._namespace or self.connection.loaded[1] or "default"

    @property
    def context(self) -> str | None:
        """The kubeconfig's context; None when there is no kubeconfig, as in a pod."""
        return self.connection.loaded[2]

    @property
    def server(self) -> str:
        """The API's URL."""
        return self.connection.server

    # ------------------------------------------------------------------------------------------------ objects

    def get(self, kind: str, name: str) -> Json | None:
        """Return one object, or None when it does not exist."""
        return self._existing("GET", self._path(kind, name))[0]

    def list(self, kind: str, *, labels: str = "", fields: str = "") -> list[Json]:
        """List objects of a kind (`pods`, `jobs`, ...) by label and field selector; none when the kind is unknown."""
        query = {"labelSelector": labels, "fieldSelector": fields}
        found, _ = self._existing("GET", self._path(kind), query=query)
        return found["items"] if found else []

    def create(self, kind: str, body: Json) -> Json:
        """Create an object and return it as stored.

        When the answer to a first request was lost, an object with this name and these annotations counts as created.
        """
        path = self._path(kind)
        reply, repeated = self.connection.send("POST", path, body=body)
        if reply.status == HTTPStatus.CONFLICT and repeated:
            found = self.get(kind, body["metadata"]["name"])
            wanted = body["metadata"].get("annotations", {}).items()
            if found and wanted <= found["metadata"].get("annotations", {}).items():
                return found
        return checked(reply, "POST", path)

    def patch(self, kind: str, name: str, body: Json) -> Json | None:
        """Merge `body` into an object; return None when it does not exist."""
        return self._existing("PATCH", self._path(kind, name), body=body)[0]

    def delete(self, kind: str, name: str, *, grace_s: int | None = None) -> bool:
        """Delete an object, and what it owns in the background; return whether it existed."""
        body = {"propagationPolicy": "Background"} | ({} if grace_s is None else {"gracePeriodSeconds": grace_s})
        found, repeated = self._existing("DELETE", self._path(kind, name), body=body)
        return found is not None or repeated

    def can(self, verb: str, resource: str, *, group: str = "", subresource: str = "") -> bool:
        """Ask whether the user has a permission in the namespace (SelfSubjectAccessReview)."""
        attributes = {"namespace": self.namespace, "verb": verb, "group": group, "resource": resource}
        spec = {"resourceAttributes": attributes | {"subresource": subresource}}
        review = self.create("selfsubjectaccessreviews", {"spec": spec})
        return bool(review["status"].get("allowed"))

    def has_group(self, group: str) -> bool:
        """Ask whether the API has kinds of a group, such as `gateway.dask.org`; every user may ask this."""
        return self._existing("GET", f"/apis/{group}")[0] is not None

    def user(self) -> str:
        """Return the user's name as the API knows it (SelfSubjectReview)."""
        return str(self.create("selfsubjectreviews", {})["status"]["userInfo"]["username"])

    def version(self) -> str:
        """Return the server's version, such as `v1.34.4`."""
        return str((self._existing("GET", "/version")[0] or {})["gitVersion"])

    # ------------------------------------------------------------------------------------------------ streams

    def log(self, pod: str, container: str, *, since: str = "", follow: bool = True) -> Iterator[bytes]:
        """Yield the lines of a container's log, each with its time stamp in front, until the stream ends.

        A stream that is followed ends, without an error, when the container has ended, when the pod is deleted, and
        when nothing came for 30 s: a broken connection looks like an application that writes nothing. Ask again for the
        rest. A stream that is not followed is complete when it ends without an error.

        Args:
            pod: The pod's name.
            container: The container's name.
            since: RFC 3339 time of the first line wanted; the API rounds it down to a second.
            follow: Wait for further lines.

        Raises:
            SetupError: no permission, or no API.
            ConnectionLost: a log that is not followed broke off.
        """
        query = {"container": container, "timestamps": "true", "sinceTime": since, "follow": str(follow).lower()}
        path = f"{self._path('pods', pod)}/log"
        reply, _ = self.connection.send("GET", path, query=query, stream=True)
        if reply.status != HTTPStatus.OK:
            reply.close()
            if reply.status == HTTPStatus.FORBIDDEN:
                raise refused(reply.status, "get", path, b"pods/log")
            if not follow and reply.status >= HTTPStatus.TOO_MANY_REQUESTS:
                raise SetupError(f"cannot read the log of pod {pod} (HTTP {reply.status})")
            return
        rest = b""
        try:
            while chunk := reply.read1(65536):
                *lines, rest = (rest + chunk).split(b"\n")
                yield from lines
        except (urllib3.exceptions.HTTPError, OSError) as exc:
            if follow:
                return
            raise ConnectionLost(f"the log of pod {pod} broke off: {shortened(str(exc))}") from exc
        finally:
            reply.close()
        if rest:  # a last line may lack its newline
            yield rest

    def exec(self, pod: str, argv: Sequence[str], stdin: Iterable[bytes] | None = None) -> Iterator[tuple[int, bytes]]:
        """Run a program in a pod's only container; yield (1, output) and (2, errors) as they come.

        Args:
            pod: The pod's name.
            argv: The program and its arguments.
            stdin: Chunks for its standard input, which Kubernetes does not close after them; None for no input.

        Raises:
            ProgramFailed: the program ended with an error.
            ConnectionLost: the connection broke before the program's status came.
        """
        query = [("stdout", "true"), ("stderr", "true"), *(("command", word) for word in argv)]
        query += [] if stdin is None else [("stdin", "true")]
        path = f"{self._path('pods', pod)}/exec"
        with self.connection.open_channels(path, query, silence_s=EXEC_SILENCE_S) as channels:
            channels.send_all(stdin or ())
            for channel, data in channels:
                if channel == _STATUS_CHANNEL:
                    _check_status(pod, json.loads(data))
                    return
                yield channel, data
        raise ConnectionLost(f"pod {pod}: the connection ended before its program did")

    def forward(self, pod: str, port: int) -> Channels:
        """Connect to a port of a pod: channel 0 carries the bytes of both directions."""
        return self.connection.open_channels(f"{self._path('pods', pod)}/portforward", [("ports", str(port))])

    def _path(self, kind: str, name: str = "") -> str:
        group = _GROUPS.get(kind)
        scope = "" if kind in _CLUSTER_WIDE else f"/namespaces/{self.namespace}"
        return f"{f'/apis/{group}' if group else '/api/v1'}{scope}/{kind}{f'/{quote(name)}' if name else ''}"

    def _existing(self, method: str, path: str, **how: Any) -> tuple[Json | None, bool]:
        """Send a request; return its JSON, or None for 404, and whether an earlier answer may have been lost."""
        reply, repeated = self.connection.send(method, path, **how)
        return (None if reply.status == HTTPStatus.NOT_FOUND else checked(reply, method, path)), repeated


def _check_status(pod: str, status: Json) -> None:
    """Raise the error of a program that failed; a program that could not be started has no exit code."""
    if status["status"] == "Success":
        return
    message = f"pod {pod}: {shortened(status.get('message', 'failed'))}"
    causes = status.get("details", {}).get("causes", [])
    code = next((cause["message"] for cause in causes if cause.get("reason") == "ExitCode"), None)
    error: BaiKitError = RemoteError(message) if code is None else ProgramFailed(message, int(code))
    raise error
