"""Speak in one browser, read it in every other: on SQLite and files, and on Postgres and S3."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests import speech
from tests.browser.page import (
    LISTEN,
    SOON_MS,
    DictaphonePage,
    choose,
    clip_page,
    heard,
    open_clip,
    plays,
    rename,
    title_of,
    words_of,
)
from tests.conftest import Launch, Parts, StartStack

SAID = ("austen-0870.wav",)


@pytest.mark.parametrize("parts", ["servers", pytest.param("local", marks=pytest.mark.slow)], indirect=True)
async def test_speak_here_and_read_there(
    start_stack: StartStack, parts: Parts, page_form: Mapping[str, str], launch_browser: Launch, tmp_path: Path
) -> None:
    stack = start_stack(parts, **page_form)
    speaker_browser = await launch_browser(speech.microphone(tmp_path / "speech.wav", SAID), whole=True)
    reader_browser = await launch_browser()
    speaker = await DictaphonePage.open(speaker_browser, stack.api_url)
    context = await reader_browser.new_context()
    await context.add_init_script(LISTEN)
    reader = await DictaphonePage.open(context, stack.api_url)
    await reader.mark()

    clip = await speaker.record("Dashwood’s leisure", seconds=9)
    await expect(title_of(speaker.row(clip))).to_have_text("Dashwood’s leisure")
    there = reader.row(clip)
    await expect(title_of(there)).to_have_text("Dashwood’s leisure", timeout=SOON_MS)
    text = await heard(there)
    assert speech.word_errors(text, speech.words(SAID)) <= 0.2, text
    await expect(words_of(clip_page(speaker.page))).to_have_text(text, timeout=SOON_MS)

    await there.get_by_role("button", name="Play").click()
    await plays(reader.page)
    await there.get_by_role("button", name="Pause").click()

    opened = await open_clip(reader, clip)
    await expect(opened.get_by_role("heading", level=1)).to_have_text("Dashwood’s leisure")
    await rename(clip_page(speaker.page), "A new name")
    await expect(title_of(there)).to_have_text("A new name", timeout=SOON_MS)
    await expect(opened.get_by_role("heading", level=1)).to_have_text("A new name", timeout=SOON_MS)

    await choose(clip_page(speaker.page), "More", "Delete")
    await expect(there).not_to_be_visible(timeout=SOON_MS)
    await speaker.button("Undo").click()
    await expect(title_of(reader.row(clip))).to_have_text("A new name", timeout=SOON_MS)

    assert await reader.was_never_reloaded()
    assert speaker.errors == reader.errors == []
