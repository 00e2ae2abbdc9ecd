"""What was seen broken on the page once, and must not be again; most of it in one look at each place."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, FilePayload, Locator, Page, expect

from shared.clips.models import Status
from tests import speech
from tests.browser.many import NEWEST, id_of, put
from tests.browser.page import SOON_MS, DictaphonePage, clip_page, open_clip
from tests.browser.screenshots import SCREENS
from tests.conftest import Launch, Parts, StartStack
from tests.servers.stack import Stack

NOTES = "Train late.\n- [ ] Ask the landlord"
MARKER = {"id": id_of(1), "at_ms": 0, "text": "Launch"}
LONG_MS = 3_725_000
ODD: dict[int, dict[str, Any]] = {
    1: {"notes": NOTES, "markers": [MARKER], "starred_at": NEWEST, "text": "Long words. " * 40, "duration_ms": LONG_MS},
    2: {"status": Status.FAILED, "text": None, "duration_ms": None},
    3: {"text": ""},
}

USED = ":is(button:not(.skip-link, .link, [role=tab]), select, textarea, input:not([type=range], [type=checkbox]))"
BORDERS = """(used) => [...document.querySelectorAll(used)].filter((each) => each.checkVisibility()).filter((each) => {
  const { borderBottomWidth, borderBottomColor } = getComputedStyle(each);
  return borderBottomWidth === "0px" || borderBottomColor === getComputedStyle(document.body).backgroundColor;
}).map((each) => each.outerHTML.slice(0, 120))"""
"""What can be used and has no edge of its own."""


@pytest.fixture(scope="module")
def stack(module_local_parts: Parts) -> Iterator[Stack]:
    put(module_local_parts, len(ODD), ODD)
    with Stack(module_local_parts, ["api", "realtime"], migrate=False) as stack:
        yield stack


async def opened(browser: Browser, stack: Stack, place: str = "/", **look: Any) -> DictaphonePage:
    context = await browser.new_context(locale="en-US", service_workers="block", **look)
    here = DictaphonePage(await context.new_page())
    await here.page.goto(stack.api_url + place)
    return here


def player(page: Page) -> Locator:
    return page.get_by_role("region", name="Player", exact=True)


async def overlap(one: Locator, other: Locator) -> bool:
    a, b = await one.bounding_box(), await other.bounding_box()
    assert a is not None
    assert b is not None
    across = a["x"] < b["x"] + b["width"] and b["x"] < a["x"] + a["width"]
    return across and a["y"] < b["y"] + b["height"] and b["y"] < a["y"] + a["height"]


async def test_notes_that_nobody_touched_are_not_saved(stack: Stack, launch_browser: Launch) -> None:
    """They were sent as if typed anew, over what somebody else wrote meanwhile, whenever their page was left."""
    here = await opened(await launch_browser(), stack)
    sent: list[str] = []
    here.page.on("request", lambda request: sent.append(request.method))
    clip = await open_clip(here, id_of(1))
    await expect(clip.get_by_role("textbox", name="Notes", exact=True)).to_have_value(NOTES)
    await open_clip(here, id_of(3))
    await here.page.wait_for_timeout(500)
    await expect(here.row(id_of(1))).not_to_contain_text("not sent yet")
    assert set(sent) == {"GET"}
    assert here.errors == []


async def test_notes_stand_beside_the_words_where_there_is_room(stack: Stack, launch_browser: Launch) -> None:
    here = await opened(await launch_browser(), stack, f"/clips/{id_of(1)}?tab=notes", **SCREENS["desktop"])
    clip = clip_page(here.page)
    notes, tab = clip.get_by_role("textbox", name="Notes", exact=True), clip.get_by_role("tab", name="Notes")
    words = clip.get_by_role("group", name="Transcript")
    await expect(notes).to_be_visible()
    await expect(words).to_be_visible()
    await expect(tab).to_be_hidden()
    left, right = await words.bounding_box(), await clip.get_by_role("list", name="Markers").bounding_box()
    assert left is not None
    assert right is not None
    assert left["x"] + left["width"] < right["x"]
    assert abs(left["y"] - right["y"]) < 100
    failed = await open_clip(here, id_of(2))
    status = await failed.get_by_text("The transcription failed.").bounding_box()
    assert status is not None
    assert abs(status["x"] - left["x"]) < 100, "its state stands at the start of the line"
    await open_clip(here, id_of(1))
    await clip.get_by_role("tab", name="Transcript").focus()
    await here.page.keyboard.press("ArrowRight")
    await expect(clip.get_by_role("tab", name="History")).to_be_focused()
    await expect(notes).to_be_hidden()
    await clip.get_by_role("tab", name="Transcript").click()
    await here.page.set_viewport_size({"width": 1024, "height": 768})
    await expect(notes).to_be_hidden()
    await tab.click()
    await expect(notes).to_be_visible()
    await expect(words).to_be_hidden()
    assert here.errors == []


async def test_the_first_recording_moves_nothing_and_leaves_nothing(
    local_parts: Parts, start_stack: StartStack, launch_browser: Launch, tmp_path: Path
) -> None:
    """Record stays where it is and red, also at night; what is said for an empty list and while one speaks goes."""
    stack = start_stack(local_parts, "api", "realtime")
    browser = await launch_browser(speech.microphone(tmp_path / "speech.wav"))
    here = await opened(browser, stack, **SCREENS["desktop"], color_scheme="dark", permissions=["microphone"])
    empty = here.page.get_by_role("heading", name="Say something")
    await expect(empty).to_be_visible()
    before = await here.button("Record").bounding_box()
    colour = await here.button("Record").evaluate("(button) => getComputedStyle(button).backgroundColor")
    assert colour == "rgb(208, 49, 26)"
    await here.button("Record").click()
    await expect(here.button("Stop")).to_be_visible()
    assert await here.button("Stop").bounding_box() == before
    await expect(empty).to_be_hidden()
    # Never left: Stop takes what is typed.
    await here.page.get_by_role("textbox", name="Title of this recording").fill("Typed")
    await here.has_recorded(2)
    await here.button("Stop").click()
    await expect(here.page).to_have_url(re.compile("/clips/"))
    await expect(clip_page(here.page).get_by_role("heading", level=1)).to_have_text("Typed")
    assert await here.button("Record").bounding_box() == before
    await expect(here.page.get_by_role("region", name="What was heard so far")).to_be_hidden()
    assert here.errors == []


async def test_forced_colours_leave_edges_and_the_chosen_tab(stack: Stack, launch_browser: Launch) -> None:
    look = {**SCREENS["desktop"], "forced_colors": "active"}
    here = await opened(await launch_browser(), stack, f"/clips/{id_of(1)}", **look)
    clip = clip_page(here.page)
    await expect(clip.get_by_role("textbox", name="Notes", exact=True)).to_be_visible()
    assert await here.page.evaluate(BORDERS, USED) == []
    line = "(tab) => getComputedStyle(tab).borderBottomColor"
    chosen = await clip.get_by_role("tab", name="Transcript").evaluate(line)
    assert chosen != await clip.get_by_role("tab", name="History").evaluate(line)


async def test_nothing_is_asked_for_that_is_not_there(stack: Stack, launch_browser: Launch) -> None:
    """A clip without words has no times of them, a file that is no sound has no outline."""
    here = await opened(await launch_browser(), stack)
    refused: list[str] = []
    here.page.on("response", lambda answer: refused.append(answer.url) if answer.status >= 400 else None)
    for number in (2, 3):
        clip = await open_clip(here, id_of(number))
        await expect(clip.get_by_role("heading", level=1)).to_have_text(f"Clip {number}")
        await here.page.wait_for_timeout(300)
    assert [url for url in refused if "transcript" in url or id_of(2) in url] == []


async def test_each_button_is_named_for_its_clip_and_the_first_stop_leads_to_the_clips(
    stack: Stack, launch_browser: Launch
) -> None:
    here = await opened(await launch_browser(), stack)
    await expect(here.row(id_of(1))).to_be_visible(timeout=SOON_MS)
    names = await here.page.locator(".row-actions button").evaluate_all("(all) => all.map((each) => each.ariaLabel)")
    assert len(names) == len(set(names)) == 2 * len(ODD)
    await here.page.keyboard.press("Tab")
    await expect(here.page.get_by_role("button", name="Skip to")).to_be_focused()
    for level, heading in ((1, "Dictaphone"), (2, "today"), (3, f"Clip {len(ODD)}")):
        await expect(here.page.get_by_role("heading", name=heading, level=level)).to_be_visible()


@pytest.mark.parametrize("width", [320, 390])
async def test_on_a_phone_nothing_lies_over_the_player_or_in_it(
    stack: Stack, launch_browser: Launch, width: int
) -> None:
    look = {**SCREENS["phone"], "viewport": {"width": width, "height": 640}}
    here = await opened(await launch_browser(), stack, f"/clips/{id_of(1)}", **look)
    bar = player(here.page)
    await expect(bar.locator("[data-part=time]")).to_contain_text("1:02:05")
    letter = FilePayload(name="letter.txt", mimeType="text/plain", buffer=b"Dear John")
    await here.page.set_input_files("input[type=file]", letter)
    toast = here.page.get_by_role("status").filter(has=here.button("Close"))
    await expect(toast).to_contain_text("letter.txt", timeout=SOON_MS)
    assert not await overlap(toast, bar)
    parts = [bar.locator("[data-part=time]"), *await bar.get_by_role("button").all(), bar.get_by_role("combobox")]
    shown = [part for part in parts if await part.is_visible()]
    for at, one in enumerate(shown):
        for other in shown[at + 1 :]:
            assert not await overlap(one, other)
    head = clip_page(here.page).locator("header")
    star = head.get_by_role("button", name="Star", exact=True)
    assert await star.locator("svg").evaluate("(svg) => getComputedStyle(svg).getPropertyValue('--filled')") != ""
    assert here.errors == []
