"""One round: a new system, people who use it, faults one after another, and the oracle at the end."""

import asyncio
import contextlib
import random
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Self

from tests.chaos import faults, logs, people
from tests.chaos.client import Client
from tests.chaos.ledger import Ledger
from tests.chaos.listener import Listener, Passerby
from tests.chaos.oracle import Oracle
from tests.chaos.plan import episodes
from tests.chaos.probe import Probe
from tests.chaos.report import Round, say
from tests.chaos.system import Parts, System

RECOVERY_S = 45
"""Longest time until all is well after a fault, and twice what a lost job may take: a lease of 4 s, then the relay's
sweep, which comes every 7 s and waits 10 s. What takes longer is stuck."""

FINISH_S = 60
"""Longest time in which people end what they have begun, once all is healed."""

PEOPLE: Sequence[type[people.Person]] = (
    people.Recorder, people.Recorder, people.Uploader, people.Editor, people.Editor, people.Namer, people.Remover,
)  # fmt: skip
PASSERSBY = 3


@dataclass(frozen=True)
class Limit:
    """When a round ends: after so many seconds, or so many faults, whatever comes first."""

    seconds: float
    faults: int


async def play(parts: Parts, seed: int, limit: Limit) -> Round:
    """Play one round and say what came of it."""
    result = Round(parts, seed)
    async with Stage(parts, seed) as stage:
        say(f"round on {parts}, SEED={seed}" + ("" if stage.system.disk.is_small else f"; {stage.system.disk.why_not}"))
        await stage.probe.seconds_until_well(RECOVERY_S)
        stage.begin()
        await _break(stage, limit, result)
        await stage.finish()
        result.settled_s = await stage.oracle.judge()
        result.counts, result.findings = stage.ledger.counts, stage.ledger.findings
        say(f"settled after {result.settled_s:.1f} s, {len(result.findings)} findings")
        if result.findings:
            result.logs = {name: logs.summary(log) for name, log in stage.system.logs()}
    return result


class Stage:
    """A system and those who use it: pages that stay open, people, and the oracle that knows what they know."""

    def __init__(self, parts: Parts, seed: int) -> None:
        self.seed, self.ledger = seed, Ledger()
        self.system = System(parts, self.ledger)
        self._held = AsyncExitStack()
        self._stopping = asyncio.Event()
        self._crowd: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        try:
            await self._held.enter_async_context(self.system)
            urls = self.system.websocket_urls
            self.listeners = [
                Listener(url, self._client(f"page {place}"), self.ledger) for place, url in enumerate(urls)
            ]
            names = [f"{kind.__name__.lower()} {place}" for place, kind in enumerate(PEOPLE)]
            self.people = [
                kind(name, self.seed, self._client(name), self.ledger) for name, kind in zip(names, PEOPLE, strict=True)
            ]
            self.probe = Probe(self.system, self.listeners, self.ledger)
            self._held.push_async_callback(self.probe.close)
            self._visitor = self._client("visitor")
            self.oracle = Oracle(self.system, self.ledger, self._visitor, self.listeners)
            tasks = await self._held.enter_async_context(asyncio.TaskGroup())
            passersby = [Passerby(urls, random.Random(f"{self.seed}/passerby {place}")) for place in range(PASSERSBY)]
            lives = [page.live() for page in self.listeners] + [each.live() for each in passersby]
            for life in (self.system.watch(), *lives):
                self._held.callback(tasks.create_task(life).cancel)
            self._tasks = tasks
        except BaseException:
            await self._held.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._held.aclose()

    def begin(self) -> None:
        """Let the people do what they do, until `finish`."""
        self._crowd = [self._tasks.create_task(person.live(self._stopping)) for person in self.people]

    async def finish(self) -> None:
        """Let them end what they have begun; whoever cannot is a finding."""
        self._stopping.set()
        if self._crowd:
            _, late = await asyncio.wait(self._crowd, timeout=FINISH_S)
            for task in late:
                task.cancel()
                self.ledger.find("somebody did not come to an end of what he had begun", repr(task))
        # Somebody else ends the recordings whose tab was closed.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FINISH_S):
                for clip in self.ledger.clips.values():
                    if clip.is_abandoned and any(segment.acknowledged for segment in clip.segments):
                        await self._visitor.insist("POST", f"/api/clips/{clip.id}/finish")

    def _person(self, kind: type[people.Person], place: int) -> people.Person:
        name = f"{kind.__name__.lower()} {place}"
        return kind(name, self.seed, self._client(name), self.ledger)

    def _client(self, name: str) -> Client:
        client = Client(self.system.api_urls, random.Random(f"{self.seed}/{name}/client"), self.ledger)
        self._held.push_async_callback(client.close)
        return client


async def _break(stage: Stage, limit: Limit, result: Round) -> None:
    """Play episodes until the limit, or until the system does not recover."""
    began = time.monotonic()
    plan = episodes(stage.seed, stage.system.targets)
    while result.faults < limit.faults and time.monotonic() - began < limit.seconds:
        episode = next(plan)
        result.faults += len(episode.faults)
        await asyncio.sleep(episode.pause_s)
        stage.ledger.broken_by = {fault.kind for fault in episode.faults}
        await faults.play(episode, stage.system)
        stage.ledger.broken_by = set()
        seconds = await stage.probe.seconds_until_well(RECOVERY_S)
        what = "; ".join(map(str, episode.faults))
        well = "not well again" if seconds is None else f"well again after {seconds:.1f} s"
        say(f"{time.monotonic() - began:7.1f} s  {what}: {well}")
        if seconds is None:
            return
        result.recovered_s.setdefault(episode.name, []).append(round(seconds, 2))
