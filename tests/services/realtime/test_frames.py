"""WebSocket bytes: what is ordinary is read by us, and never otherwise than `websockets` would read it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

from services.realtime.frames import PING, is_pong, text_frame
from tests.services.realtime.conftest import payloads


@given(st.binary(max_size=140))
def test_only_one_whole_masked_pong_is_a_pong(payload: bytes) -> None:
    if len(payload) <= 125:
        whole = Frame(Opcode.PONG, payload).serialize(mask=True)
        assert is_pong(whole)
        assert not is_pong(whole[:-1])
        assert not is_pong(whole + b"\x8a")
        assert not is_pong(Frame(Opcode.PONG, payload).serialize(mask=False))
        assert not is_pong(Frame(Opcode.PING, payload).serialize(mask=True))
    assert not is_pong(payload) or payload[0] == 0x8A


@pytest.mark.parametrize("size", [0, 125, 126, 65_535, 65_536])
def test_frames_of_every_length(size: int) -> None:
    text = b"x" * size
    assert payloads(text_frame(text) + text_frame(b"next")) == [text, b"next"]


def test_a_ping_says_nothing() -> None:
    assert PING == b"\x89\x00"
