"""Numbered channels of bytes over a WebSocket: what Kubernetes uses for exec and port-forward."""

import contextlib
from collections.abc import Iterator
from typing import Any, Self

import websocket

from bai_kit.errors import RemoteError


class Channels:
    """A WebSocket that carries numbered channels of bytes, as exec and port-forward use it."""

    def __init__(self, socket: Any) -> None:
        self._socket = socket

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        """Yield (channel, bytes) until the other side closes; an empty frame only opens a channel.

        Raises:
            RemoteError: the connection broke.
        """
        while True:
            try:
                opcode, frame = self._socket.recv_data_frame(True)
            except websocket.WebSocketConnectionClosedException:
                return
            except (OSError, websocket.WebSocketException) as exc:
                raise RemoteError(f"the connection to the pod broke: {str(exc)[:256]}") from exc
            if opcode == websocket.ABNF.OPCODE_CLOSE:
                return
            if opcode in {websocket.ABNF.OPCODE_BINARY, websocket.ABNF.OPCODE_TEXT} and len(frame.data) > 1:
                yield frame.data[0], frame.data[1:]

    def send(self, data: bytes) -> None:
        """Send bytes on channel 0."""
        self._socket.send_binary(b"\0" + data)

    def close(self) -> None:
        """Close the connection at once, also under a thread that reads from it."""
        with contextlib.suppress(OSError):  # the other side was faster
            self._socket.abort()
        self._socket.shutdown()
