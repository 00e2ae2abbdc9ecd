"""Hundreds of clips: only what is near the window is in the document, and nothing in sight moves."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
from playwright.async_api import Page, expect

from tests.browser.many import id_of, put
from tests.browser.page import SOON_MS, DictaphonePage, name_of
from tests.conftest import Launch, Parts
from tests.recordings import recording
from tests.servers.stack import Stack

CLIPS = 900

MOST_ROWS = 60
"""Of a window of 720 px and 1,000 px on either side, with rows from 80 px on."""

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
    const spots = rows.map(row => ({
        name: row.querySelector("[data-part=name]").value, top: Math.round(row.getBoundingClientRect().top),
        bottom: Math.round(row.getBoundingClientRect().bottom)
    }));
    return {rows: rows.length, seen: spots.filter(({ top, bottom }) => bottom > 0 && top < innerHeight)};
}"""


STILL = """async () => {
    for (let still = 0, at = scrollY; still < 10; still = at === scrollY ? still + 1 : 0, at = scrollY) {
        await new Promise(requestAnimationFrame);
    }
}"""


async def look(page: Page) -> dict[str, Any]:
    seen: dict[str, Any] = await page.evaluate(LOOK)
    return seen


async def turn_wheel(page: Page, by: int, until: str) -> int:
    """Turn the wheel until a clip is in sight; return the most rows that there ever were."""
    most: int = 0
    await page.mouse.move(900, 400)
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
    await expect(name_of(here.row(id_of(CLIPS)))).to_be_visible()
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
    await turn_wheel(here.page, 600, f"Clip {CLIPS - 120}")
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
    await expect(name_of(here.row(id_of(number)))).to_have_value("Renamed in sight", timeout=SOON_MS)
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
    assert here.errors == []


async def test_what_somebody_is_at_is_never_taken_away(
    full_stack: Stack, launch_browser: Launch, api: httpx.AsyncClient
) -> None:
    here = await DictaphonePage.open(await launch_browser(), full_stack.api_url)
    clip = id_of(CLIPS - 1)
    field = name_of(here.row(clip))
    await field.fill("Half a na")
    await here.page.mouse.move(900, 400)
    for _ in range(12):
        await here.page.mouse.wheel(0, 3_000)
        await here.page.evaluate("() => new Promise(requestAnimationFrame)")
    assert await here.page.evaluate("() => scrollY > 15_000")
    assert await field.input_value() == "Half a na"
    await here.page.keyboard.type("me")
    await field.press("Enter")
    await here.page.wait_for_function(
        "async id => (await (await fetch(`/api/clips/${id}`)).json()).name === 'Half a name'", arg=clip
    )
    assert here.errors == []


async def test_with_the_keyboard_alone_one_goes_from_row_to_row(full_stack: Stack, launch_browser: Launch) -> None:
    here = await DictaphonePage.open(await launch_browser(), full_stack.api_url)
    await here.row((await here.ids())[0]).get_by_role("button", name="Play").focus()
    visited: list[str] = []
    where = "() => document.activeElement.closest('[data-clip-id]')?.dataset.clipId ?? ''"
    for _ in range(400):
        await here.page.keyboard.press("Tab")
        clip: str = await here.page.evaluate(where)
        if clip and clip not in visited:
            visited.append(clip)
    ids = [clip["id"] for clip in (await _all(full_stack, 200))]
    assert len(visited) > 40
    assert visited == ids[: len(visited)], "none is skipped"
    await here.page.keyboard.press("End")
    await expect(here.page.locator(f"[data-clip-id='{visited[-1]}']")).to_be_attached()
    assert here.errors == []


async def _all(stack: Stack, limit: int) -> list[dict[str, Any]]:
    async with httpx.AsyncClient(base_url=stack.api_url, trust_env=False) as api:
        clips: list[dict[str, Any]] = (await api.get("/api/clips", params={"limit": limit})).json()["clips"]
        return clips


async def test_older_clips_that_cannot_be_read_are_read_when_asked_for(
    full_stack: Stack, launch_browser: Launch
) -> None:
    here = await DictaphonePage.open(await launch_browser(), full_stack.api_url)
    await here.page.route("**/api/clips?cursor=*", lambda route: route.abort())
    await here.page.mouse.move(900, 400)
    for _ in range(6):
        await here.page.mouse.wheel(0, 3_000)
        await here.page.evaluate("() => new Promise(requestAnimationFrame)")
    alert = here.page.get_by_role("main").get_by_role("alert").filter(has_text="Older clips could not be read")
    await expect(alert).to_be_visible(timeout=SOON_MS)
    await here.page.unroute("**/api/clips?cursor=*")
    await here.button("Retry").click()
    await expect(alert).to_have_count(0)
    await turn_wheel(here.page, 600, f"Clip {CLIPS - 150}")
    assert here.errors == []
