"""Changes and faults in random order under open pages: in the end each shows what the server has, and none reloaded."""

import asyncio
import json
import random
import uuid
from typing import Any, cast

import httpx
import pytest
import redis
from playwright.async_api import BrowserContext

from shared.clips.schemas import MAX_EVENT_TEXT_CHARS
from shared.libraries import HOME
from shared.redis.streams import PAYLOAD_FIELD, stream_key
from tests import recordings
from tests.browser.page import SOON_MS, DictaphonePage
from tests.conftest import Launch, Parts, StartStack
from tests.servers.stack import Stack

STEPS = 60
LONGEST_PAUSE_S = 0.3
PAGES = 3

SHOWN = """() => [...document.querySelectorAll("[data-clip-id]")].map(row => [
    row.dataset.clipId, ...["title", "words"].map(name => row.querySelector(`[data-part=${name}]`).textContent)
])"""


class Story:
    """A library that people change, on servers that break, under pages that come and go."""

    def __init__(
        self, chance: random.Random, stack: Stack, api: httpx.AsyncClient, lines: list[BrowserContext]
    ) -> None:
        self.chance, self.stack, self.api, self.lines = chance, stack, api, lines
        self.redis = redis.Redis.from_url(stack.environment["REDIS_URL"], decode_responses=True)
        self.clips: list[str] = []
        self.is_realtime_up = True
        self.told: list[str] = []
        """What happened, for whoever has to find out why."""

    async def step(self) -> None:
        people = [self.add, self.rename, self.rewrite, self.delete, self.restore]
        faults = [self.go_offline, self.flip_realtime, self.wipe, self.trim, self.tell_twice]
        act = self.chance.choice([*people, *people, *faults, self.go_online, self.go_online])
        self.told.append(act.__name__)
        await act()
        await asyncio.sleep(self.chance.uniform(0, LONGEST_PAUSE_S))

    # -- what people do ----------------------------------------------------------------------------------------

    async def add(self) -> None:
        clip = str(uuid.uuid4())
        sound = recordings.recording(self.chance.randrange(1_000))
        headers = {"Content-Type": "audio/webm"}
        answer = await self.api.put(f"/api/clips/{clip}", params={"name": clip[:8]}, content=sound, headers=headers)
        assert answer.status_code == 201, answer.text
        self.clips.append(clip)

    async def rename(self) -> None:
        await self._change({"name": f"Name {self.chance.random()}"})

    async def rewrite(self) -> None:
        words = f"word {self.chance.random()} "
        await self._change({"text": words * self.chance.choice([1, 1, MAX_EVENT_TEXT_CHARS // 10])})

    async def _change(self, change: dict[str, str]) -> None:
        if self.clips:
            await self.api.patch(f"/api/clips/{self.chance.choice(self.clips)}", json=change)  # refused in the bin

    async def delete(self) -> None:
        if self.clips:
            await self.api.delete(f"/api/clips/{self.chance.choice(self.clips)}")

    async def restore(self) -> None:
        if self.clips:
            await self.api.post(f"/api/clips/{self.chance.choice(self.clips)}/restore")

    # -- what goes wrong ---------------------------------------------------------------------------------------

    async def go_offline(self) -> None:
        await self.chance.choice(self.lines).set_offline(True)

    async def go_online(self) -> None:
        await self.chance.choice(self.lines).set_offline(False)

    async def flip_realtime(self) -> None:
        if self.is_realtime_up:
            self.stack.kill("realtime")
        else:
            await asyncio.to_thread(self.stack.start, "realtime")
        self.is_realtime_up = not self.is_realtime_up

    async def wipe(self) -> None:
        self.redis.flushdb()

    async def trim(self) -> None:
        self.redis.xtrim(stream_key(HOME), maxlen=self.chance.randrange(5), approximate=False)

    async def tell_twice(self) -> None:
        newest = cast("list[tuple[str, dict[str, str]]]", self.redis.xrevrange(stream_key(HOME), count=2))
        for _, fields in newest:
            if PAYLOAD_FIELD in fields:
                self.redis.xadd(stream_key(HOME), {PAYLOAD_FIELD: fields[PAYLOAD_FIELD]})

    # -- the end -----------------------------------------------------------------------------------------------

    async def settle(self) -> list[list[str]]:
        """Mend everything, and return what there is."""
        for line in self.lines:
            await line.set_offline(False)
        if not self.is_realtime_up:
            await asyncio.to_thread(self.stack.start, "realtime")
        clips: list[dict[str, Any]] = (await self.api.get("/api/clips", params={"limit": 100, "form": "short"})).json()[
            "clips"
        ]
        return [[clip["id"], clip["name"], clip["excerpt"] or ""] for clip in clips]


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow)])
async def test_every_page_ends_with_what_the_server_has(
    start_stack: StartStack, local_parts: Parts, launch_browser: Launch, seed: int
) -> None:
    stack = start_stack(local_parts, "api", "realtime")
    browser = await launch_browser()
    lines = [await browser.new_context() for _ in range(PAGES)]
    pages = [await DictaphonePage.open(line, stack.api_url) for line in lines]
    for page in pages:
        await page.mark()
    async with httpx.AsyncClient(base_url=stack.api_url, trust_env=False) as api:
        story = Story(random.Random(seed), stack, api, lines)
        for _ in range(STEPS):
            await story.step()
        there = await story.settle()
        story.redis.close()
    assert len(there) > 1
    for page in pages:
        async with asyncio.timeout(2 * SOON_MS / 1_000):  # a page may wait so long between two tries
            while (shown := await page.page.evaluate(SHOWN)) != there:
                await asyncio.sleep(0.05)
        assert shown == there, json.dumps(story.told)
        assert await page.was_never_reloaded()
        assert page.errors == []
