"""Search, filters, tags and selection, in a library of thousands: by role and name, as people use them."""

import re
import uuid
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from playwright.async_api import Locator, Page, expect
from sqlalchemy import create_engine
from sqlmodel import Session

from shared.clips.models import Status
from shared.transcripts.models import Source, Transcript
from tests.browser.many import id_of, put
from tests.browser.page import (
    SOON_MS,
    DictaphonePage,
    choose,
    clip_page,
    open_clip,
    title_of,
)
from tests.browser.screenshots import SCREENS
from tests.conftest import Launch, Parts
from tests.servers.stack import Stack

CLIPS = 2_100

TO_THE_END = "() => document.querySelector('[data-part=scroller]').scrollTo(0, 1e9)"

GARDEN, CALL, OLD, FAILED = CLIPS - 1, CLIPS - 2, 3, CLIPS - 4
TAGGED = range(CLIPS - 20, CLIPS - 10)

ODD: dict[int, dict[str, Any]] = {
    GARDEN: {
        "name": "Garden plans", "tags": ["home"],
        "text": "We talked of tulips. The gardener comes on Monday.",
    },
    CALL: {"name": "Call with Émilie", "text": "The zebra was seen at noon. " + "Nothing else. " * 40},
    OLD: {"name": "Oldest of all zebras", "tags": ["home", "zoo"]},
    FAILED: {"status": Status.FAILED, "error": "It could not be read.", "text": None},
    **{number: {"tags": ["batch"], "name": f"Batch {number}", "text": "Short."} for number in TAGGED},
}  # fmt: skip


def time_words(parts: Parts) -> None:
    """Let a machine have heard the garden's two sentences: at one second, and at 61."""
    said = [("We talked of tulips.", 1_000), ("The gardener comes on Monday.", 61_000)]
    passages = [{"start_ms": at, "end_ms": at + 2_000, "text": text, "words": []} for text, at in said]
    engine = create_engine(parts["DATABASE_URL"])
    with Session(engine) as session:
        clip = uuid.UUID(id_of(GARDEN))
        text = " ".join(sentence for sentence, _ in said)
        session.add(
            Transcript(clip_id=clip, source=Source.MACHINE, text=text, passages=passages, created_at=datetime.now(UTC))
        )
        session.commit()
    engine.dispose()


@pytest.fixture(scope="module")
def zoo(module_local_parts: Parts) -> Iterator[Stack]:
    """Api and realtime over thousands of clips, of which a few are worth finding."""
    put(module_local_parts, CLIPS, ODD)
    time_words(module_local_parts)
    with Stack(module_local_parts, ["api", "realtime"], migrate=False) as stack:
        yield stack


@pytest.fixture
async def api(zoo: Stack) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=zoo.api_url, trust_env=False) as client:
        yield client


@pytest.fixture
async def here(zoo: Stack, launch_browser: Launch) -> AsyncIterator[DictaphonePage]:
    opened = await DictaphonePage.open(await launch_browser(), zoo.api_url)
    yield opened
    assert opened.errors == []


def search(page: Page) -> Locator:
    return page.get_by_role("searchbox", name="Search clips")


def told(page: Page) -> Locator:
    return page.get_by_role("search").locator("[data-part=finding]")


def names(page: Page) -> Locator:
    return page.get_by_role("region", name="Clips").get_by_role("heading", level=3).get_by_role("link")


async def names_are(here: DictaphonePage, *expected: str) -> None:
    await expect(names(here.page)).to_have_text(list(expected), timeout=SOON_MS)


async def filters(here: DictaphonePage, name: str, label: str) -> None:
    await here.page.get_by_role("group", name="Filters").get_by_role("combobox", name=name).select_option(label=label)


# -- search --------------------------------------------------------------------------------------------------------


