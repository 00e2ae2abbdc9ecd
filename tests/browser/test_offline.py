"""What is done without a network: shown at once, kept over a reload, sent in order, and every device agrees."""

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import Browser, expect

from tests import recordings, speech
from tests.browser.page import (
    LISTEN,
    SOON_MS,
    DictaphonePage,
    clip_page,
    delete,
    open_clip,
    plays,
    rename,
    rewrite,
    title_of,
    words_of,
)
from tests.browser.test_installed import installed
from tests.conftest import Launch, Parts, StartStack
from tests.servers.stack import Stack

UNSENT = "not sent yet"


@pytest.fixture
def doomed_stack(start_stack: StartStack, local_parts: Parts) -> Stack:
    """Api and realtime for one test, which kills the api."""
    return start_stack(local_parts, "api", "realtime")


@pytest.fixture
async def api(doomed_stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=doomed_stack.api_url, trust_env=False) as api:
        yield api


@pytest.fixture
async def speaker(launch_browser: Launch, tmp_path: Path) -> Browser:
    return await launch_browser(speech.microphone(tmp_path / "speech.wav", lead_s=0))


IDS = [f"00000000-0000-4000-8000-00000000000{n}" for n in range(4)]


async def added(api: httpx.AsyncClient, number: int, name: str, text: str = "") -> str:
    answer = await api.put(
        f"/api/clips/{IDS[number]}", params={"name": name}, content=recordings.recording(number),
        headers={"Content-Type": "audio/webm"},
    )  # fmt: skip
    assert answer.status_code == 201
    if text:
        (await api.patch(f"/api/clips/{IDS[number]}", json={"text": text})).raise_for_status()
    return IDS[number]


async def listed(api: httpx.AsyncClient, **query: str) -> list[tuple[str, Any]]:
    clips = (await api.get("/api/clips", params=query)).json()["clips"]
    return [(clip["name"], clip["text"]) for clip in clips]


async def remembered(here: DictaphonePage, clips: int) -> None:
    """Wait until the device remembers so many clips, with all of their words."""
    await here.page.wait_for_function(
        """clips => new Promise(resolve => {
            const opening = indexedDB.open("dictaphone-library");
            opening.onsuccess = () => {
                const all = opening.result.transaction("clips").objectStore("clips").getAll();
                all.onsuccess = () => {
                    opening.result.close();
                    resolve(all.result.filter(({ text }) => text !== undefined).length >= clips);
                };
            };
        })""",
        arg=clips,
        timeout=SOON_MS,
    )


async def test_what_was_done_offline_is_sent_and_every_device_agrees(
    doomed_stack: Stack, api: httpx.AsyncClient, speaker: Browser, launch_browser: Launch
) -> None:
    await added(api, 0, "To be renamed")
    await added(api, 1, "To be deleted")
    await added(api, 2, "To be edited", "There words.")
    here = await DictaphonePage.open(speaker, doomed_stack.api_url, service_worker=True)
    await installed(here.page)
    await remembered(here, 3)
    other = await DictaphonePage.open(await launch_browser(), doomed_stack.api_url, service_worker=True)
    await other.mark()
    doomed_stack.kill("api")

    await rename(await open_clip(here, IDS[0]), "Renamed offline")
    await delete(here, IDS[1])
    await rewrite(await open_clip(here, IDS[2]), "Their words.")
    await expect(here.row(IDS[0])).to_contain_text(UNSENT)
    await expect(here.row(IDS[2])).to_contain_text(UNSENT)
    recorded = await here.record("Recorded offline", seconds=2)

    # The tab is closed, and opened where there still is no network.
    await here.page.reload()
    await expect(here.page.get_by_text("as they were last seen on this device")).to_be_visible(timeout=SOON_MS)
    await expect(here.rows()).to_have_count(3)
    await expect(title_of(here.row(IDS[0]))).to_have_text("Renamed offline")
    await expect(words_of(await open_clip(here, IDS[2]))).to_have_text("Their words.")
    await expect(here.row(IDS[2])).to_contain_text(UNSENT)
    await rename(await open_clip(here, IDS[0]), "Renamed twice")
    # A clip's address opens its page without a network, too.
    await here.page.reload()
    await expect(clip_page(here.page).get_by_role("heading", level=1)).to_have_text("Renamed twice")

    doomed_stack.start("api")
    for page in (here, other):
        await expect(title_of(page.row(IDS[0]))).to_have_text("Renamed twice", timeout=2 * SOON_MS)
        await expect(page.row(IDS[2])).to_contain_text("Their words.", timeout=SOON_MS)
        await expect(page.row(IDS[1])).not_to_be_visible(timeout=SOON_MS)
        # It was begun under the name of the first try, which the server is told before the newer one.
        await expect(title_of(page.row(recorded))).to_have_text("Recorded offline", timeout=SOON_MS)
        await expect(page.rows()).to_have_count(3, timeout=SOON_MS)
        await expect(page.page.get_by_text(UNSENT)).to_have_count(0, timeout=SOON_MS)
    there = await listed(api)
    assert sorted(there) == [("Recorded offline", None), ("Renamed twice", None), ("To be edited", "Their words.")]
    assert await listed(api, deleted="true") == [("To be deleted", None)]
    assert await other.was_never_reloaded()
    assert here.errors == other.errors == []


