"""Exec and port-forward over a WebSocket, with the other side played by a real socket that speaks its frames."""

import socket
import threading

import pytest
import websocket

from bai_kit.errors import ConnectionLost, ProgramFailed
from bai_kit.kube.api import Kube
from bai_kit.kube.websocket import Channels


def frame(opcode, payload):
    """An unmasked frame, as servers send them."""
    length = bytes([len(payload)]) if len(payload) < 126 else b"\x7e" + len(payload).to_bytes(2, "big")
    return bytes([0x80 | opcode]) + length + payload


TEXT, BINARY, CLOSE, PING = 1, 2, 8, 9


@pytest.fixture
def pair():
    ours, theirs = socket.socketpair()
    found = websocket.WebSocket()
    found.sock, found.connected = ours, True
    found.settimeout(5)
    yield found, theirs
    ours.close()
    theirs.close()


def test_frames_become_channels_and_bytes(pair):
    found, theirs = pair
    theirs.sendall(frame(BINARY, b"\x01out") + frame(PING, b"") + frame(TEXT, b"\x02err") + frame(BINARY, b"\x01"))
    theirs.sendall(frame(CLOSE, b""))
    assert list(Channels(found)) == [(1, b"out"), (2, b"err")]


def test_an_end_without_a_word_is_an_end(pair):
    found, theirs = pair
    theirs.sendall(frame(BINARY, b"\x01out"))
    theirs.shutdown(socket.SHUT_WR)
    assert list(Channels(found)) == [(1, b"out")]


def test_silence_is_an_error(pair):
    found, _ = pair
    found.settimeout(0.05)
    with pytest.raises(ConnectionLost, match="the connection to the pod broke"):
        list(Channels(found))


def test_what_is_sent_goes_to_channel_0(pair):
    found, theirs = pair
    with Channels(found) as channels:
        channels.send(b"hello")
        sent = theirs.recv(100)
    mask, masked = sent[2:6], sent[6:]
    assert bytes(byte ^ mask[index % 4] for index, byte in enumerate(masked)) == b"\x00hello"
    assert theirs.recv(100) == b""  # closed


SUCCESS = b'{"status": "Success"}'
FAILURE = b"""{"status": "Failure", "message": "command terminated with non-zero exit code: 3",
    "details": {"causes": [{"reason": "ExitCode", "message": "3"}]}}"""


@pytest.fixture
def kube(pair, monkeypatch):
    found, theirs = pair
    made = Kube(namespace="ns")
    monkeypatch.setattr(made.connection, "open_channels", lambda *_, **__: Channels(found))
    return made, theirs


def test_a_programs_output_comes_until_its_status(kube):
    made, theirs = kube
    theirs.sendall(frame(BINARY, b"\x01a") + frame(BINARY, b"\x02b") + frame(BINARY, b"\x03" + SUCCESS))
    assert list(made.exec("p", ["x"])) == [(1, b"a"), (2, b"b")]


def test_a_program_that_fails_is_an_error_after_its_output(kube):
    made, theirs = kube
    theirs.sendall(frame(BINARY, b"\x01a") + frame(BINARY, b"\x03" + FAILURE))
    seen = []
    with pytest.raises(ProgramFailed, match="pod p: command terminated with non-zero exit code: 3") as caught:
        seen.extend(data for _, data in made.exec("p", ["x"]))
    assert seen in ([], [b"a"])
    assert caught.value.status == 3


def test_a_connection_that_ends_before_the_status_is_an_error(kube):
    made, theirs = kube
    theirs.sendall(frame(BINARY, b"\x01a"))
    theirs.shutdown(socket.SHUT_WR)
    with pytest.raises(ConnectionLost, match="the connection ended before its program did"):
        list(made.exec("p", ["x"]))


def test_another_thread_may_close_what_is_read(pair):
    found, _ = pair
    channels, ended = Channels(found), []

    def read():
        try:
            ended.append(list(channels))
        except ConnectionLost as error:
            ended.append(error)

    thread = threading.Thread(target=read)
    thread.start()
    channels.close()
    thread.join(6)
    assert not thread.is_alive()
    assert len(ended) == 1


def test_sending_to_a_connection_that_is_closed_is_an_error_of_ours(pair):
    found, _ = pair
    channels = Channels(found)
    channels.close()
    with pytest.raises(ConnectionLost):
        channels.send(b"x")
    channels.send_all([b"x", b"y"])  # the program's status follows and says why it stopped reading


def test_chunks_go_to_the_programs_standard_input(kube):
    made, theirs = kube
    theirs.sendall(frame(BINARY, b"\x03" + SUCCESS))
    assert list(made.exec("p", ["x"], [b"in"])) == []
    sent = theirs.recv(100)
    mask, masked = sent[2:6], sent[6:9]
    assert bytes(byte ^ mask[index % 4] for index, byte in enumerate(masked)) == b"\x00in"