async def test_search_as_one_types_marks_the_words_and_keeps_them_in_the_address(here: DictaphonePage) -> None:
    await here.page.get_by_role("heading", name="Dictaphone").click()
    await here.page.keyboard.press("/")
    await expect(search(here.page)).to_be_focused()
    await here.page.keyboard.type("zebr")
    await names_are(here, "Oldest of all zebras", "Call with Émilie")
    await expect(told(here.page)).to_have_text("2 clips.")
    await expect(here.page.get_by_role("status")).to_have_text("2 clips.")
    call = here.row(id_of(CALL))
    await expect(call.get_by_role("list", name="Where it was found").locator("mark")).to_have_text("zebra")
    await expect(here.row(id_of(OLD)).get_by_role("heading").locator("mark")).to_have_text("zebras")
    assert here.page.url.endswith("#q=zebr")
    await here.page.reload()
    await expect(search(here.page)).to_have_value("zebr")
    await names_are(here, "Oldest of all zebras", "Call with Émilie")
    await search(here.page).press("Escape")
    await expect(search(here.page)).to_have_value("")
    await expect(told(here.page)).to_be_hidden()
    await expect(here.row(id_of(CLIPS))).to_be_visible()
    await expect(here.row(id_of(OLD))).to_have_count(0)
    await here.page.go_back()
    await names_are(here, "Oldest of all zebras", "Call with Émilie")


async def test_each_place_leads_to_the_moment_at_which_it_was_said(here: DictaphonePage) -> None:
    await search(here.page).fill("gardener")
    place = (
        here.row(id_of(GARDEN)).get_by_role("list", name="Where it was found").get_by_role("link", name="Go to 1:01")
    )
    await expect(place).to_be_visible(timeout=SOON_MS)
    await place.press("Enter")
    assert here.page.url.endswith(f"/clips/{id_of(GARDEN)}?t=61#q=gardener")
    await expect(clip_page(here.page).get_by_role("heading", level=1)).to_have_text("Garden plans")
    await names_are(here, "Garden plans")
    # Beside the clip, one goes on looking: the clip stays, and Back leaves first the search, then the clip.
    await search(here.page).fill("zebr")
    await names_are(here, "Oldest of all zebras", "Call with Émilie")
    assert here.page.url.endswith(f"/clips/{id_of(GARDEN)}?t=61#q=zebr")
    await expect(clip_page(here.page).get_by_role("heading", level=1)).to_have_text("Garden plans")
    await here.page.keyboard.press("Tab")
    await here.page.go_back()
    await expect(here.page).to_have_url(re.compile("/#q=gardener$"))
    await names_are(here, "Garden plans")


async def test_nothing_found_says_so_and_shows_the_way_out(here: DictaphonePage) -> None:
    await search(here.page).fill("a word that nobody said")
    await expect(told(here.page)).to_have_text("Nothing was found.", timeout=SOON_MS)
    await here.button("Show all clips").press("Enter")
    await expect(here.row(id_of(CLIPS))).to_be_visible()
    await expect(search(here.page)).to_be_focused()


async def test_what_is_found_follows_what_changes(here: DictaphonePage, api: httpx.AsyncClient) -> None:
    await search(here.page).fill("zebr")
    await names_are(here, "Oldest of all zebras", "Call with Émilie")
    await api.patch(f"/api/clips/{id_of(OLD)}", json={"name": "Of zebras, renamed"})
    await names_are(here, "Of zebras, renamed", "Call with Émilie")
    await expect(here.row(id_of(OLD)).locator("h3:has(mark)")).to_have_text("Of zebras, renamed", timeout=SOON_MS)
    await api.patch(f"/api/clips/{id_of(7)}", json={"name": "One more zebra"})
    await expect(here.row(id_of(7))).to_be_visible(timeout=SOON_MS)
    await api.delete(f"/api/clips/{id_of(7)}")
    await expect(here.row(id_of(7))).to_have_count(0, timeout=SOON_MS)
    await api.patch(f"/api/clips/{id_of(OLD)}", json={"name": "Oldest of all zebras"})
    await names_are(here, "Oldest of all zebras", "Call with Émilie")


