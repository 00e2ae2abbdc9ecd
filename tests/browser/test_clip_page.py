"""The page of a clip: its head, its tabs, find and replace, and what becomes of it elsewhere."""

import re
from typing import Any

import httpx
from playwright.async_api import BrowserContext, Locator, Page, Route, expect

from tests.browser.axe import violations
from tests.browser.many import id_of, put
from tests.browser.page import SOON_MS, DictaphonePage, choose, clip_page, edit, open_clip, title_of, words_of
from tests.conftest import Launch, Parts, StartStack
from tests.node import has_node
from tests.servers.stack import Stack

SAID = "The landlord asks first. A LANDLORD, and the landlord’s dog."
HOUR = "\n\n".join(f"Paragraph {n}. " + "What matters is that the sound is never lost. " * 11 for n in range(100))
UNREADABLE = {"status": "failed", "error": "There is no sound in this file.", "text": None, "duration_ms": None}
ARABIC = "قال المعلم للطلاب إن الدرس سيبدأ بعد قليل. كل شيء جاهز الآن."
FEW: dict[int, dict[str, Any]] = {
    1: {"text": SAID, "name": "Landlord", "gaps": [{"at_ms": 200, "length_ms": 400, "cause": "muted"}]},
    2: {"text": HOUR, "name": "An hour of the board, whose title is long enough for two lines of a phone"},
    3: {"text": ARABIC, "name": "درس الصباح"},
}
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}


def started(local_parts: Parts, start_stack: StartStack) -> Stack:
    put(local_parts, len(FEW), FEW)
    return start_stack(local_parts, "api", "realtime")


async def opened(
    launch_browser: Launch, stack: Stack, number: int, **context: Any
) -> tuple[DictaphonePage, Locator, BrowserContext]:
    made = await (await launch_browser()).new_context(locale="en-GB", service_workers="block", **context)
    here = await DictaphonePage.open(made, f"{stack.api_url}/#clip={id_of(number)}")
    await expect(clip_page(here.page)).to_be_visible(timeout=SOON_MS)
    return here, clip_page(here.page), made


def api_of(stack: Stack) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=stack.api_url, trust_env=False)


async def text_of(api: httpx.AsyncClient, number: int) -> str:
    return str((await api.get(f"/api/clips/{id_of(number)}")).json()["text"])


async def test_words_are_found_and_replaced_as_one_version_that_is_taken_back(
    local_parts: Parts, start_stack: StartStack, launch_browser: Launch
) -> None:
    stack = started(local_parts, start_stack)
    here, clip, _ = await opened(launch_browser, stack, 1)
    await expect(words_of(clip)).to_have_text(SAID)
    await here.page.keyboard.press("Control+f")
    find, said = clip.get_by_role("textbox", name="Find", exact=True), clip.get_by_role("search").get_by_role("status")
    await expect(find).to_be_focused()
    await here.page.keyboard.type("landlord")
    await expect(said).to_have_text("1 of 3")
    marked = "() => [...CSS.highlights.get('found-now')].map(String)[0]"
    await find.press("Enter")
    await expect(said).to_have_text("2 of 3")
    assert await here.page.evaluate(marked) == "LANDLORD"
    await find.press("Shift+Enter")
    await find.press("Shift+Enter")
    await expect(said).to_have_text("3 of 3")
    # A second press is the browser's own.
    await here.page.evaluate(
        "() => addEventListener('keydown', event => (window.isOurs = event.defaultPrevented), {once: true})"
    )
    await here.page.keyboard.press("Control+f")
    assert await here.page.evaluate("() => window.isOurs") is False

    async with api_of(stack) as api:
        await clip.get_by_role("textbox", name="Replace with").fill("tenant")
        await clip.get_by_role("button", name="Replace all").click()
        new = "The tenant asks first. A tenant, and the tenant’s dog."
        await expect(words_of(clip)).to_have_text(new)
        assert await text_of(api, 1) == new
        await expect(here.page.get_by_text("Replaced in 3 places.")).to_be_visible()
        revisions = (await api.get(f"/api/clips/{id_of(1)}/revisions")).json()["revisions"]
        assert [revision["source"] for revision in revisions] == ["person", "machine"]
        await here.button("Undo").click()
        await expect(words_of(clip)).to_have_text(SAID)
        assert await text_of(api, 1) == SAID
    await find.press("Escape")
    await expect(find).to_be_hidden()
    await expect(clip.get_by_role("button", name="Find in this clip")).to_be_focused()
    assert here.errors == []


