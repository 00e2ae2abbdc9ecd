"""A page that stays open: it follows the events from where it left off, and reads the list when it is told to."""

import asyncio
import contextlib
import json
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from websockets.asyncio.client import connect
from websockets.exceptions import InvalidHandshake, WebSocketException

from tests.chaos.client import Client
from tests.chaos.ledger import Ledger

RECONNECT_S = 0.2
"""Seconds before the next connection."""

HANDSHAKE_S = 5
SILENCE_S = 25
"""The server says something every twenty seconds."""

VISIT_S = (0.0, 2.0)
"""Seconds that a passer-by stays."""

RUDE_CHANCE = 0.5
"""Share of the passers-by whose connection ends without a closing handshake."""

PublicClip = Mapping[str, Any]


class Listener:
    """Knows the library by events alone, except after a resync."""

    def __init__(self, url: str, client: Client, ledger: Ledger) -> None:
        """`url` is a WebSocket's: the realtime server's own, or that of the page's address."""
        self._url, self._client, self._ledger = url, client, ledger
        self._cursor = ""
        self._changed = asyncio.Condition()
        self.clips: dict[str, PublicClip] = {}

    async def live(self) -> None:
        while True:
            with contextlib.suppress(OSError, TimeoutError, InvalidHandshake, WebSocketException):
                await self._follow()
            await asyncio.sleep(RECONNECT_S)

    async def until(self, holds: Callable[[Mapping[str, PublicClip]], bool]) -> None:
        """Wait until it holds of what this page knows."""
        async with self._changed:
            await self._changed.wait_for(lambda: holds(self.clips))

    async def _follow(self) -> None:
        async with connect(
            f"{self._url}?since={self._cursor}", open_timeout=HANDSHAKE_S, max_size=None, proxy=None, close_timeout=1
        ) as socket:
            while True:
                frame = json.loads(await asyncio.wait_for(socket.recv(), SILENCE_S))
                self._cursor = frame.get("id") or self._cursor
                if frame["type"] == "clip":
                    self._ledger.counts["events"] += 1
                    await self._take([frame["clip"]])
                elif frame["type"] == "resync":
                    self._ledger.counts["resyncs"] += 1
                    await self._take(await read_library(self._client))

    async def _take(self, clips: list[PublicClip]) -> None:
        async with self._changed:
            for clip in clips:
                known = self.clips.get(clip["id"])
                if known is None or known["version"] < clip["version"]:
                    self.clips[clip["id"]] = clip
            self._changed.notify_all()


class Passerby:
    """Opens the page for a moment, and often goes without a word: whoever says good-bye finds nobody there."""

    def __init__(self, urls: Sequence[str], chance: random.Random) -> None:
        self._urls, self._chance = urls, chance

    async def live(self) -> None:
        while True:
            with contextlib.suppress(OSError, TimeoutError, InvalidHandshake, WebSocketException):
                await self._visit()
            await asyncio.sleep(self._chance.uniform(*VISIT_S))

    async def _visit(self) -> None:
        url, seconds = self._chance.choice(self._urls), self._chance.uniform(*VISIT_S)
        async with connect(f"{url}?since=", open_timeout=HANDSHAKE_S, proxy=None, close_timeout=1) as socket:
            await asyncio.sleep(seconds)
            if self._chance.random() < RUDE_CHANCE:
                socket.transport.abort()


async def read_library(client: Client) -> list[PublicClip]:
    """Every clip, page by page: the list, then the bin."""
    clips: list[PublicClip] = []
    for deleted in ("false", "true"):
        cursor: str | None = ""
        while cursor is not None:
            query = {"limit": "200", "deleted": deleted, **({"cursor": cursor} if cursor else {})}
            page = (await client.insist("GET", "/api/clips", (200,), params=query)).json()
            clips += page["clips"]
            cursor = page["next"]
    return clips
