"""The place of a recording: what is typed, marked and noted while it runs, the way back to it, and its keys."""

import re
from pathlib import Path

import httpx
import pytest
from playwright.async_api import BrowserContext, expect

from tests import speech
from tests.browser.page import SOON_MS, DictaphonePage, clip_page
from tests.conftest import Launch
from tests.servers.stack import Stack


@pytest.fixture
async def context(launch_browser: Launch, tmp_path: Path) -> BrowserContext:
    browser = await launch_browser(speech.microphone(tmp_path / "speech.wav"))
    return await browser.new_context(service_workers="block", viewport={"width": 1440, "height": 900})


async def test_what_is_typed_marked_and_noted_belongs_to_the_clip(calm_stack: Stack, context: BrowserContext) -> None:
    """The title was lost when Stop was pressed while it was being typed."""
    here = await DictaphonePage.open(context, calm_stack.api_url)
    await here.page.keyboard.press("r")
    await here.has_recorded(2)
    await here.page.keyboard.press("m")
    await here.page.get_by_role("textbox", name=re.compile("^Marker at 0:0[2-9]")).fill("Launch date")
    await here.page.get_by_role("textbox", name="Notes").fill("Ask the landlord")
    await here.page.get_by_role("textbox", name="Title of this recording").fill("Board meeting")
    await here.button("Stop").click()
    await expect(clip_page(here.page).get_by_role("heading", level=1)).to_have_text("Board meeting")
    clip_id = here.page.url.split("/clips/")[1]
    async with httpx.AsyncClient(base_url=calm_stack.api_url, trust_env=False) as api:
        clip = (await api.get(f"/api/clips/{clip_id}")).json()
    assert (clip["name"], clip["name_origin"], clip["notes"]) == ("Board meeting", "person", "Ask the landlord")
    [marker] = clip["markers"]
    assert (marker["text"], 2_000 <= marker["at_ms"] < 15_000) == ("Launch date", True)
    assert here.errors == []


async def test_stop_leads_to_the_clip_when_the_network_went_while_it_was_recorded(
    calm_stack: Stack, context: BrowserContext
) -> None:
    """Its page was asked for after Stop only: a first visit that lost its network ended at an error."""
    here = await DictaphonePage.open(context, calm_stack.api_url)
    async with here.page.expect_response("**/clip/clip-page.css"):
        await here.button("Record").click()
    await here.has_recorded(2)
    await context.set_offline(True)
    await here.page.get_by_role("textbox", name="Title of this recording").fill("Spoken in a tunnel")
    await here.button("Stop").click()
    await expect(clip_page(here.page).get_by_role("heading", level=1)).to_have_text("Spoken in a tunnel")
    await expect(clip_page(here.page)).to_contain_text("Kept on this device, will be sent.")
    await context.set_offline(False)
    assert here.errors == []


async def test_what_is_noted_without_a_server_survives_a_crash_of_the_tab(
    calm_stack: Stack, context: BrowserContext
) -> None:
    here = await DictaphonePage.open(context, calm_stack.api_url)
    await here.page.route("**/api/uploads**", lambda route: route.abort())
    await here.button("Record").click()
    await here.has_recorded(2)
    await here.button("Marker").click()
    await here.page.get_by_role("textbox", name="Notes").fill("Written in a tunnel")
    await here.has_recorded(5)
    await here.crash()
    again = await DictaphonePage.open(context, calm_stack.api_url)
    await again.page.get_by_role("button", name="Continue:").click()
    await expect(again.page.get_by_role("textbox", name="Notes")).to_have_value("Written in a tunnel")
    await expect(again.page.get_by_role("textbox", name="Marker at")).to_be_visible()
    await again.button("Stop").click()
    await expect(clip_page(again.page)).to_be_visible()
    clip_id = again.page.url.split("/clips/")[1]
    async with httpx.AsyncClient(base_url=calm_stack.api_url, trust_env=False) as api:
        clip = (await api.get(f"/api/clips/{clip_id}")).json()
    assert (clip["notes"], len(clip["markers"])) == ("Written in a tunnel", 1)
    assert again.errors == []


async def test_a_recording_is_shown_anywhere_and_no_stray_key_ends_it(
    calm_stack: Stack, context: BrowserContext
) -> None:
    here = await DictaphonePage.open(context, calm_stack.api_url)
    await here.record("To look at", seconds=2)
    await here.button("Record").click()
    await here.has_recorded(1)
    await here.page.get_by_role("link", name="To look at").click()
    back = here.page.get_by_role("region", name="Recorder").get_by_role("link", name=re.compile(r"Recording · 0:\d\d"))
    await expect(back).to_be_visible()
    await expect(here.page).to_have_title(re.compile(r"^● 0:\d\d · To look at"))
    await here.page.keyboard.press("r")
    await expect(here.page).to_have_url(re.compile("/recording$"))
    await expect(here.button("Stop")).to_be_visible()
    await here.button("Pause").click()
    await expect(here.page).to_have_title(re.compile(r"^Paused · 0:\d\d"))
    await here.button("Resume").click()
    await here.button("Stop").click()
    await expect(here.page).to_have_title(re.compile(r"^(?!●|Paused)"), timeout=SOON_MS)
    assert here.errors == []


async def test_everything_of_a_recording_can_be_reached_in_a_low_window(
    calm_stack: Stack, context: BrowserContext
) -> None:
    """At 200 % the notes lay under the buttons, the words under the level."""
    here = await DictaphonePage.open(context, calm_stack.api_url)
    await here.page.set_viewport_size({"width": 720, "height": 450})
    await here.button("Record").click()
    await here.has_recorded(1)
    await expect(here.button("Pause")).to_be_in_viewport(ratio=1)
    await here.page.get_by_role("textbox", name="Notes").click(timeout=SOON_MS)
    notes = await here.page.get_by_role("textbox", name="Notes").bounding_box()
    tools = await here.button("Marker").bounding_box()
    assert notes is not None
    assert tools is not None
    assert notes["y"] < tools["y"], "the caret is in sight"
    words = here.page.get_by_role("region", name="What was heard so far")
    await words.scroll_into_view_if_needed()
    await words.click(timeout=SOON_MS)
    await here.button("Stop").click()
    assert here.errors == []
