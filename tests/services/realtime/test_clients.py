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
    """One connection: what a test says to it, and what comes."""

    async def agreed_on(self) -> tuple[str, str]:
        """The extensions and the subprotocol of the handshake."""
        ...

    async def heard(self) -> str:
        """The SHA-256 of the next text."""
        ...

    async def ping(self, words: str) -> str:
        """Send a ping and return what the pong says."""
        ...

    async def say(self, words: str) -> None: ...

    async def close(self, code: int) -> None: ...

    async def closed(self) -> tuple[int, str]:
        """Wait for the end: its code, and its reason."""
        ...


class Ws:
    def __init__(self, node: NodeClient) -> None:
        self._node = node

    async def _told(self, what: str) -> dict[str, Any]:
        async with asyncio.timeout(TIMEOUT_S):
            told = await self._node.told()
        assert what in told, told
        return told

    async def agreed_on(self) -> tuple[str, str]:
        agreed = (await self._told("open"))["open"]
        return agreed["extensions"], agreed["protocol"]

    async def heard(self) -> str:
        told = await self._told("heard")
        assert not told["isBinary"]
        return str(told["heard"])

    async def ping(self, words: str) -> str:
        self._node.tell(ping=words)
        return str((await self._told("ponged"))["ponged"])

    async def say(self, words: str) -> None:
        self._node.tell(send=words)

    async def close(self, code: int) -> None:
        self._node.tell(close=code)

    async def closed(self) -> tuple[int, str]:
        told = await self._told("closed")
        return told["closed"], told["reason"]


class Websockets:
    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket

    async def agreed_on(self) -> tuple[str, str]:
        names = ",".join(extension.name for extension in self._socket.protocol.extensions)
        return names, self._socket.subprotocol or ""

    async def heard(self) -> str:
        async with asyncio.timeout(TIMEOUT_S):
            text = await self._socket.recv(decode=True)
        return hashlib.sha256(text.encode()).hexdigest()

    async def ping(self, words: str) -> str:
        pong = await self._socket.ping(words)
        async with asyncio.timeout(TIMEOUT_S):
            await pong
        return words  # a pong that says something else is not the one that is waited for

    async def say(self, words: str) -> None:
        await self._socket.send(words)

    async def close(self, code: int) -> None:
        await self._socket.close(code)

    async def closed(self) -> tuple[int, str]:
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
        assert await opened.agreed_on() == ("", "")
        yield opened


async def test_frames_of_every_length_arrive_as_they_were_sent(client: Client, realtime: Realtime) -> None:
    for size in SIZES:
        event: dict[str, Any] = {"type": "clip", "clip": {"text": ""}}
        id = streams.StreamId.parse(realtime.publish("for its length"))
        assert await client.heard()
        around = len(json.dumps({"id": str(id), **event}, separators=(",", ":")))
        event["clip"]["text"] = "ü" + "x" * (size - around - 2)
        sent = streams.append_event(realtime.redis, HOME, event)
        expected = json.dumps({"id": sent, **event}, ensure_ascii=False, separators=(",", ":")).encode()
        assert len(expected) == size
        assert await client.heard() == hashlib.sha256(expected).hexdigest()


@pytest.mark.parametrize("words", ["", "are you there? 🎙", "x" * 125])
async def test_a_ping_is_answered_with_its_own_words(client: Client, realtime: Realtime, words: str) -> None:
    assert await client.ping(words) == words
    realtime.publish("between two pings")
    assert await client.heard()
    assert await client.ping(words) == words


@pytest.mark.parametrize("code", [1000, 1001, 3000, 4999])
async def test_a_good_bye_is_given_back(client: Client, code: int) -> None:
    await client.close(code)
    assert (await client.closed())[0] == code


async def test_a_client_that_sends_a_message_is_told_why_it_is_disconnected(client: Client) -> None:
    await client.say("hello")
    code, reason = await client.closed()
    assert code == CLOSE_UNEXPECTED_MESSAGE
    assert reason


async def test_a_stopping_server_closes_with_service_restart(client: Client, realtime: Realtime) -> None:
    await asyncio.to_thread(realtime.stop)
    assert (await client.closed())[0] == 1012


@has_node
async def test_ws_is_refused_in_words_where_there_is_no_socket(realtime: Realtime) -> None:
    async with node_client("ws-client.js", url=f"ws://127.0.0.1:{realtime.port}/elsewhere", options={}) as node:
        assert "404" in (await node.told())["error"]
    with pytest.raises(InvalidStatus, match="404"):
        await connect(f"ws://127.0.0.1:{realtime.port}/elsewhere", proxy=None)
