"""What a person adds to a clip and takes out of it: markers, notes, to-dos; cuts and splits that can be taken back."""

import asyncio
import uuid
from collections.abc import Iterator

import httpx
import numpy as np
import pytest
from playwright.async_api import BrowserContext, Locator, expect

from tests import speech
from tests.browser.page import LISTEN, SOON_MS, WORDS_MS, DictaphonePage, choose, clip_page, heard, open_clip, plays
from tests.conftest import Launch, Parts
from tests.servers.stack import Stack

FIRST, SECOND = speech.samples(["austen-0930.wav"]), speech.samples(["austen-0920.wav"])
PAUSE_S = 2.0
SPLIT_MS = int((len(FIRST) / speech.RATE + PAUSE_S / 2) * 1000)
LENGTH_MS = int((len(FIRST) + len(SECOND)) / speech.RATE * 1000 + PAUSE_S * 1000)


@pytest.fixture(scope="module")
def stack(module_local_parts: Parts) -> Iterator[Stack]:
    with Stack(module_local_parts, migrate=False) as stack:
        yield stack


@pytest.fixture
async def context(launch_browser: Launch) -> BrowserContext:
    context = await (await launch_browser()).new_context(locale="en-US", service_workers="block")
    await context.add_init_script(LISTEN)
    return context


async def put(url: str, name: str) -> str:
    sound = np.concatenate([FIRST, np.zeros(int(PAUSE_S * speech.RATE), np.int16), SECOND])
    async with httpx.AsyncClient(base_url=url, trust_env=False) as api:
        id = str(uuid.uuid4())
        headers = {"Content-Type": "audio/webm"}
        answer = await api.put(f"/api/clips/{id}", params={"name": name}, content=speech.encode(sound), headers=headers)
        answer.raise_for_status()
    return id


async def clip_of(url: str, id: str) -> dict[str, object]:
    async with httpx.AsyncClient(base_url=url, trust_env=False) as api:
        clip: dict[str, object] = (await api.get(f"/api/clips/{id}")).json()
    return clip


def player_of(here: DictaphonePage) -> Locator:
    return here.page.get_by_role("region", name="Player", exact=True)


async def test_what_is_marked_and_noted_is_on_every_page_and_without_a_network_too(
    context: BrowserContext, stack: Stack
) -> None:
    id = await put(stack.api_url, "Launch")
    here = await DictaphonePage.open(context, stack.api_url)
    there = await DictaphonePage.open(context, stack.api_url)
    page, other = await open_clip(here, id), await open_clip(there, id)
    # Beside the words where there is room, and else in a tab.
    await expect(page.get_by_role("tab", name="Notes")).to_be_hidden()
    await there.page.set_viewport_size({"width": 1024, "height": 768})
    await other.get_by_role("tab", name="Notes").click()
    await page.get_by_role("button", name="Mark this moment").click()
    await here.page.keyboard.type("Launch date")
    await here.page.keyboard.press("Enter")
    await expect(other.get_by_role("textbox", name="Marker at 0:00")).to_have_value("Launch date", timeout=SOON_MS)
    await page.get_by_role("textbox", name="Notes", exact=True).fill("Train late.\n- [ ] Ask the landlord")
    await page.get_by_role("textbox", name="Notes", exact=True).blur()
    box = other.get_by_role("checkbox", name="Ask the landlord")
    await expect(box).not_to_be_checked(timeout=SOON_MS)
    await there.page.context.set_offline(True)
    await box.check()
    await other.get_by_role("button", name="Remove the marker at 0:00").click()
    await expect(other.get_by_role("textbox", name="Marker at 0:00")).to_have_count(0)
    await there.page.context.set_offline(False)
    await expect(page.get_by_role("checkbox", name="Ask the landlord")).to_be_checked(timeout=WORDS_MS)
    await expect(page.get_by_role("textbox", name="Marker at 0:00")).to_have_count(0, timeout=SOON_MS)
    # Pages of one browser know of each other's changes before the server does.
    async with asyncio.timeout(SOON_MS / 1000):
        while (stored := await clip_of(stack.api_url, id))["markers"]:
            await asyncio.sleep(0.05)
    assert stored["notes"] == "Train late.\n- [x] Ask the landlord"
    assert here.errors == there.errors == []