async def test_a_late_answer_to_an_earlier_question_is_not_shown(here: DictaphonePage) -> None:
    async def slowly(route: object) -> None:
        await here.page.wait_for_timeout(800)
        await route.continue_()  # type: ignore[attr-defined]

    await here.page.route(re.compile(r"q=zeb(&|$)"), slowly)
    await search(here.page).fill("zeb")
    await here.page.wait_for_timeout(300)
    await search(here.page).fill("tulips")
    await names_are(here, "Garden plans")
    await here.page.wait_for_timeout(1_200)
    await names_are(here, "Garden plans")


async def test_offline_what_is_known_is_searched_and_the_rest_when_the_server_is_back(here: DictaphonePage) -> None:
    await search(here.page).focus()
    await here.page.wait_for_function(
        "() => performance.getEntriesByName(location.origin + '/static/search/finding.js').length"
    )
    await here.page.wait_for_timeout(500)
    await here.page.context.set_offline(True)
    await search(here.page).fill("zebra")
    await expect(told(here.page)).to_have_text("Offline: 1 clip among those that this page knows.", timeout=SOON_MS)
    await names_are(here, "Call with Émilie")
    await expect(here.row(id_of(CALL)).locator("mark")).to_have_text("zebra")
    await here.page.context.set_offline(False)
    await names_are(here, "Oldest of all zebras", "Call with Émilie")
    await expect(told(here.page)).to_have_text("2 clips.")


async def test_what_was_found_leaves_no_clip_in_the_list_that_the_list_has_not_reached(here: DictaphonePage) -> None:
    await search(here.page).fill("oldest")
    await names_are(here, "Oldest of all zebras")
    await search(here.page).press("Escape")
    await expect(here.row(id_of(CLIPS))).to_be_visible()
    last = "() => [...document.querySelectorAll('[data-clip-id]')].at(-1).dataset.clipId"
    await here.page.evaluate(TO_THE_END)
    await here.page.wait_for_timeout(200)
    assert await here.page.evaluate(last) != id_of(OLD)


# -- filters -------------------------------------------------------------------------------------------------------


async def test_filters_together_and_as_chips_that_take_them_back(here: DictaphonePage) -> None:
    await here.button("Filter").press("Enter")
    await filters(here, "State", "Failed")
    await names_are(here, f"Clip {FAILED}")
    await here.button("Remove Failed").click()
    await expect(here.row(id_of(CLIPS))).to_be_visible()
    await filters(here, "Tag", "home (2)")
    await names_are(here, "Garden plans", "Oldest of all zebras")
    await filters(here, "Date", "Last 7 days")
    await names_are(here, "Garden plans")
    await filters(here, "Length", "Under 1 minute")
    await expect(told(here.page)).to_have_text("Nothing was found.")
    await here.page.reload()
    await expect(told(here.page)).to_have_text("Nothing was found.", timeout=SOON_MS)
    chips = here.page.get_by_role("group", name="Active filters").get_by_role("button")
    await expect(chips).to_have_text(["Last 7 days", "Under 1 minute"])
    await expect(shown(here).get_by_role("button", name="home", pressed=True)).to_be_visible()
    await here.button("Remove Last 7 days").click()
    await names_are(here, "Oldest of all zebras")
    await here.page.go_back()
    await expect(chips).to_have_count(0)
    await expect(here.row(id_of(CLIPS))).to_be_visible()


async def test_a_range_of_days_and_every_order(here: DictaphonePage) -> None:
    await here.button("Filter").click()
    await filters(here, "Order", "Oldest first")
    await expect(names(here.page).first).to_have_text("Clip 1", timeout=SOON_MS)
    await filters(here, "Order", "Longest first")
    await expect(names(here.page).first).to_have_text(f"Clip {CLIPS}", timeout=SOON_MS)
    await filters(here, "Order", "By name")
    await expect(names(here.page).first).to_have_text(re.compile("Batch"), timeout=SOON_MS)
    await filters(here, "Date", "From … to …")
    await here.page.get_by_label("From", exact=True).fill("2001-01-01")
    await here.page.get_by_label("To", exact=True).fill("2001-12-31")
    await expect(told(here.page)).to_have_text("Nothing was found.", timeout=SOON_MS)
    assert "from=2001-01-01&to=2001-12-31" in here.page.url
    await here.button("Remove from Jan 1, 2001 to Dec 31, 2001").click()
    await expect(names(here.page).first).to_have_text(re.compile("Batch"), timeout=SOON_MS)


