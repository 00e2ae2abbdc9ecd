"""No events come although the server answers: the page says so, asks for the list instead, and goes on trying."""

import uuid

import httpx
from playwright.async_api import expect

from tests import speech
from tests.browser.page import DictaphonePage, title_of
from tests.conftest import Launch, Parts, StartStack

LATE_MS = 30_000
"""Longest until a change from elsewhere is shown: the page waits five seconds, then asks
every four; the machine may be busy."""


async def test_the_list_is_asked_for_where_no_events_come(
    local_parts: Parts, start_stack: StartStack, launch_browser: Launch
) -> None:
    stack = start_stack(local_parts)
    stack.stop("realtime")
    here = await DictaphonePage.open(await launch_browser(), stack.api_url)
    banner = here.page.locator("[data-part=offline]")
    await expect(banner).to_contain_text("does not come through", timeout=LATE_MS)

    id = str(uuid.uuid4())
    async with httpx.AsyncClient(base_url=stack.api_url) as elsewhere:
        content = speech.wav(speech.samples(("austen-0880.wav",)))
        put = await elsewhere.put(
            f"/api/clips/{id}?name=A note", content=content, headers={"Content-Type": "audio/wav"}
        )
        put.raise_for_status()
    await expect(title_of(here.row(id))).to_have_text("A note", timeout=LATE_MS)

    stack.start("realtime")
    await expect(banner).not_to_be_visible(timeout=LATE_MS)
