"""WebSocket bytes, without I/O (RFC 6455). What is ordinary is done here; all else is left to `websockets`."""

from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.server import ServerProtocol

INCOMING_BYTES = 1024
"""Largest message that is read before the sender is shown out: a browser has nothing to say here."""


_PONG_HEAD = bytes([0x80 | Opcode.PONG])
_MASKED, _MASK_BYTES, _LONGEST_CONTROL = 0x80, 4, 125


def text_frame(text: bytes) -> bytes:
    """One unmasked text frame, ready for any number of lines."""
    return Frame(Opcode.TEXT, text).serialize(mask=False)


PING = Frame(Opcode.PING, b"").serialize(mask=False)


def is_pong(data: bytes) -> bool:
    """Whether this is one whole, masked pong and nothing else: all that a browser ever says."""
    if len(data) < 2 + _MASK_BYTES or not data.startswith(_PONG_HEAD) or not data[1] & _MASKED:
        return False
    length = data[1] & ~_MASKED
    return length <= _LONGEST_CONTROL and len(data) == 2 + _MASK_BYTES + length


def new_protocol(*, is_open: bool = True) -> ServerProtocol:
    """What understands everything that a client may send, from the handshake or from an open connection on."""
    return ServerProtocol(state=State.OPEN if is_open else State.CONNECTING, max_size=INCOMING_BYTES)
