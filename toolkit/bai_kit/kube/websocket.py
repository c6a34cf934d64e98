"""Numbered channels of bytes over a WebSocket: the protocol of exec and port-forward."""

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any, Self

import websocket

from bai_kit.errors import ConnectionLost

_BROKEN = (OSError, ValueError, websocket.WebSocketException)
"""What a broken connection raises; ValueError comes from a TLS socket that another thread closed."""


class Channels:
    """A WebSocket that carries numbered channels of bytes (Kubernetes' `v4.channel.k8s.io`)."""

    def __init__(self, socket: Any) -> None:
        self._socket = socket

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        """Yield (channel, bytes) until the other side closes; an empty frame only opens a channel.

        Raises:
            ConnectionLost: the connection broke, or was silent for too long.
        """
        while True:
            try:
                opcode, frame = self._socket.recv_data_frame(True)
            except websocket.WebSocketConnectionClosedException:
                return
            except _BROKEN as exc:
                raise ConnectionLost(f"the connection to the pod broke: {str(exc)[:256]}") from exc
            if opcode == websocket.ABNF.OPCODE_CLOSE:
                return
            if opcode in {websocket.ABNF.OPCODE_BINARY, websocket.ABNF.OPCODE_TEXT} and len(frame.data) > 1:
                yield frame.data[0], frame.data[1:]

    def send(self, data: bytes) -> None:
        """Send bytes on channel 0.

        Raises:
            ConnectionLost: the connection broke, or was closed.
        """
        try:
            self._socket.send_binary(b"\0" + data)
        except _BROKEN as exc:
            raise ConnectionLost(f"the connection to the pod broke: {str(exc)[:256]}") from exc

    def send_all(self, chunks: Iterable[bytes]) -> None:
        """Send chunks on channel 0 until the program stops reading; its status, which follows, says why."""
        for chunk in chunks:
            try:
                self.send(chunk)
            except ConnectionLost:
                return

    def close(self) -> None:
        """Close the connection at once, also while another thread reads from it."""
        with contextlib.suppress(OSError):  # the other side closed it first
            self._socket.abort()
        self._socket.shutdown()