async def test_ten_thousand_words_are_searched_without_a_stall(
    local_parts: Parts, start_stack: StartStack, launch_browser: Launch
) -> None:
    stack = started(local_parts, start_stack)
    # As in browsers without highlights: Firefox before 140.
    context = await (await launch_browser()).new_context(locale="en-GB", service_workers="block")
    await context.add_init_script("delete globalThis.Highlight")
    here = await DictaphonePage.open(context, f"{stack.api_url}/#clip={id_of(2)}")
    clip = clip_page(here.page)
    await expect(words_of(clip)).to_contain_text("Paragraph 99")
    await here.page.keyboard.press("Control+f")
    find = clip.get_by_role("textbox", name="Find", exact=True)
    await here.page.evaluate(
        """() => {
            window.longest = 0;
            const told = list => list.getEntries().forEach(task => (longest = Math.max(longest, task.duration)));
            new PerformanceObserver(told).observe({ type: "longtask" });
        }"""
    )
    await find.press_sequentially("sound", delay=30)
    await expect(clip.get_by_role("search").get_by_role("status")).to_have_text("1 of 1,100")
    await expect(clip.locator(".mark-boxes .found-now")).to_have_count(1)
    for _ in range(3):
        await find.press("Shift+Enter")
    await expect(clip.get_by_role("search").get_by_role("status")).to_have_text("1,098 of 1,100")
    await expect(clip.locator(".mark-boxes .found-now")).to_be_in_viewport()
    assert await here.page.evaluate("() => longest") < 1_000
    assert here.errors == []


@has_node
async def test_the_history_compares_and_restores(
    local_parts: Parts, start_stack: StartStack, launch_browser: Launch
) -> None:
    stack = started(local_parts, start_stack)
    async with api_of(stack) as api:
        await api.patch(f"/api/clips/{id_of(1)}", json={"text": SAID.replace("asks", "pays")})
    here, clip, context = await opened(launch_browser, stack, 1)
    await clip.get_by_role("tab", name="History").click()
    await expect(here.page).to_have_url(re.compile(r"\?tab=history"))
    versions = clip.get_by_role("list", name="Versions of the words").get_by_role("listitem")
    await expect(versions).to_have_count(2)
    await expect(versions.nth(0)).to_contain_text("As edited on")
    await expect(versions.nth(1)).to_contain_text("As it was heard")
    await versions.nth(0).get_by_role("button", name="Compare").click()
    await expect(clip.get_by_role("deletion")).to_have_text("asks ")
    await expect(clip.get_by_role("insertion")).to_have_text("pays ")
    assert await violations(here.page) == []

    await context.set_offline(True)
    await versions.nth(1).get_by_role("button", name="Restore").click()
    await expect(clip.get_by_role("alert")).to_contain_text("The server cannot be reached.")
    await context.set_offline(False)
    await versions.nth(1).get_by_role("button", name="Restore").click()
    await expect(versions).to_have_count(3)
    await expect(versions.nth(0)).to_contain_text("Shown now")
    await here.button("Undo").click()
    await expect(versions).to_have_count(4)
    await clip.get_by_role("tab", name="Transcript").click()
    await expect(words_of(clip)).to_contain_text("pays first")
    assert here.errors == []


