"""Two clients that hold a server to RFC 6455, npm's ws and Python's websockets: neither finds anything to object to."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Protocol

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from services.realtime.connection import CLOSE_UNEXPECTED_MESSAGE
from shared.libraries import HOME
from shared.redis import streams
from tests.node import NodeClient, has_node, node_client
from tests.services.realtime.conftest import TIMEOUT_S, Realtime

SIZES = [100, 125, 126, 127, 1_000, 65_535, 65_536, 70_000, 900_000]
"""Bytes of a frame's payload: on both sides of where its header grows."""


class Client(Protocol):
    """One connection of a client library."""

    async def negotiated(self) -> tuple[str, str]:
        """Return the extensions and the subprotocol that the server accepted."""
        ...

    async def text_sha256(self) -> str:
        """Return the SHA-256 of the next text message."""
        ...

    async def ping(self, payload: str) -> str:
        """Send a ping and return the payload of its pong."""
        ...

    async def send(self, payload: str) -> None: ...

    async def close(self, code: int) -> None: ...

    async def wait_closed(self) -> tuple[int, str]:
        """Wait for the closing handshake; return its code and reason."""
        ...


class Ws:
    def __init__(self, node: NodeClient) -> None:
        self._node = node

    async def _message(self, key: str) -> dict[str, Any]:
        async with asyncio.timeout(TIMEOUT_S):
            message = await self._node.told()
        assert key in message, message
        return message

    async def negotiated(self) -> tuple[str, str]:
        agreed = (await self._message("open"))["open"]
        return agreed["extensions"], agreed["protocol"]

    async def text_sha256(self) -> str:
        message = await self._message("heard")
        assert not message["isBinary"]
        return str(message["heard"])

    async def ping(self, payload: str) -> str:
        self._node.tell(ping=payload)
        return str((await self._message("ponged"))["ponged"])

    async def send(self, payload: str) -> None:
        self._node.tell(send=payload)

    async def close(self, code: int) -> None:
        self._node.tell(close=code)

    async def wait_closed(self) -> tuple[int, str]:
        message = await self._message("closed")
        return message["closed"], message["reason"]


class Websockets:
    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket

    async def negotiated(self) -> tuple[str, str]:
        names = ",".join(extension.name for extension in self._socket.protocol.extensions)
        return names, self._socket.subprotocol or ""

    async def text_sha256(self) -> str:
        async with asyncio.timeout(TIMEOUT_S):
            text = await self._socket.recv(decode=True)
        return hashlib.sha256(text.encode()).hexdigest()

    async def ping(self, payload: str) -> str:
        pong = await self._socket.ping(payload)
        async with asyncio.timeout(TIMEOUT_S):
            await pong
        return payload  # a pong that says something else is not the one that is waited for

    async def send(self, payload: str) -> None:
        await self._socket.send(payload)

    async def close(self, code: int) -> None:
        await self._socket.close(code)

    async def wait_closed(self) -> tuple[int, str]:
        async with asyncio.timeout(TIMEOUT_S):
            with pytest.raises(ConnectionClosed) as closed:
                await self._socket.recv()
        assert closed.value.rcvd is not None, "the connection was cut"
        return closed.value.rcvd.code, closed.value.rcvd.reason


@asynccontextmanager
async def ws(url: str) -> AsyncIterator[Client]:
    # It offers permessage-deflate by itself, and no subprotocol.
    async with node_client("ws-client.js", url=url, options={}) as node:
        yield Ws(node)


@asynccontextmanager
async def websockets(url: str) -> AsyncIterator[Client]:
    async with connect(url, proxy=None, max_size=None, close_timeout=TIMEOUT_S) as socket:
        yield Websockets(socket)


@pytest.fixture(params=[pytest.param(ws, id="ws", marks=has_node), pytest.param(websockets, id="websockets")])
async def client(request: pytest.FixtureRequest, realtime: Realtime) -> AsyncIterator[Client]:
    async with request.param(f"ws://127.0.0.1:{realtime.port}/websocket") as opened:
        # Compression is offered by both, and declined: each frame is made once for everybody.
        assert await opened.negotiated() == ("", "")
        yield opened


async def test_frames_of_every_length_arrive_as_they_were_sent(client: Client, realtime: Realtime) -> None:
    for size in SIZES:
        event: dict[str, Any] = {"type": "clip", "clip": {"text": ""}}
        id = streams.StreamId.parse(realtime.publish("for its length"))
        assert await client.text_sha256()
        around = len(json.dumps({"id": str(id), **event}, separators=(",", ":")))
        event["clip"]["text"] = "ü" + "x" * (size - around - 2)
        sent = streams.append_event(realtime.redis, HOME, event)
        expected = json.dumps({"id": sent, **event}, ensure_ascii=False, separators=(",", ":")).encode()
        assert len(expected) == size
        assert await client.text_sha256() == hashlib.sha256(expected).hexdigest()


@pytest.mark.parametrize("payload", ["", "are you there? 🎙", "x" * 125])
async def test_a_ping_is_answered_with_its_payload(client: Client, realtime: Realtime, payload: str) -> None:
    assert await client.ping(payload) == payload
    realtime.publish("between two pings")
    assert await client.text_sha256()
    assert await client.ping(payload) == payload


@pytest.mark.parametrize("code", [1000, 1001, 3000, 4999])
async def test_a_close_code_is_echoed(client: Client, code: int) -> None:
    await client.close(code)
    assert (await client.wait_closed())[0] == code


async def test_a_client_that_sends_a_message_is_told_why_it_is_disconnected(client: Client) -> None:
    await client.send("hello")
    code, reason = await client.wait_closed()
    assert code == CLOSE_UNEXPECTED_MESSAGE
    assert reason


async def test_a_stopping_server_closes_with_service_restart(client: Client, realtime: Realtime) -> None:
    await asyncio.to_thread(realtime.stop)
    assert (await client.wait_closed())[0] == 1012


@has_node
async def test_another_path_is_answered_with_404(realtime: Realtime) -> None:
    async with node_client("ws-client.js", url=f"ws://127.0.0.1:{realtime.port}/elsewhere", options={}) as node:
        assert "404" in (await node.told())["error"]
    with pytest.raises(InvalidStatus, match="404"):
        await connect(f"ws://127.0.0.1:{realtime.port}/elsewhere", proxy=None)