async def test_what_is_found_goes_on_as_far_as_one_scrolls(here: DictaphonePage) -> None:
    await search(here.page).fill("clocks")
    await expect(told(here.page)).to_have_text(re.compile(r"More than \d+ clips\."), timeout=SOON_MS)
    for _ in range(12):
        await here.page.evaluate(TO_THE_END)
        await here.page.wait_for_timeout(150)
    await expect(told(here.page)).to_have_text(re.compile(r"(More than )?[\d,]*\d{3} clips\."), timeout=SOON_MS)
    assert await here.page.locator("[data-clip-id]").count() < 60


def shown(here: DictaphonePage) -> Locator:
    """The chips under the search."""
    return here.page.get_by_role("toolbar", name="Show")


async def test_chips_show_what_has_a_star_or_a_tag_and_are_one_stop_of_tab(
    here: DictaphonePage, api: httpx.AsyncClient
) -> None:
    await choose(here.row(id_of(CLIPS)), "More for", "Star")
    await expect(here.row(id_of(CLIPS)).get_by_role("img", name="Starred")).to_be_visible()
    await expect(shown(here).get_by_role("button")).to_have_text(["All", "Starred", "batch", "home", "zoo"])
    await search(here.page).focus()
    for _ in range(3):
        await here.page.keyboard.press("Tab")
    await expect(shown(here).get_by_role("button", name="All", pressed=True)).to_be_focused()
    await here.page.keyboard.press("ArrowRight")
    await here.page.keyboard.press("Enter")
    await names_are(here, f"Clip {CLIPS}")
    assert here.page.url.endswith("#starred=true")
    await expect(told(here.page)).to_have_text("1 clip.")
    await here.page.keyboard.press("End")
    await here.page.keyboard.press("Space")
    await expect(told(here.page)).to_have_text("Nothing was found.")
    await shown(here).get_by_role("button", name="Starred").click()
    await names_are(here, "Oldest of all zebras")
    await here.page.keyboard.press("Home")
    await here.page.keyboard.press("Enter")
    await expect(here.row(id_of(CLIPS))).to_be_visible()
    await choose(here.row(id_of(CLIPS)), "More for", "Star")
    await expect(here.row(id_of(CLIPS)).get_by_role("img", name="Starred")).to_be_hidden()
    assert not (await api.get(f"/api/clips/{id_of(CLIPS)}")).json()["starred"]


async def test_what_is_typed_while_a_part_is_on_its_way_is_searched(here: DictaphonePage) -> None:
    async def slowly(route: Any) -> None:
        await here.page.wait_for_timeout(600)
        await route.continue_()

    await here.page.route("**/static/search/*", slowly)
    await search(here.page).click()
    await here.page.keyboard.type("zebra")
    await expect(search(here.page)).to_have_value("zebra")
    await names_are(here, "Oldest of all zebras", "Call with Émilie")
    await expect(search(here.page)).to_have_value("zebra")


# -- tags ----------------------------------------------------------------------------------------------------------


