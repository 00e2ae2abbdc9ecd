"""Speak in one browser, read it in every other: on SQLite and files, and on Postgres and S3."""

from pathlib import Path

import pytest
from playwright.async_api import expect

from tests import speech
from tests.browser.page import LISTEN, SOON_MS, DictaphonePage, heard, name_of, plays
from tests.conftest import Launch
from tests.servers.stack import Stack

SAID = ("austen-0870.wav",)


@pytest.mark.parametrize("parts", ["servers", pytest.param("local", marks=pytest.mark.slow)], indirect=True)
async def test_speak_here_and_read_there(stack: Stack, launch_browser: Launch, tmp_path: Path) -> None:
    speaker_browser = await launch_browser(speech.microphone(tmp_path / "speech.wav", SAID), whole=True)
    reader_browser = await launch_browser()
    speaker = await DictaphonePage.open(speaker_browser, stack.api_url)
    context = await reader_browser.new_context()
    await context.add_init_script(LISTEN)
    reader = await DictaphonePage.open(context, stack.api_url)
    await reader.mark()

    clip = await speaker.record("Dashwood’s leisure", seconds=9)
    await expect(name_of(speaker.row(clip))).to_have_value("Dashwood’s leisure")
    there = reader.row(clip)
    await expect(name_of(there)).to_have_value("Dashwood’s leisure", timeout=SOON_MS)
    text = await heard(there)
    assert speech.word_errors(text, speech.words(SAID)) <= 0.2, text
    await expect(there).to_contain_text("tiny.en")

    await there.get_by_role("button", name="Play").click()
    await plays(reader.page)
    await there.get_by_role("button", name="Pause").click()

    await name_of(speaker.row(clip)).fill("A new name")
    await name_of(speaker.row(clip)).press("Enter")
    await expect(name_of(there)).to_have_value("A new name", timeout=SOON_MS)

    await speaker.row(clip).get_by_role("button", name="Delete").click()
    # A row that somebody is at does not vanish under them: it says so first.
    await expect(there).to_contain_text("It was deleted elsewhere.", timeout=SOON_MS)
    await reader.page.get_by_role("heading", name="Dictaphone").click()
    await expect(there).not_to_be_visible(timeout=SOON_MS)
    await speaker.row(clip).get_by_role("button", name="Undo").click()
    await expect(name_of(reader.row(clip))).to_have_value("A new name", timeout=SOON_MS)

    assert await reader.was_never_reloaded()
    assert speaker.errors == reader.errors == []
