"""The way to a Kubernetes API: kubeconfig, tokens, TLS, and requests that outlast a restart of the API."""

import json
import logging
import os
import time
from collections.abc import Sequence
from functools import cached_property
from http import HTTPStatus
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import urlencode

import urllib3
import websocket
import yaml

from bai_kit.errors import BaiKitError, ConnectionLost, RemoteError, SetupError
from bai_kit.kube.websocket import Channels

log = logging.getLogger(__name__)
Json: TypeAlias = dict[str, Any]

CONNECT_TIMEOUT_S = 5.0
READ_TIMEOUT_S = 30.0
FIRST_ANSWER_S = 3.0
"""Seconds to keep trying an API that has never answered: its address is probably wrong."""
OUTAGE_S = 120.0
"""Seconds to keep trying an API that has answered before: it is probably restarting."""
RETRY_PAUSE_S = 0.5
LONGEST_ERROR = 256
"""Characters kept of a text from the API: longer ones repeat the object, which may hold secrets."""
_BUSY = (429, 502, 503, 504)
"""HTTP status of an API that is overloaded or restarting."""


class Connection:
    """Sends requests to the API of one kubeconfig context. Connects with the first request.

    Args:
        context: The kubeconfig's context; None is its current one.
        kubeconfig: Path of a kubeconfig; None is `KUBECONFIG`, then `~/.kube/config`, then this process's pod.
    """

    def __init__(self, context: str | None, kubeconfig: str | None) -> None:
        self._context = context
        self._kubeconfig = kubeconfig
        self._has_answered = False

    @cached_property
    def loaded(self) -> tuple[Any, str | None, str | None]:
        """Client configuration, the context's own namespace, and the context's name; both None in a pod.

        Raises:
            SetupError: no kubeconfig, or one that cannot be used.
        """
        from kubernetes import client, config  # noqa: PLC0415 - 0.3 s that `--help` need not wait for

        configuration = client.Configuration()
        try:
            contexts, active = config.list_kube_config_contexts(self._kubeconfig)
            config.load_kube_config(self._kubeconfig, self._context, configuration, persist_config=False)
            chosen = next((context for context in contexts if context["name"] == self._context), active)
            return configuration, chosen["context"].get("namespace"), chosen["name"]
        except config.ConfigException as exc:
            if self._kubeconfig or self._context:
                raise self._unusable(exc) from exc
            try:
                config.load_incluster_config(configuration)
            except config.ConfigException as inner:
                hint = "export KUBECONFIG=FILE, or --kubeconfig FILE"
                raise SetupError(f"no Kubernetes is configured: {shortened(str(exc))}", hint=hint) from inner
            return configuration, None, None
        except (OSError, ValueError, TypeError, AttributeError, LookupError, yaml.YAMLError) as exc:
            raise self._unusable(exc) from exc  # the client checks neither the syntax of the file nor the types in it

    @property
    def server(self) -> str:
        """The API's URL."""
        return str(self.loaded[0].host)

    @cached_property
    def pool(self) -> Any:
        """The urllib3 pool with the kubeconfig's TLS settings."""
        from kubernetes import client  # noqa: PLC0415 - see loaded

        return client.ApiClient(self.loaded[0]).rest_client.pool_manager

    def send(
        self,
        method: str,
        path: str,
        *,
        query: dict[str, str] | None = None,
        body: Json | None = None,
        stream: bool = False,
    ) -> tuple[Any, bool]:
        """Send a request until it is answered; return the answer and whether an earlier answer may have been lost.

        Raises:
            ConnectionLost: no answer within `OUTAGE_S` (`FIRST_ANSWER_S` for the first one).
            SetupError: the API's certificate is not trusted.
        """
        words = {key: value for key, value in (query or {}).items() if value}
        content = "application/merge-patch+json" if method == "PATCH" else "application/json"
        outage = _Outage(self._has_answered)
        while True:
            try:
                reply = self.pool.request(
                    method,
                    f"{self.server}{path}{f'?{urlencode(words)}' if words else ''}",
                    body=None if body is None else json.dumps(body),
                    headers=self._headers() | {"Content-Type": content, "Accept": "application/json, */*"},
                    timeout=urllib3.Timeout(connect=CONNECT_TIMEOUT_S, read=READ_TIMEOUT_S),
                    retries=False,
                    preload_content=not stream,
                )
            except urllib3.exceptions.HTTPError as exc:
                if "CERTIFICATE_VERIFY_FAILED" in str(exc):
                    raise _untrusted(self.server) from exc
                outage.wait(self._unreachable(exc), exc)
                continue
            self._has_answered = True
            if reply.status not in _BUSY or outage.is_too_long:
                return reply, outage.has_begun
            reply.close()
            outage.wait(refused(reply.status, _VERBS[method], path, b"busy"), None)

    def open_channels(self, path: str, query: Sequence[tuple[str, str]], *, silence_s: float | None = None) -> Channels:
        """Open a WebSocket of numbered channels.

        Args:
            path: Path of the API.
            query: Its parameters.
            silence_s: Seconds of silence after which the connection counts as broken; None waits for ever.

        Raises:
            ConnectionLost: no answer, as for `send`.
            BaiKitError: the API refused it.
        """
        from kubernetes.stream import ws_client  # noqa: PLC0415 - see loaded

        configuration = self.loaded[0]
        url = configuration.host.replace("http", "ws", 1) + path + "?" + urlencode(query)
        headers = self._headers() | {"sec-websocket-protocol": "v4.channel.k8s.io"}
        outage = _Outage(self._has_answered)
        while True:
            try:
                opened = ws_client.create_websocket(configuration, url, headers)
                opened.settimeout(silence_s)
                return Channels(opened)
            except websocket.WebSocketBadStatusException as exc:
                error = refused(exc.status_code, "create", path, exc.resp_body or b"")
                if exc.status_code not in _BUSY:
                    raise error from exc
                outage.wait(error, exc)
            except (OSError, websocket.WebSocketException) as exc:
                outage.wait(ConnectionLost(f"cannot connect to {path}: {shortened(str(exc))}"), exc)

    def _headers(self) -> dict[str, str]:
        settings = self.loaded[0].auth_settings().values()
        return {setting["key"]: setting["value"] for setting in settings if setting.get("value")}

    def _unreachable(self, exc: Exception) -> ConnectionLost:
        cause = exc.__cause__ or exc
        reason = (isinstance(cause, OSError) and cause.strerror) or shortened(str(cause))
        return ConnectionLost(f"cannot reach the Kubernetes API {self.server}: {reason}", hint="kubectl cluster-info")

    def _unusable(self, exc: Exception) -> SetupError:
        file = self._kubeconfig or os.environ.get("KUBECONFIG", "")
        missing = file and not any(Path(path).exists() for path in file.split(os.pathsep))
        reason = "no such file" if missing else shortened(str(exc))
        return SetupError(f"cannot use kubeconfig{f' {file}' if file else ''}: {reason}", hint="kubectl config view")