async def test_tags_are_added_and_taken_away_in_place_and_a_click_filters(
    here: DictaphonePage, api: httpx.AsyncClient
) -> None:
    await choose(here.row(id_of(GARDEN)), "More for", "Tags")
    row = clip_page(here.page)
    field = row.get_by_role("combobox", name="Add a tag")
    await expect(field).to_be_focused()
    await expect(here.page.locator("datalist option").first).to_be_attached()
    await here.page.keyboard.type("spring")
    await here.page.keyboard.press("Enter")
    await expect(row.get_by_role("button", name="Remove spring")).to_be_visible()
    # Somebody else adds one at the same time: both stay.
    await api.patch(f"/api/clips/{id_of(GARDEN)}", json={"tags": ["elsewhere", "home", "spring"]})
    await here.page.keyboard.type("mine")
    await here.page.keyboard.press("Enter")
    await expect(row.get_by_role("button", name="Remove mine")).to_be_visible(timeout=SOON_MS)
    assert (await api.get(f"/api/clips/{id_of(GARDEN)}")).json()["tags"] == ["elsewhere", "home", "mine", "spring"]
    await here.page.keyboard.press("Backspace")
    await expect(row.get_by_role("button", name="Remove spring")).to_have_count(0)
    await row.get_by_role("button", name="Remove mine").click()
    await row.get_by_role("button", name="Remove elsewhere").click()
    await expect(row.get_by_role("button", name="Remove elsewhere")).to_have_count(0)
    await here.page.keyboard.press("Escape")
    await row.get_by_role("button", name="Clips with the tag home").click()
    await names_are(here, "Garden plans", "Oldest of all zebras")
    assert here.page.url.endswith(f"/clips/{id_of(GARDEN)}#tag=home")
    await expect(here.row(id_of(GARDEN))).to_contain_text("home")


async def test_a_tag_that_meets_no_server_is_sent_later_and_one_that_is_refused_is_said(here: DictaphonePage) -> None:
    row = await open_clip(here, id_of(GARDEN))
    await row.get_by_role("button", name="Add a tag").click()
    await expect(row.get_by_role("combobox", name="Add a tag")).to_be_focused()
    await here.page.route("**/api/clips/*", lambda route: route.abort())
    await here.page.keyboard.type("later")
    await here.page.keyboard.press("Enter")
    await expect(row).to_contain_text("not sent yet", timeout=SOON_MS)
    await expect(row.get_by_role("button", name="Remove later")).to_be_visible()
    await here.page.unroute("**/api/clips/*")
    await expect(row).not_to_contain_text("not sent yet", timeout=2 * SOON_MS)

    await here.page.route("**/api/clips/*", lambda route: route.fulfill(status=422, json={"detail": "No more tags."}))
    await row.get_by_role("combobox", name="Add a tag").fill("never")
    await row.get_by_role("combobox", name="Add a tag").press("Enter")
    await expect(row.get_by_role("alert")).to_contain_text("No more tags.", timeout=SOON_MS)
    await here.page.unroute("**/api/clips/*")
    await row.get_by_role("button", name="Remove later").click()
    await expect(row.get_by_role("button", name="Remove later")).to_have_count(0)


# -- selection -----------------------------------------------------------------------------------------------------


def toast(here: DictaphonePage) -> Locator:
    return here.page.get_by_role("status").filter(has=here.button("Close"))


def bar(page: Page) -> Locator:
    return page.get_by_role("group", name="Selection")


async def batch(here: DictaphonePage) -> None:
    await here.page.goto(here.page.url + "#tag=batch")
    await names_are(here, *(f"Batch {number}" for number in reversed(TAGGED)))


async def box(here: DictaphonePage, number: int) -> Locator:
    return here.page.get_by_role("checkbox", name=f"Select Batch {number}")


async def test_several_are_chosen_tagged_and_exported(here: DictaphonePage, api: httpx.AsyncClient) -> None:
    await batch(here)
    await here.button("Select").click()
    first, last = TAGGED[2], TAGGED[6]
    await (await box(here, first)).check()
    await (await box(here, last)).click(modifiers=["Shift"])
    await expect(bar(here.page)).to_contain_text("5 selected")
    chosen = [id_of(number) for number in range(first, last + 1)]
    href = await bar(here.page).get_by_role("link", name="Export").get_attribute("href")
    assert href is not None
    assert sorted(re.findall("id=([^&]+)", href)) == chosen
    await bar(here.page).get_by_role("combobox", name="Add a tag").fill("some")
    await here.page.keyboard.press("Enter")
    await expect(toast(here)).to_contain_text("5 clips have the tag some.", timeout=SOON_MS)
    listed = (await api.get("/api/clips", params={"tag": "some"})).json()["clips"]
    assert sorted(clip["id"] for clip in listed) == chosen
    await bar(here.page).get_by_role("button", name="All").click()
    await expect(bar(here.page)).to_contain_text("10 selected")
    # What is not shown any more is not chosen any more.
    await here.page.go_back()
    await here.page.evaluate("() => { location.hash = '#tag=some' }")
    await expect(here.rows()).to_have_count(5, timeout=SOON_MS)
    await expect(bar(here.page)).to_contain_text("5 selected")
    await toast(here).get_by_role("button", name="Undo").click()
    await expect(here.rows()).to_have_count(0, timeout=SOON_MS)
    await here.page.keyboard.press("Escape")
    await expect(bar(here.page)).to_be_hidden()
    await expect(here.page.locator("[data-chosen], :checked[data-part=pick]")).to_have_count(0)


