"""The opening handshake: read by us where it is ordinary, and never otherwise than `websockets` would read it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.http11 import Request
from websockets.protocol import State

from services.realtime.frames import new_protocol
from services.realtime.handshake import Handshake

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
"""The example of RFC 6455, section 1.3, whose answer is there, too."""


LINES = (
    "Host: here.example:8081",
    "Connection: keep-alive, Upgrade",
    "Upgrade: websocket",
    f"Sec-WebSocket-Key: {KEY}",
    "Sec-WebSocket-Version: 13",
    "Origin: https://here.example",
)


def request(*lines: str, first: str = "GET /websocket?since=1-0 HTTP/1.1") -> bytes:
    return "\r\n".join([first, *lines, "", ""]).encode("latin-1")


def test_an_ordinary_handshake_is_read_and_answered() -> None:
    handshake = Handshake.parse(request(*LINES))
    assert handshake is not None
    assert handshake.target == "/websocket?since=1-0"
    assert handshake.headers["origin"] == "https://here.example"
    assert b"\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in handshake.response()


@pytest.mark.parametrize(
    "data",
    [
        request(*LINES)[:-1],
        request(*LINES) + b"\x8a\x80\0\0\0\0",
        request(*LINES, first="POST /websocket HTTP/1.1"),
        request(*LINES, first="GET /websocket HTTP/1.0"),
        request(*LINES, first="GET /web socket HTTP/1.1"),
        request(*LINES, first="GET  /websocket HTTP/1.1"),
        request(*LINES, "Host: twice.example"),
        request(*LINES, "X-Smuggled : yes"),
        request(*LINES, "no/token: yes"),
        request(*LINES, " folded"),
        request(*LINES, "X-Control: \0"),
        request(*LINES, "X-Bare: a\nOrigin: https://evil.example"),
        request(*LINES, "X-Umlaut: ü"),
        request(*LINES, "Content-Length: 5"),
        request(*LINES, "Transfer-Encoding: chunked"),
        request(*LINES[1:]),
        *(request(*LINES[:place], *LINES[place + 1 :]) for place in range(1, 5)),
        request(*(line.replace(": 13", ": 8") for line in LINES)),
        request(*(line.replace("==", "=") for line in LINES)),
        b"",
        b"\x16\x03\x01\x02\x00\x01",
    ],
)
def test_any_other_request_is_left_to_websockets(data: bytes) -> None:
    assert Handshake.parse(data) is None


words = st.text(st.sampled_from("aZ0-_:;, \t/?=%\r\n\0\x7fé"), max_size=12)


lines = st.one_of(
    st.sampled_from([*LINES, *(line.upper() for line in LINES)]), st.builds("{}: {}".format, words, words)
)


@given(
    st.permutations([*LINES]),
    st.lists(lines, max_size=3),
    st.sampled_from(["GET / HTTP/1.1", "GET /websocket HTTP/1.1", "GET /a b HTTP/1.1", "GET  HTTP/1.1"]) | words,
)
def test_an_ordinary_handshake_is_valid_for_websockets_and_gets_the_same_answer(
    ordinary: list[str], more: list[str], first: str
) -> None:
    data = request(*ordinary, *more, first=first)
    handshake = Handshake.parse(data)
    if handshake is None:
        return
    protocol = new_protocol(is_open=False)
    protocol.receive_data(data)
    [event] = protocol.events_received()
    assert isinstance(event, Request)
    assert event.path == handshake.target
    assert {name.lower(): value for name, value in event.headers.raw_items()} == handshake.headers
    protocol.send_response(protocol.accept(event))
    assert protocol.state is State.OPEN
    answer = b"".join(protocol.data_to_send())
    accept = next(line for line in answer.split(b"\r\n") if line.startswith(b"Sec-WebSocket-Accept"))
    assert accept in handshake.response()
