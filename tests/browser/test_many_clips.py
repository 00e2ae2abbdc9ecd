"""Hundreds of clips: only what is near the window is in the document, and nothing in sight moves."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
from playwright.async_api import Page, expect

from tests.browser.many import id_of, put
from tests.browser.page import SOON_MS, DictaphonePage, back_to_list, clip_page, open_clip, title_of
from tests.browser.screenshots import SCREENS
from tests.conftest import Launch, Parts
from tests.recordings import recording
from tests.servers.stack import Stack

CLIPS = 900

MOST_ROWS = 60
"""Of a list of some 600 px and 1,000 px on either side, with rows from 68 px on."""

MINUTES_S = 120
"""Time to turn a wheel through all of it, on a machine that may be busy."""


@pytest.fixture(scope="module")
def full_stack(module_local_parts: Parts) -> Iterator[Stack]:
    """Api and realtime over a library of many days, two hundred clips on each."""
    put(module_local_parts, CLIPS)
    with Stack(module_local_parts, ["api", "realtime"], migrate=False) as stack:
        yield stack


@pytest.fixture
async def api(full_stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=full_stack.api_url, trust_env=False) as client:
        yield client


async def add(api: httpx.AsyncClient, name: str) -> str:
    clip = str(uuid.uuid4())
    headers = {"Content-Type": "audio/webm"}
    (
        await api.put(f"/api/clips/{clip}", params={"name": name}, content=recording(5), headers=headers)
    ).raise_for_status()
    return clip


LOOK = """() => {
    const rows = [...document.querySelectorAll("[data-clip-id]")];
    const list = document.querySelector("[data-part=scroller]").getBoundingClientRect();
    const spots = rows.map(row => ({
        name: row.querySelector("[data-part=title]").textContent, top: Math.round(row.getBoundingClientRect().top),
        bottom: Math.round(row.getBoundingClientRect().bottom)
    }));
    return {
        rows: rows.length,
        seen: spots.filter(({ top, bottom }) => bottom > list.top && top < list.bottom),
        whole: spots.filter(({ top, bottom }) => top >= list.top && bottom <= list.bottom).length,
    };
}"""

SCROLLED = "() => document.querySelector('[data-part=scroller]').scrollTop"

OVER_THE_LIST = (150, 400)


STILL = """async () => {
    const list = document.querySelector("[data-part=scroller]");
    for (let still = 0, at = -1; still < 10; still = at === list.scrollTop ? still + 1 : 0, at = list.scrollTop) {
        await new Promise(requestAnimationFrame);
    }
}"""


async def look(page: Page) -> dict[str, Any]:
    seen: dict[str, Any] = await page.evaluate(LOOK)
    return seen


async def turn_wheel(page: Page, by: int, until: str) -> int:
    """Turn the wheel until a clip is in sight; return the most rows that there ever were."""
    most: int = 0
    await page.mouse.move(*OVER_THE_LIST)
    async with asyncio.timeout(MINUTES_S):
        while True:
            sight = await look(page)
            most = max(most, int(sight["rows"]))
            assert sight["seen"], "the window is never empty"
            if any(spot["name"] == until for spot in sight["seen"]):
                return most
            await page.mouse.wheel(0, by)
            await page.evaluate("() => new Promise(requestAnimationFrame)")


async def test_scrolled_to_the_end_and_back_there_are_never_more_rows_than_are_near(
    full_stack: Stack, launch_browser: Launch
) -> None:
    here = await DictaphonePage.open(await launch_browser(), full_stack.api_url)
    await expect(title_of(here.row(id_of(CLIPS)))).to_be_visible()
    down = await turn_wheel(here.page, 4_000, "Clip 1")
    await expect(here.row(id_of(CLIPS))).to_have_count(0)
    listed = await here.page.evaluate(
        """() => {
            const last = [...document.querySelectorAll("[data-clip-id]")].at(-1);
            return [last.role ?? last.tagName, last.ariaPosInSet === last.ariaSetSize, last.ariaSetSize > 1];
        }"""
    )
    assert listed == ["LI", True, True]
    up = await turn_wheel(here.page, -6_000, f"Clip {CLIPS}")
    assert max(up, down) <= MOST_ROWS
    assert here.errors == []


async def test_what_comes_goes_and_grows_above_moves_nothing_in_sight(
    full_stack: Stack, launch_browser: Launch, api: httpx.AsyncClient
) -> None:
    here = await DictaphonePage.open(await launch_browser(), full_stack.api_url)
    await turn_wheel(here.page, 400, f"Clip {CLIPS - 120}")
    await here.page.evaluate(STILL)
    before = await look(here.page)
    new = await add(api, "New, far above")
    await api.delete(f"/api/clips/{id_of(CLIPS - 3)}")
    near = CLIPS - 110  # in the document, above the window
    await api.patch(f"/api/clips/{id_of(near)}", json={"text": "Long. " * 90})
    last = await add(api, "New, and last")
    # Events come in order: when the last is shown, so are those before it.
    seen = before["seen"][2]["name"]
    number = int(seen.removeprefix("Clip "))
    await api.patch(f"/api/clips/{id_of(number)}", json={"name": "Renamed in sight"})
    await expect(title_of(here.row(id_of(number)))).to_have_text("Renamed in sight", timeout=SOON_MS)
    after = await look(here.page)
    before["seen"][2]["name"] = "Renamed in sight"
    assert [spot["name"] for spot in after["seen"]] == [spot["name"] for spot in before["seen"]]
    for now, then in zip(after["seen"], before["seen"], strict=True):
        assert abs(now["top"] - then["top"]) <= 1, "a pixel is a fraction of one, rounded"
    await expect(here.row(new)).to_have_count(0)
    await turn_wheel(here.page, -5_000, "New, and last")
    await expect(here.row(last)).to_be_visible()
    await expect(here.row(id_of(CLIPS - 3))).to_have_count(0)
    listed = (await api.get("/api/clips")).json()["clips"]
    assert list(await here.ids()) == [clip["id"] for clip in listed][: len(await here.ids())]
    for clip in (new, last):  # the other tests look at the library as it was
        await api.delete(f"/api/clips/{clip}")
    assert here.errors == []


async def test_what_somebody_is_at_is_never_taken_away(full_stack: Stack, launch_browser: Launch) -> None:
    here = await DictaphonePage.open(await launch_browser(), full_stack.api_url)
    title = title_of(here.row(id_of(CLIPS - 1)))
    await title.focus()
    await here.page.mouse.move(*OVER_THE_LIST)
    for _ in range(12):
        await here.page.mouse.wheel(0, 3_000)
        await here.page.evaluate("() => new Promise(requestAnimationFrame)")
    assert await here.page.evaluate(SCROLLED) > 15_000
    await expect(title).to_be_focused()
    # Keyboards go on from there.
    await here.page.keyboard.press("ArrowDown")
    await expect(title_of(here.row(id_of(CLIPS - 2)))).to_be_focused()
    await expect(here.row(id_of(CLIPS - 2))).to_be_in_viewport()
    assert here.errors == []


async def test_with_arrows_one_goes_from_row_to_row_and_the_list_does_not_jump(
    full_stack: Stack, launch_browser: Launch
) -> None:
    here = await DictaphonePage.open(await launch_browser(), full_stack.api_url)
    ids = [clip["id"] for clip in (await _all(full_stack, 200))]
    await title_of(here.row(ids[0])).focus()
    last = 0
    for clip in ids[1:80]:
        await here.page.keyboard.press("ArrowDown")
        await expect(title_of(here.row(clip))).to_be_focused()
        now = await here.page.evaluate(SCROLLED)
        assert now - last <= 140, "at most a row and a heading"
        last = now
    await here.page.keyboard.press("Home")
    await expect(title_of(here.row(ids[0]))).to_be_focused()
    await expect(here.row(ids[0])).to_be_in_viewport()
    assert here.errors == []


async def test_nine_clips_are_in_sight_and_the_third_plays_after_at_most_eight_stops_of_tab(
    full_stack: Stack, launch_browser: Launch
) -> None:
    browser = await launch_browser()
    context = await browser.new_context(viewport={"width": 1440, "height": 900}, service_workers="block")
    here = await DictaphonePage.open(context, full_stack.api_url)
    assert (await look(here.page))["whole"] >= 9
    ids = await here.ids()
    play = here.row(ids[2]).get_by_role("button", name=f"Play Clip {CLIPS - 2}")
    stops = 0
    while not await here.page.evaluate("() => Boolean(document.activeElement.closest('[data-clip-id]'))"):
        await here.page.keyboard.press("Tab")
        stops += 1
        assert stops <= 8
    for key in ("ArrowDown", "ArrowDown", "ArrowRight"):
        await here.page.keyboard.press(key)
    await expect(play).to_be_focused()
    # The first stop of all leads to the list, too.
    await here.page.get_by_role("button", name="Skip to").focus()
    await here.page.keyboard.press("Enter")
    await expect(title_of(here.row(ids[0]))).to_be_focused()
    await here.page.keyboard.press("Enter")
    await expect(clip_page(here.page).get_by_role("heading", level=1)).to_be_focused()
    await expect(here.page).to_have_title(f"Clip {CLIPS} – Dictaphone")
    await here.page.keyboard.press("Escape")
    await expect(title_of(here.row(ids[0]))).to_be_focused()
    await expect(here.page).to_have_title("Dictaphone")
    assert here.errors == []


async def test_on_a_phone_the_list_is_where_it_was_when_one_comes_back(
    full_stack: Stack, launch_browser: Launch
) -> None:
    browser = await launch_browser()
    phone = await browser.new_context(**SCREENS["phone"], service_workers="block")
    here = await DictaphonePage.open(phone, full_stack.api_url)
    await here.page.evaluate("() => document.querySelector('[data-part=scroller]').scrollTo(0, 2_000)")
    await here.page.evaluate(STILL)
    before = await look(here.page)
    number = int(before["seen"][3]["name"].removeprefix("Clip "))
    await open_clip(here, id_of(number))
    await expect(here.row(id_of(number))).to_be_hidden()
    await back_to_list(here)
    # The player stays below the list, which is a little shorter for it.
    assert (await look(here.page))["seen"][:4] == before["seen"][:4]
    await open_clip(here, id_of(number))
    await here.page.go_back()
    await expect(title_of(here.row(id_of(number)))).to_be_focused()
    assert (await look(here.page))["seen"][:4] == before["seen"][:4]
    assert here.errors == []


async def test_of_two_quick_clicks_on_two_rows_the_last_one_counts(full_stack: Stack, launch_browser: Launch) -> None:
    here = await DictaphonePage.open(await launch_browser(), full_stack.api_url)
    await here.page.evaluate(
        "ids => ids.forEach(id => document.querySelector(`[data-clip-id='${id}'] a`).click())",
        [id_of(CLIPS), id_of(CLIPS - 1)],
    )
    await expect(clip_page(here.page)).to_have_count(1)
    await expect(clip_page(here.page).get_by_role("heading", level=1)).to_have_text(f"Clip {CLIPS - 1}")
    await expect(here.page.locator("[aria-current=page]")).to_have_count(1)
    await here.page.go_back()
    await expect(clip_page(here.page).get_by_role("heading", level=1)).to_have_text(f"Clip {CLIPS}")
    assert here.errors == []


async def _all(stack: Stack, limit: int) -> list[dict[str, Any]]:
    async with httpx.AsyncClient(base_url=stack.api_url, trust_env=False) as api:
        clips: list[dict[str, Any]] = (await api.get("/api/clips", params={"limit": limit})).json()["clips"]
        return clips


async def test_older_clips_that_cannot_be_read_are_read_when_asked_for(
    full_stack: Stack, launch_browser: Launch
) -> None:
    here = await DictaphonePage.open(await launch_browser(), full_stack.api_url)
    await here.page.route("**/api/clips?*cursor=*", lambda route: route.abort())
    await here.page.mouse.move(*OVER_THE_LIST)
    for _ in range(6):
        await here.page.mouse.wheel(0, 3_000)
        await here.page.evaluate("() => new Promise(requestAnimationFrame)")
    alert = here.page.get_by_role("main").get_by_role("alert").filter(has_text="Older clips could not be read")
    await expect(alert).to_be_visible(timeout=SOON_MS)
    await here.page.unroute("**/api/clips?*cursor=*")
    await here.button("Retry").click()
    await expect(alert).to_have_count(0)
    await turn_wheel(here.page, 400, f"Clip {CLIPS - 150}")
    assert here.errors == []
