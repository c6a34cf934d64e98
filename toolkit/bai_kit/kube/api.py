"""The Kubernetes API in a few words. The only importer of `kubernetes`, and the only place that knows its errors.

Objects are the API's own JSON (`Json`); nothing here knows a job, a log line or a cluster. `kubernetes` gives the
kubeconfig, tokens, TLS and the WebSocket; its generated classes are not used: their calls change between releases.
"""

import json
from collections.abc import Iterator, Sequence
from functools import cached_property
from http import HTTPStatus
from typing import Any, TypeAlias
from urllib.parse import quote, urlencode

import urllib3
import websocket

from bai_kit.errors import BaiKitError, RemoteError, SetupError
from bai_kit.kube.websocket import Channels

Json: TypeAlias = dict[str, Any]

CONNECT_S = 5.0
READ_S = 30.0
EXEC_READ_S = 120.0
"""Longest silence of a program in a pod: a large archive is read again up to the byte at which a transfer goes on."""
LONGEST_ERROR = 256
"""Characters kept of text that the API wrote: a longer one repeats the object, where secrets may be."""

_GROUPS = {
    "jobs": "batch/v1",
    "daskclusters": "gateway.dask.org/v1alpha1",
    "ingressroutes": "traefik.io/v1alpha1",
    "ingressroutetcps": "traefik.io/v1alpha1",
    "deployments": "apps/v1",
    "storageclasses": "storage.k8s.io/v1",
    "selfsubjectaccessreviews": "authorization.k8s.io/v1",
    "selfsubjectreviews": "authentication.k8s.io/v1",
}
"""API group and version of each kind that is not of the core group."""
_CLUSTER_WIDE = {"namespaces", "nodes", "persistentvolumes", "storageclasses"} | {
    "selfsubjectaccessreviews",
    "selfsubjectreviews",
}