class _Outage:
    """The time in which one request gets no answer."""

    def __init__(self, has_answered: bool) -> None:
        self._has_answered = has_answered
        self._deadline = time.monotonic() + (OUTAGE_S if has_answered else FIRST_ANSWER_S)
        self.has_begun = False

    @property
    def is_too_long(self) -> bool:
        """Whether it is time to give up."""
        return time.monotonic() > self._deadline

    def wait(self, error: BaiKitError, cause: Exception | None) -> None:
        """Pause before the next try, or raise the error when the time is over."""
        if self.is_too_long:
            raise error from cause
        if self._has_answered and not self.has_begun:
            log.warning("no answer from the API yet, trying again")
        self.has_begun = True
        time.sleep(RETRY_PAUSE_S)


_VERBS = {"GET": "get", "POST": "create", "PATCH": "patch", "DELETE": "delete"}


def checked(reply: Any, method: str, path: str) -> Json:
    """Return an answer's JSON.

    Raises:
        BaiKitError: the API refused the request.
    """
    if reply.status >= HTTPStatus.BAD_REQUEST:
        raise refused(reply.status, _VERBS[method], path, reply.data)
    parsed: Json = json.loads(reply.data)
    return parsed


def refused(status: int, verb: str, path: str, body: bytes) -> BaiKitError:
    """Return the error for an HTTP status of 400 or more, in one line."""
    try:
        message = json.loads(body)["message"]
    except (ValueError, KeyError, TypeError):
        message = body.decode(errors="replace")
    what = path.partition("/namespaces/")[2].partition("/")[2] or path
    if status == HTTPStatus.UNAUTHORIZED:
        return SetupError(
            "the Kubernetes API does not accept the user of this kubeconfig (401)",
            hint="log in again, or choose --context",
        )
    if status == HTTPStatus.FORBIDDEN:
        return SetupError(f"no permission to {verb} {what}: {shortened(message)}", hint="bai-kit doctor")
    return RemoteError(f"cannot {verb} {what}: {shortened(message)} (HTTP {status})")


def shortened(text: str) -> str:
    """Return a text as one line of at most `LONGEST_ERROR` characters."""
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_ERROR else line[: LONGEST_ERROR - 3] + "..."


def _untrusted(server: str) -> SetupError:
    message = f"the certificate of the API {server} is not one that this kubeconfig trusts"
    return SetupError(message, hint="kubectl config view")
