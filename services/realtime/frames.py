"""The few WebSocket frames that this server sends and expects, without I/O (RFC 6455). `websockets` parses the rest."""

from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.server import ServerProtocol

MAX_INCOMING_BYTES = 1024
"""Largest message that is read before its sender is disconnected: clients only answer pings."""

_PONG_HEAD = bytes([0x80 | Opcode.PONG])
_MASK_BIT, _MASK_BYTES, _MAX_CONTROL_BYTES = 0x80, 4, 125


def text_frame(text: bytes) -> bytes:
    """One unmasked text frame: the same bytes for every connection."""
    return Frame(Opcode.TEXT, text).serialize(mask=False)


PING = Frame(Opcode.PING, b"").serialize(mask=False)


def is_pong(data: bytes) -> bool:
    """Whether the bytes are exactly one masked pong: an idle browser sends nothing else."""
    if len(data) < 2 + _MASK_BYTES or not data.startswith(_PONG_HEAD) or not data[1] & _MASK_BIT:
        return False
    length = data[1] & ~_MASK_BIT
    return length <= _MAX_CONTROL_BYTES and len(data) == 2 + _MASK_BYTES + length


def new_protocol(*, is_open: bool = True) -> ServerProtocol:
    """Make a complete parser, for a new connection or for one whose handshake is done."""
    return ServerProtocol(state=State.OPEN if is_open else State.CONNECTING, max_size=MAX_INCOMING_BYTES)