async def test_what_is_deleted_elsewhere_can_be_restored_and_what_is_deleted_here_is_left(
    local_parts: Parts, start_stack: StartStack, launch_browser: Launch
) -> None:
    stack = started(local_parts, start_stack)
    here, clip, _ = await opened(launch_browser, stack, 1)
    async with api_of(stack) as api:
        await api.delete(f"/api/clips/{id_of(1)}")
        gone = clip.get_by_role("alert").filter(has_text="It was deleted elsewhere.")
        await expect(gone).to_be_visible(timeout=SOON_MS)
        await expect(clip.get_by_role("button", name="Edit", exact=True)).to_be_hidden()
        await gone.get_by_role("button", name="Restore").click()
        await expect(gone).to_be_hidden(timeout=SOON_MS)
        assert (await api.get(f"/api/clips/{id_of(1)}")).json()["deleted_at"] is None
    await choose(clip, "More", "Delete")
    await expect(here.page).to_have_url(re.compile("/$"))
    await expect(clip).to_be_hidden()
    await here.button("Undo").click()
    await expect(title_of(here.row(id_of(1)))).to_have_text("Landlord")
    # One is where one was.
    await expect(here.page).to_have_url(re.compile(f"/clips/{id_of(1)}"))
    await expect(clip.get_by_role("heading", level=1)).to_have_text("Landlord")
    assert here.errors == []


async def test_words_that_could_not_be_saved_are_kept_when_their_page_is_left(
    local_parts: Parts, start_stack: StartStack, launch_browser: Launch
) -> None:
    stack = started(local_parts, start_stack)
    here, clip, _ = await opened(launch_browser, stack, 1)

    async def refuse(route: Route) -> None:
        if route.request.method == "PATCH":
            await route.fulfill(status=422, json={"detail": "Nobody takes these words."})
        else:
            await route.continue_()

    await here.page.route(f"**/api/clips/{id_of(1)}", refuse)
    await (await edit(clip)).fill("Long and dear words.")
    await open_clip(here, id_of(3))
    await expect(
        here.page.get_by_text("Your words for “Landlord” are not saved. Nobody takes these words.")
    ).to_be_visible()
    await here.page.unroute(f"**/api/clips/{id_of(1)}")
    await here.button("Back to it").click()
    field = clip.get_by_role("textbox", name="Transcript")
    await expect(field).to_have_text("Long and dear words.")
    await field.blur()
    await expect(words_of(clip)).to_have_text("Long and dear words.")
    async with api_of(stack) as api:
        assert await text_of(api, 1) == "Long and dear words."
    assert here.errors == []


async def test_right_to_left_words_have_their_times_at_their_start(
    local_parts: Parts, start_stack: StartStack, launch_browser: Launch
) -> None:
    stack = started(local_parts, start_stack)
    context = await (await launch_browser()).new_context(locale="en-GB", service_workers="block")
    timed = [{"start_ms": 0, "end_ms": 500, "text": ARABIC.split(maxsplit=1)[0]}]

    async def time(route: Route) -> None:
        await route.fulfill(json={"text": ARABIC, "words": timed})

    await context.route("**/transcript.json", time)
    here = await DictaphonePage.open(context, f"{stack.api_url}/#clip={id_of(3)}")
    clip = clip_page(here.page)
    moment = clip.get_by_role("link", name="Play from 0:00")
    await expect(moment).to_be_visible()
    place, words = await moment.bounding_box(), await words_of(clip).locator("p").bounding_box()
    assert place is not None
    assert words is not None
    assert place["x"] >= words["x"] + words["width"] - 1, "the times are at the right of the words"
    first = await here.page.evaluate(
        """() => {
            const text = document.querySelector("[data-part=text] p").lastChild;
            const range = document.createRange();
            range.setStart(text, 0), range.setEnd(text, 1);
            return range.getBoundingClientRect().right;
        }"""
    )
    assert abs(first - words["x"] - words["width"]) < 2, "the first letter is at the right edge"
    assert here.errors == []