async def test_several_are_deleted_and_taken_back_as_one(here: DictaphonePage, api: httpx.AsyncClient) -> None:
    await batch(here)
    await here.button("Select").press("Enter")
    for number in TAGGED[:3]:
        await (await box(here, number)).press("Space")
    await bar(here.page).get_by_role("button", name="Delete").press("Enter")
    await expect(toast(here)).to_contain_text("3 clips are in the bin.", timeout=SOON_MS)
    await expect(bar(here.page)).to_be_hidden()
    await names_are(here, *(f"Batch {number}" for number in reversed(TAGGED[3:])))
    undo = toast(here).get_by_role("button", name="Undo")
    await expect(undo).to_be_focused()
    await undo.press("Enter")
    await names_are(here, *(f"Batch {number}" for number in reversed(TAGGED)))
    assert len((await api.get("/api/clips", params={"tag": "batch"})).json()["clips"]) == len(TAGGED)


async def test_what_could_not_be_deleted_stays_chosen_and_is_said(here: DictaphonePage) -> None:
    await batch(here)
    refused = id_of(TAGGED[1])
    await here.page.route(f"**/api/clips/{refused}", lambda route: route.fulfill(status=409, body="{}"))
    await here.button("Select").click()
    for number in TAGGED[:2]:
        await (await box(here, number)).check()
    await bar(here.page).get_by_role("button", name="Delete").click()
    await expect(toast(here)).to_contain_text("1 clip is in the bin.", timeout=SOON_MS)
    await expect(toast(here)).to_contain_text("Of 1 clip that could not be done: The server answered with 409.")
    await expect(await box(here, TAGGED[1])).to_be_checked()
    await toast(here).get_by_role("button", name="Undo").click()
    await expect(await box(here, TAGGED[0])).to_be_visible(timeout=SOON_MS)


async def test_a_finger_that_rests_on_a_row_chooses_it_and_taps_choose_more(zoo: Stack, launch_browser: Launch) -> None:
    browser = await launch_browser()
    phone = await browser.new_context(**SCREENS["phone"], service_workers="block")
    here = await DictaphonePage.open(phone, zoo.api_url)
    await here.page.goto(here.page.url + "#tag=batch")
    await expect(names(here.page).first).to_have_text(f"Batch {TAGGED[-1]}", timeout=SOON_MS)
    row = here.row(id_of(TAGGED[-1]))
    spot = await row.locator("[data-part=facts]").bounding_box()
    assert spot is not None
    line = await phone.new_cdp_session(here.page)
    point = [{"x": spot["x"] + 10, "y": spot["y"] + 5}]
    await line.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": point})
    await expect(bar(here.page)).to_contain_text("1 selected", timeout=SOON_MS)
    await line.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    await title_of(here.row(id_of(TAGGED[-2]))).tap()
    await expect(bar(here.page)).to_contain_text("2 selected")
    await expect(here.page).to_have_url(re.compile("/#tag=batch"))
    top, bottom = await row.bounding_box(), await bar(here.page).bounding_box()
    assert top is not None
    assert bottom is not None
    assert bottom["y"] + bottom["height"] <= top["y"], "the bar covers no clip"
    await bar(here.page).get_by_role("button", name="Done").tap()
    await expect(bar(here.page)).to_be_hidden()
    assert here.errors == []
