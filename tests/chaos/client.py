"""HTTP as people's devices speak it: to any of the api's machines, again and again, until there is an answer."""

import asyncio
import random
from collections.abc import Collection
from typing import Any

import httpx

from tests.chaos.ledger import Ledger
from tests.chaos.plan import Kind

TIMEOUT_S = 8
"""Seconds that a person's device waits for an answer: longer than most faults, shorter than the longest."""

RETRY_S = (0.1, 0.4)
"""Seconds before the next try."""


class Wrong(Exception):
    """An answer that no fault excuses."""


class Client:
    """One person's connection to the api."""

    def __init__(self, urls: Collection[str], chance: random.Random, ledger: Ledger) -> None:
        self._clients = [httpx.AsyncClient(base_url=url, timeout=TIMEOUT_S) for url in urls]
        self._chance = chance
        self._ledger = ledger

    async def close(self) -> None:
        for client in self._clients:
            await client.aclose()

    async def ask(
        self, method: str, path: str, wanted: Collection[int] = (200, 201, 204), **more: Any
    ) -> httpx.Response | None:
        """Ask once. None: it may have been done or not. Raises `Wrong` for a status that is not wanted."""
        try:
            answer = await self._clients[0].request(method, path, **more)
        except httpx.TransportError:
            answer = None
        if answer is None or answer.status_code in {502, 503, 504, 507}:
            # As a balancer does: the next request goes to the next machine.
            self._clients.append(self._clients.pop(0))
            self._ledger.counts["unanswered"] += 1
            if answer is not None and answer.status_code != 507 and self._ledger.broken_by == {Kind.FILL}:
                self._ledger.find_once("a full disk is told as something else", answer.text)
            return None
        if answer.status_code not in wanted:
            raise Wrong(f"{method} {path} was answered with {answer.status_code}: {answer.text[:300]}")
        return answer

    async def insist(
        self, method: str, path: str, wanted: Collection[int] = (200, 201, 204), **more: Any
    ) -> httpx.Response:
        """Ask until there is an answer. For requests that may be repeated."""
        while (answer := await self.ask(method, path, wanted, **more)) is None:
            await self.pause()
        return answer

    async def pause(self) -> None:
        await asyncio.sleep(self._chance.uniform(*RETRY_S))