@has_node
async def test_an_hour_on_a_phone_has_everything_one_tap_away(
    local_parts: Parts, start_stack: StartStack, launch_browser: Launch
) -> None:
    stack = started(local_parts, start_stack)
    context = await (await launch_browser()).new_context(locale="en-GB", service_workers="block", **PHONE)
    here = await DictaphonePage.open(context, stack.api_url)
    clip = await open_clip(here, id_of(2))
    for name in ("Star", "Download", "Delete", "More"):
        await expect(clip.get_by_role("button", name=name, exact=True)).to_be_in_viewport(ratio=1)
        await clip.get_by_role("button", name=name, exact=True).click(trial=True, timeout=SOON_MS)  # nothing covers it
    await expect(here.page.get_by_role("region", name="Player").get_by_role("button", name="Play")).to_be_in_viewport()
    await clip.evaluate("page => page.scrollBy(0, 5000)")
    await expect(clip.get_by_role("tab", name="Transcript")).to_be_in_viewport(ratio=1)
    assert await violations(here.page) == []
    for width in (320, 390):
        await here.page.set_viewport_size({"width": width, "height": 640})
        assert await is_whole(here.page)
    assert here.errors == []


async def is_whole(page: Page) -> bool:
    """Whether nothing of the clip's page is wider than the window, head and find bar included."""
    await clip_page(page).get_by_role("button", name="Find in this clip").click()
    answer = await page.evaluate(
        """() => {
            const clip = document.querySelector(".clip-page");
            return clip.scrollWidth <= clip.clientWidth && document.documentElement.scrollWidth <= innerWidth;
        }"""
    )
    await clip_page(page).get_by_role("button", name="Find in this clip").click()
    return bool(answer)


@has_node
async def test_a_title_is_edited_where_it_stands(
    local_parts: Parts, start_stack: StartStack, launch_browser: Launch
) -> None:
    stack = started(local_parts, start_stack)
    here, clip, _ = await opened(launch_browser, stack, 1)
    tabs = clip.get_by_role("tablist")
    before = await tabs.bounding_box()
    title = clip.get_by_role("heading", level=1)
    await title.focus()
    await title.press("F2")
    field = clip.get_by_role("textbox", name="Name")
    await expect(field).to_be_focused()
    assert await tabs.bounding_box() == before
    await field.fill("Another name")
    await field.press("Enter")
    await expect(title).to_have_text("Another name")
    assert await tabs.bounding_box() == before
    # The gaps and the model are told to whoever asks.
    await clip.get_by_role("button", name="1 gap", exact=True).click()
    await expect(here.page.get_by_role("dialog", name="Details")).to_contain_text("the microphone was silenced")
    assert await violations(here.page) == []
    # Its keys are its own: Escape does not close the clip behind it.
    await here.page.keyboard.press("Escape")
    await expect(here.page.get_by_role("dialog")).to_be_hidden()
    await expect(clip).to_be_visible()
    assert here.errors == []


async def test_a_file_without_sound_has_no_player_and_its_buttons_name_it(
    local_parts: Parts, start_stack: StartStack, launch_browser: Launch
) -> None:
    put(local_parts, 3, {1: UNREADABLE | {"name": "A letter"}, 2: UNREADABLE | {"name": "A picture"}})
    stack = start_stack(local_parts, "api", "realtime")
    here, clip, _ = await opened(launch_browser, stack, 1)
    await expect(clip.get_by_text("There is no sound in this file. There is nothing to play.")).to_be_visible()
    player = here.page.get_by_role("region", name="Player")
    await expect(player).to_be_hidden()
    await here.page.keyboard.press("Space")
    await expect(player).to_be_hidden()
    await expect(clip.get_by_role("button", name="Mark this moment")).to_be_hidden()
    await clip.get_by_role("button", name="Download").click()
    await expect(here.page.get_by_role("menuitem")).to_have_text(["Original audio"])
    await here.page.keyboard.press("Escape")
    for number, name in ((1, "A letter"), (2, "A picture")):
        row = here.row(id_of(number))
        await expect(row.get_by_role("button", name=f"Retry: {name}", exact=True)).to_be_visible()
        await expect(row.get_by_role("button", name="Play")).to_be_hidden()
    # What plays goes on, and a clip with sound has its player again.
    await open_clip(here, id_of(3))
    await expect(player).to_be_visible()
    await open_clip(here, id_of(2))
    await expect(player).to_be_hidden()
    assert here.errors == []