class Kube:
    """One namespace of one Kubernetes API, as the user of a kubeconfig sees it. Talks to nobody until it is asked.

    Args:
        context: The kubeconfig's context; None is its current one.
        kubeconfig: Path of a kubeconfig; None is `KUBECONFIG`, then `~/.kube/config`, then the pod that we run in.
        namespace: Namespace of every call; None is the context's, then `default`.
    """

    def __init__(
        self, *, context: str | None = None, kubeconfig: str | None = None, namespace: str | None = None
    ) -> None:
        self._context = context
        self._kubeconfig = kubeconfig
        self._namespace = namespace

    @property
    def namespace(self) -> str:
        """The namespace of every call."""
        return self._namespace or self._loaded[1] or "default"

    @property
    def context(self) -> str | None:
        """The kubeconfig's context; None when there is no kubeconfig, as in a pod."""
        return self._loaded[2]

    @property
    def server(self) -> str:
        """The API's URL."""
        return str(self._loaded[0].host)

    @cached_property
    def _loaded(self) -> tuple[Any, str | None, str | None]:
        """Client configuration, the context's own namespace, and its name."""
        from kubernetes import client, config  # noqa: PLC0415 - 0.3 s that `--help` need not wait for

        configuration = client.Configuration()
        try:
            contexts, active = config.list_kube_config_contexts(self._kubeconfig)
            config.load_kube_config(self._kubeconfig, self._context, configuration, persist_config=False)
        except (config.ConfigException, OSError) as exc:
            if self._kubeconfig or self._context:
                raise SetupError(f"kubeconfig cannot be used: {_short(str(exc))}", hint="kubectl config view") from exc
            try:
                config.load_incluster_config(configuration)
            except config.ConfigException as inner:
                raise SetupError(
                    f"no Kubernetes to talk to: {_short(str(exc))}", hint="export KUBECONFIG=FILE, or --kubeconfig FILE"
                ) from inner
            return configuration, None, None
        chosen = next((each for each in contexts if each["name"] == self._context), active)
        return configuration, chosen["context"].get("namespace"), chosen["name"]

    @cached_property
    def _pool(self) -> Any:
        from kubernetes import client  # noqa: PLC0415 - see _loaded

        return client.ApiClient(self._loaded[0]).rest_client.pool_manager

    # ------------------------------------------------------------------------------------------------ objects

    def get(self, kind: str, name: str) -> Json | None:
        """Read one object; None when there is none."""
        return self._json("GET", self._path(kind, name), missing_is_none=True)

    def list(self, kind: str, *, labels: str = "", fields: str = "") -> list[Json]:
        """List objects of a kind (`pods`, `jobs`, ...) by label and field selector; none when the kind is not known."""
        query = {"labelSelector": labels, "fieldSelector": fields}
        found = self._json("GET", self._path(kind), query=query, missing_is_none=True)
        return found["items"] if found else []

    def create(self, kind: str, body: Json) -> Json:
        """Create an object and return what the API made of it."""
        return self._json("POST", self._path(kind), body=body) or {}

    def patch(self, kind: str, name: str, body: Json) -> Json | None:
        """Merge `body` into an object; None when there is none."""
        return self._json("PATCH", self._path(kind, name), body=body, missing_is_none=True)

    def delete(self, kind: str, name: str, *, grace_s: int | None = None) -> bool:
        """Delete an object, and what it owns in the background; whether there was one."""
        body = {"propagationPolicy": "Background"} | ({} if grace_s is None else {"gracePeriodSeconds": grace_s})
        return self._json("DELETE", self._path(kind, name), body=body, missing_is_none=True) is not None

    def can(self, verb: str, resource: str, *, group: str = "", subresource: str = "") -> bool:
        """Ask whether the user may do this in the namespace (SelfSubjectAccessReview)."""
        attributes = {"namespace": self.namespace, "verb": verb, "group": group, "resource": resource}
        spec = {"resourceAttributes": attributes | {"subresource": subresource}}
        review = self.create("selfsubjectaccessreviews", {"spec": spec})
        return bool(review["status"].get("allowed"))

    def user(self) -> str:
        """The name by which the API knows us (SelfSubjectReview)."""
        return str(self.create("selfsubjectreviews", {})["status"]["userInfo"]["username"])

    def version(self) -> str:
        """The server's version, such as `v1.34.4`."""
        return str((self._json("GET", "/version") or {})["gitVersion"])

    # ------------------------------------------------------------------------------------------------ streams

    def log(self, pod: str, container: str, *, since: str = "", follow: bool = True) -> Iterator[bytes]:
        """Yield the lines of a container's log, each with its time stamp in front, until the stream ends.

        A stream that is followed ends, without an error, when the container has ended, when the pod is gone, and when
        nothing came for `READ_S` seconds: a connection that died silently looks like an application that says nothing.
        Ask again for the rest. One that is not followed is whole when it ends without an error.

        Args:
            pod: The pod's name.
            container: The container's name.
            since: RFC 3339 time of the first line wanted; the API rounds it down to a second.
            follow: Wait for lines to come.

        Raises:
            SetupError: no right, no API, or a log that is not followed broke off.
        """
        query = {"container": container, "timestamps": "true", "sinceTime": since, "follow": str(follow).lower()}
        path = f"{self._path('pods', pod)}/log"
        reply = self._send("GET", path, query=query, stream=True)
        if reply.status != HTTPStatus.OK:
            reply.close()
            if reply.status == HTTPStatus.FORBIDDEN:
                raise _refused(reply.status, "get", path, b"pods/log")
            if not follow and reply.status >= HTTPStatus.TOO_MANY_REQUESTS:
                raise SetupError(f"log of pod {pod} cannot be read (HTTP {reply.status})")
            return
        rest = b""
        try:
            while chunk := reply.read1(65536):
                *lines, rest = (rest + chunk).split(b"\n")
                yield from lines
        except (urllib3.exceptions.HTTPError, OSError) as exc:
            if follow:
                return
            raise SetupError(f"log of pod {pod} broke off: {_short(str(exc))}") from exc
        finally:
            reply.close()
        if rest:  # a last line may lack its newline
            yield rest

    def exec(self, pod: str, argv: Sequence[str]) -> Iterator[tuple[int, bytes]]:
        """Run a program in a pod's only container; yield (1, output) and (2, errors) as they come.

        Raises:
            RemoteError: the program ended with an error, or the connection broke before its status came.
        """
        query = [("stdout", "true"), ("stderr", "true"), *(("command", word) for word in argv)]
        with self.channels(f"{self._path('pods', pod)}/exec", query, silence_s=EXEC_READ_S) as channels:
            for channel, data in channels:
                if channel == _STATUS:
                    status = json.loads(data)
                    if status["status"] != "Success":
                        raise RemoteError(f"pod {pod}: {_short(status.get('message', 'failed'))}")
                    return
                yield channel, data
        raise RemoteError(f"pod {pod}: the connection ended before its program did")

    def forward(self, pod: str, port: int) -> Channels:
        """Connect to a port of a pod: channel 0 carries the bytes of both ways."""
        return self.channels(f"{self._path('pods', pod)}/portforward", [("ports", str(port))])

    def channels(self, path: str, query: Sequence[tuple[str, str]], *, silence_s: float | None = None) -> Channels:
        """Open a WebSocket of numbered channels.

        Args:
            path: Of the API.
            query: Its parameters.
            silence_s: Seconds of silence after which the connection counts as broken; None waits for ever.
        """
        from kubernetes.stream import ws_client  # noqa: PLC0415 - see _loaded

        configuration = self._loaded[0]
        url = configuration.host.replace("http", "ws", 1) + path + "?" + urlencode(query)
        headers = self._headers() | {"sec-websocket-protocol": "v4.channel.k8s.io"}
        try:
            opened = ws_client.create_websocket(configuration, url, headers)
            opened.settimeout(silence_s)
            return Channels(opened)
        except websocket.WebSocketBadStatusException as exc:
            raise _refused(exc.status_code, "create", path, exc.resp_body or b"") from exc
        except (OSError, websocket.WebSocketException) as exc:
            raise RemoteError(f"{path}: cannot connect: {_short(str(exc))}") from exc

    # ------------------------------------------------------------------------------------------------ transport

    def _path(self, kind: str, name: str = "") -> str:
        group = _GROUPS.get(kind)
        scope = "" if kind in _CLUSTER_WIDE else f"/namespaces/{self.namespace}"
        return f"{f'/apis/{group}' if group else '/api/v1'}{scope}/{kind}{f'/{quote(name)}' if name else ''}"

    def _headers(self) -> dict[str, str]:
        settings = self._loaded[0].auth_settings().values()
        return {each["key"]: each["value"] for each in settings if each.get("value")}

    def _json(
        self,
        method: str,
        path: str,
        *,
        query: dict[str, str] | None = None,
        body: Json | None = None,
        missing_is_none: bool = False,
    ) -> Json | None:
        reply = self._send(method, path, query=query, body=body)
        if reply.status == HTTPStatus.NOT_FOUND and missing_is_none:
            return None
        if reply.status >= HTTPStatus.BAD_REQUEST:
            raise _refused(reply.status, _VERBS[method], path, reply.data)
        parsed: Json = json.loads(reply.data)
        return parsed

    def _send(
        self,
        method: str,
        path: str,
        *,
        query: dict[str, str] | None = None,
        body: Json | None = None,
        stream: bool = False,
    ) -> Any:
        words = {key: value for key, value in (query or {}).items() if value}
        content = "application/merge-patch+json" if method == "PATCH" else "application/json"
        try:
            return self._pool.request(
                method,
                f"{self.server}{path}{f'?{urlencode(words)}' if words else ''}",
                body=None if body is None else json.dumps(body),
                headers=self._headers() | {"Content-Type": content, "Accept": "application/json, */*"},
                timeout=urllib3.Timeout(connect=CONNECT_S, read=READ_S),
                retries=urllib3.Retry(total=2, backoff_factor=0.2, allowed_methods={"GET"}, raise_on_status=False),
                preload_content=not stream,
            )
        except urllib3.exceptions.HTTPError as exc:
            reason = getattr(exc, "reason", None) or exc
            raise SetupError(
                f"Kubernetes API {self.server} cannot be reached: {_short(str(reason))}", hint="kubectl cluster-info"
            ) from exc


_STATUS = 3
"""The channel on which Kubernetes says how a program ended."""
_VERBS = {"GET": "get", "POST": "create", "PATCH": "patch", "DELETE": "delete"}


def _refused(status: int, verb: str, path: str, body: bytes) -> BaiKitError:
    """Say in one line what the API answered."""
    try:
        message = json.loads(body)["message"]
    except (ValueError, KeyError, TypeError):
        message = body.decode(errors="replace")
    what = path.partition("/namespaces/")[2].partition("/")[2] or path
    if status == HTTPStatus.UNAUTHORIZED:
        return SetupError(
            "Kubernetes does not know the user of this kubeconfig (401)", hint="log in again, or choose --context"
        )
    if status == HTTPStatus.FORBIDDEN:
        return SetupError(f"no right to {verb} {what}: {_short(message)}", hint="bai-kit doctor")
    return RemoteError(f"cannot {verb} {what}: {_short(message)} (HTTP {status})")


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_ERROR else line[: LONGEST_ERROR - 3] + "..."
