"""Words appear while somebody speaks, here and on every other screen, and give way to the transcript."""

from pathlib import Path

import pytest
from playwright.async_api import expect

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