async def test_a_stretch_is_kept_heard_and_taken_back(context: BrowserContext, stack: Stack) -> None:
    id = await put(stack.api_url, "Two sentences")
    here = await DictaphonePage.open(context, stack.api_url)
    whole = await heard(here.row(id))
    page = await open_clip(here, id)
    await choose(page, "More", "Trim")
    trim = page.get_by_role("region", name="Trim")
    start = trim.get_by_role("slider", name="Start of the stretch")
    await expect(start).to_be_focused()
    await expect(trim.get_by_role("button", name="Keep only this")).to_be_disabled()
    await start.fill(str(SPLIT_MS // 10 * 10))
    await trim.get_by_role("button", name="Keep only this").click()
    words = page.get_by_role("group", name="Transcript")
    await expect(words).not_to_contain_text("amiable himself", timeout=SOON_MS)
    await expect(words).to_contain_text("amiable woman")
    kept_s = round((LENGTH_MS - SPLIT_MS) / 1000)
    await expect(trim).to_contain_text("of the recording is cut out")
    await player_of(here).get_by_role("button", name="Play").click()
    await plays(here.page)
    lasts_s = await here.page.evaluate("() => sounds.find(sound => !sound.paused).duration")
    assert abs(lasts_s - kept_s) < 1, (lasts_s, kept_s)
    await here.button("Undo").click()
    await expect(words).to_have_text(whole, timeout=SOON_MS)
    await trim.get_by_role("button", name="Done").click()
    await expect(trim).to_have_count(0)
    assert (await clip_of(stack.api_url, id))["cuts"] == []
    assert here.errors == []


async def test_a_clip_is_split_and_is_one_again(context: BrowserContext, stack: Stack) -> None:
    id = await put(stack.api_url, "Both")
    here = await DictaphonePage.open(context, stack.api_url)
    await heard(here.row(id))
    page = await open_clip(here, id)
    await choose(page, "More", "Trim")
    await page.get_by_role("slider", name="Start of the stretch").fill(str(SPLIT_MS // 10 * 10))
    await page.get_by_role("button", name="Split at the start").click()
    await expect(here.page).not_to_have_url(f"{stack.api_url}/clips/{id}", timeout=SOON_MS)
    second = here.page.url.split("/clips/")[1]
    await expect(clip_page(here.page).get_by_role("group", name="Transcript")).to_contain_text("amiable woman")
    await expect(here.row(id)).not_to_contain_text("amiable woman")
    await here.button("Undo").click()
    await expect(here.row(second)).to_have_count(0, timeout=SOON_MS)
    await expect(here.row(id)).to_contain_text("himself", timeout=SOON_MS)
    assert (await clip_of(stack.api_url, id))["cuts"] == []
    assert here.errors == []


async def test_clips_are_joined_to_a_new_one(context: BrowserContext, stack: Stack) -> None:
    ids = [await put(stack.api_url, name) for name in ("Part one", "Part two")]
    here = await DictaphonePage.open(context, stack.api_url)
    for id in ids:
        await heard(here.row(id))
    await here.button("Select").click()
    join = here.button("Join to one clip")
    await expect(join).to_be_disabled()
    for id in ids:
        await here.row(id).get_by_role("checkbox").check()
    await join.click()
    page = clip_page(here.page)
    words = page.get_by_role("group", name="Transcript")
    await expect(words).to_contain_text("amiable woman", timeout=WORDS_MS)
    assert (await words.inner_text()).count("amiable woman") == 2
    await expect(page.get_by_role("link", name="Play from 0:1").first).to_be_visible(timeout=WORDS_MS)
    for id in ids:
        await expect(here.row(id)).to_be_attached()
    assert here.errors == []