async def test_words_that_two_people_changed_wait_for_a_person_even_after_a_reload(
    doomed_stack: Stack, api: httpx.AsyncClient, launch_browser: Launch
) -> None:
    await added(api, 0, "A", "In the beginning.")
    here = await DictaphonePage.open(await launch_browser(), doomed_stack.api_url, service_worker=True)
    await installed(here.page)
    await remembered(here, 1)
    await here.page.context.set_offline(True)
    clip = await open_clip(here, IDS[0])
    await rewrite(clip, "Mine.")
    await expect(here.row(IDS[0])).to_contain_text(UNSENT)
    (await api.patch(f"/api/clips/{IDS[0]}", json={"text": "Theirs."})).raise_for_status()
    await here.page.context.set_offline(False)
    mine = clip.get_by_role("button", name="Keep mine")
    await expect(mine).to_be_visible(timeout=SOON_MS)
    await here.page.reload()
    await expect(mine).to_be_visible(timeout=SOON_MS)
    await expect(words_of(clip)).to_have_text("Mine.")
    # Both are seen, and to listen to what is right takes the choice from nobody.
    await expect(clip.get_by_role("alert")).to_contain_text("“Theirs.”")
    await here.row(IDS[0]).get_by_role("button", name="Play").click()
    assert await listed(api) == [("A", "Theirs.")]

    await mine.click()
    await expect(mine).not_to_be_visible()
    await here.page.wait_for_timeout(300)
    assert await listed(api) == [("A", "Mine.")]
    assert here.errors == []


async def test_what_the_server_refuses_later_is_told_and_the_words_can_be_kept(
    doomed_stack: Stack, local_parts: Parts, api: httpx.AsyncClient, launch_browser: Launch
) -> None:
    await added(api, 0, "Groceries", "Apples.")
    context = await (await launch_browser()).new_context(permissions=["clipboard-read", "clipboard-write"])
    here = await DictaphonePage.open(context, doomed_stack.api_url)
    await installed(here.page)
    await remembered(here, 1)
    doomed_stack.stop("api")
    await rewrite(await open_clip(here, IDS[0]), "Apples and pears.")
    await expect(here.row(IDS[0])).to_contain_text(UNSENT)
    # It was in the bin, and its time has come.
    with sqlite3.connect(local_parts["DATABASE_URL"].removeprefix("sqlite:///")) as database:
        database.execute("DELETE FROM clip")
    doomed_stack.start("api")
    told = here.page.get_by_role("alert").filter(has_text="Groceries")
    await expect(told).to_contain_text("could not be saved", timeout=SOON_MS)
    await here.page.reload()
    await told.get_by_role("button", name="Copy the words").click()
    assert await here.page.evaluate("navigator.clipboard.readText()") == "Apples and pears."
    await told.get_by_role("button", name="Dismiss").click()
    await expect(told).not_to_be_visible()


async def test_what_was_played_here_plays_without_a_network_from_any_place(
    start_stack: StartStack, local_parts: Parts, launch_browser: Launch
) -> None:
    stack = start_stack(local_parts)
    context = await (await launch_browser()).new_context()
    await context.add_init_script(LISTEN)
    async with httpx.AsyncClient(base_url=stack.api_url, trust_env=False) as api:
        sound = speech.encode(speech.repeated(speech.samples(), 20))
        await api.put(
            f"/api/clips/{IDS[0]}", params={"name": "Heard"}, content=sound, headers={"Content-Type": "audio/webm"}
        )
    here = await DictaphonePage.open(context, stack.api_url)
    await installed(here.page)
    await expect(here.row(IDS[0])).to_have_attribute("data-status", "done", timeout=60_000)
    await here.row(IDS[0]).get_by_role("button", name="Play").click()
    await plays(here.page)
    await here.page.wait_for_function(
        "async () => (await (await caches.open('dictaphone-sounds')).keys()).length >= 3", timeout=SOON_MS
    )
    await remembered(here, 1)
    stack.kill("api")
    await here.page.reload()
    row = here.row(IDS[0])
    await row.get_by_role("button", name="Play").click()
    await plays(here.page)
    await here.page.get_by_role("slider", name="Seek").fill("15000")
    await here.page.wait_for_function("() => window.sounds.some(sound => !sound.paused && sound.currentTime > 15.2)")
    outline = await here.page.evaluate("async id => (await fetch(`/api/clips/${id}/waveform`)).json()", IDS[0])
    assert outline["peaks"]
    assert here.errors == []
