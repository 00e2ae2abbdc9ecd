"""Whether all is well: a clip through each api has its words, and every fan-out says so."""

import asyncio
import contextlib
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from tests.chaos import sounds
from tests.chaos.ledger import Ledger
from tests.chaos.listener import Listener
from tests.chaos.people import WAV
from tests.chaos.system import System

RETRY_S = 0.1
TIMEOUT_S = 5


class Probe:
    """Puts clips of its own, one through each api, and waits for their words at each listener."""

    def __init__(self, system: System, listeners: Sequence[Listener], ledger: Ledger) -> None:
        self._clients = [httpx.AsyncClient(base_url=url, timeout=TIMEOUT_S) for url in system.api_urls]
        self._system, self._listeners, self._ledger = system, listeners, ledger

    async def close(self) -> None:
        for client in self._clients:
            await client.aclose()

    async def seconds_until_well(self, patience_s: float) -> float | None:
        """Seconds until all is well; None, and a finding, if it is not within `patience_s`."""
        began = time.monotonic()
        waits = [_Wait(str(uuid.uuid4()), client, set(range(len(self._listeners)))) for client in self._clients]
        try:
            async with asyncio.timeout(patience_s):
                await asyncio.gather(*map(self._send, waits))
        except TimeoutError:
            evidence = "\n".join(self._evidence(wait) for wait in waits if wait.pages)
            self._ledger.find(f"all was not well {patience_s:.0f} s after the fault was healed", evidence)
            return None
        return time.monotonic() - began

    async def _send(self, wait: "_Wait") -> None:
        number = self._ledger.next_number()
        data = sounds.wav(number)
        clip = self._ledger.add(wait.id, "probe", [number], [data], sounds.words([number]))
        clip.is_awaited = True
        while not await self._put(wait.client, wait.id, data):
            await asyncio.sleep(RETRY_S)
        wait.is_stored = True
        clip.segments[0].acknowledged = len(data)
        self._ledger.stored(clip)

        async def see(page: int) -> None:
            await self._listeners[page].until(lambda clips: _has_words(clips.get(wait.id)))
            wait.pages.discard(page)

        await asyncio.gather(*map(see, range(len(self._listeners))))
        clip.is_awaited = False

    def _evidence(self, wait: "_Wait") -> str:
        """What a clip still waits for, and all that was logged about it."""
        state = f"stored, its words have not come to the pages {sorted(wait.pages)}" if wait.is_stored else "not stored"
        lines = [line[:500] for _, log in self._system.logs() for line in log.splitlines() if wait.id in line]
        return "\n".join([f"{wait.id} through {wait.client.base_url}: {state}", *lines])

    @staticmethod
    async def _put(client: httpx.AsyncClient, id: str, data: bytes) -> bool:
        with contextlib.suppress(httpx.TransportError):
            answer = await client.put(f"/api/clips/{id}", params={"name": "probe"}, content=data, headers=WAV)
            return answer.is_success
        return False


@dataclass
class _Wait:
    """A clip of the probe, and the pages that have not seen its words."""

    id: str
    client: httpx.AsyncClient
    pages: set[int]
    is_stored: bool = False


def _has_words(clip: Any) -> bool:
    """An editor may have written other words already."""
    return clip is not None and clip["status"] == "done" and clip["text"] is not None
