"""Words appear while somebody speaks, here and on every other screen, and give way to the transcript."""

import json
from pathlib import Path

import httpx
import pytest
from playwright.async_api import WebSocketRoute, expect

from tests import speech
from tests.browser.page import SOON_MS, DictaphonePage, heard
from tests.conftest import Launch
from tests.servers.stack import Stack

SAID = ("austen-0870.wav", "austen-0890.wav")


@pytest.mark.parametrize("parts", ["local", pytest.param("servers", marks=pytest.mark.slow)], indirect=True)
async def test_words_appear_while_somebody_speaks(stack: Stack, launch_browser: Launch, tmp_path: Path) -> None:
    speaker_browser = await launch_browser(speech.microphone(tmp_path / "speech.wav", SAID))
    speaker = await DictaphonePage.open(speaker_browser, stack.api_url)
    reader = await DictaphonePage.open(await launch_browser(), stack.api_url)

    await speaker.button("Record").click()
    here = speaker.page.get_by_label("What was heard so far")
    await expect(here).to_contain_text("Dashwood had", timeout=SOON_MS)
    there = reader.rows().first
    await expect(there.locator(".heard")).to_contain_text("Dashwood had", timeout=SOON_MS)
    # What is settled stays while more comes, and what may still change looks like it.
    await expect(there.locator(".heard > i")).not_to_be_empty(timeout=SOON_MS)
    await expect(here).to_contain_text("cold-hearted", ignore_case=True, timeout=SOON_MS)
    assert "Dashwood had" in await here.inner_text()
    said = await there.locator(".heard").inner_text()
    assert speech.word_errors(said, speech.words(SAID)) < 0.5, said

    await speaker.button("Stop").click()
    await expect(speaker.page.locator("[data-part=captions]")).to_be_empty()
    text = await heard(there)
    assert speech.word_errors(text, speech.words(SAID)) <= 0.2, text
    await expect(there.locator(".heard")).to_be_hidden()
    assert speaker.errors == reader.errors == []


async def test_words_are_gone_after_stop_though_nobody_transcribes(
    calm_stack: Stack, launch_browser: Launch, tmp_path: Path
) -> None:
    """They stayed until the next recording. Words that come late bring none back."""
    browser = await launch_browser(speech.microphone(tmp_path / "speech.wav"))
    context = await browser.new_context(service_workers="block")
    feeds: list[WebSocketRoute] = []

    def follow(feed: WebSocketRoute) -> None:
        feed.connect_to_server()
        feeds.append(feed)

    await context.route_web_socket(lambda _: True, follow)
    here = await DictaphonePage.open(context, calm_stack.api_url)
    await here.button("Record").click()
    await here.has_recorded(2)
    async with httpx.AsyncClient(base_url=calm_stack.api_url, verify=False) as api:
        [clip] = [each for each in (await api.get("/api/clips")).json()["clips"] if each["status"] == "recording"]
    told = {"type": "caption", "clip": {"id": clip["id"]}, "from": 0, "committed": "Mr. Dashwood", "tentative": " had"}
    feeds[-1].send(json.dumps(told))
    captions = here.page.locator("[data-part=captions]")
    await expect(captions).to_have_text("Mr. Dashwood had")
    await here.button("Stop").click()
    await expect(here.button("Record")).to_be_visible()
    await expect(captions).to_be_empty()
    feeds[-1].send(json.dumps(told | {"committed": "Mrs. Dashwood"}))
    await expect(here.page.get_by_role("article")).to_contain_text("Mrs. Dashwood had")
    await expect(captions).to_be_empty()
    await here.button("Record").click()
    await expect(here.page.get_by_text("Speak. Your words appear here")).to_be_visible()
    await expect(captions).to_be_hidden()
    await here.button("Stop").click()
    await expect(here.button("Record")).to_be_visible()
    assert here.errors == []
