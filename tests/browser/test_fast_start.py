"""The page starts at once, as plain modules and as the bundle: nothing is asked for twice, and nothing waits."""

import asyncio
import re
from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Route, expect

from tests.browser import browsers, many
from tests.browser.page import SOON_MS, DictaphonePage
from tests.conftest import Launch, Parts, StartStack
from tests.servers.stack import Stack

MAX_REQUESTS = 6
"""The page, its script, the part that keeps it as an app, its icons, the tags, and who is signed in."""

REQUESTED = """async () => {
    const row = () => document.querySelector("main [data-clip-id]");
    for (let turn = 0; turn < 200 && !row(); turn++) await new Promise(resolve => setTimeout(resolve, 50));
    await new Promise(resolve => setTimeout(resolve, 1000));
    const { pathname } = location;
    return [pathname, ...performance.getEntriesByType("resource").map(({ name }) => {
        const url = new URL(name);
        return url.pathname + url.search;
    })];
}"""

FIRST_ROWS = """
window.firstRows = 0;
new MutationObserver(() => (window.firstRows ||= document.querySelectorAll("main [data-clip-id]").length))
    .observe(document, { subtree: true, childList: true });
"""

HANGING_STORAGE = """
indexedDB.open = () => new EventTarget();
// Nobody's patience ends: whoever waits for the storage waits for good.
const wait = globalThis.setTimeout;
globalThis.setTimeout = (work, ms, ...rest) => (ms >= 1000 ? 0 : wait(work, ms, ...rest));
"""


async def begin_events(stack: Stack) -> None:
    """Let there be one: without any, a page cannot know whether it missed one, and reads the list once more."""
    async with httpx.AsyncClient(base_url=stack.api_url, trust_env=False) as client:
        url = f"/api/clips/{many.id_of(1)}"
        (await client.patch(url, json={"name": "Renamed"})).raise_for_status()
        while (await client.get("/api/clips", params={"limit": 1})).json()["realtime"]["cursor"] is None:
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("name", list(browsers.PAGES))
async def test_nothing_is_asked_for_twice_and_the_list_not_at_all(
    start_stack: StartStack, local_parts: Parts, page_form: Mapping[str, str], name: str
) -> None:
    if reason := browsers.missing(name):
        pytest.skip(reason)
    many.put(local_parts, 60)
    stack = start_stack(local_parts, "api", "realtime", SERVICE_WORKER="off", **page_form)
    await begin_events(stack)
    async with browsers.open_page(name) as page:
        await page.goto(f"{stack.api_url}/")
        requested = [path for path in await page.evaluate(REQUESTED) if path != "/service-worker.js"]
    assert len(requested) == len(set(requested)), "something was asked for twice"
    assert [path for path in requested if path.startswith("/api/clips?form=short") and "cursor" not in path] == []
    paths = re.findall(r'"method": "GET", "path": "([^"]+)"', stack.log("api"))
    assert [path for path in set(paths) if path.startswith("/static/") and paths.count(path) > 1] == []
    if page_form["BUNDLE_DIR"]:
        assert len(requested) <= MAX_REQUESTS, requested


async def test_rows_in_sight_come_before_those_around_them(
    start_stack: StartStack, local_parts: Parts, launch_browser: Launch
) -> None:
    many.put(local_parts, 60)
    stack = start_stack(local_parts, "api", "realtime")
    context = await (await launch_browser()).new_context(
        service_workers="block", viewport={"width": 1280, "height": 800}
    )
    await context.add_init_script(FIRST_ROWS)
    page = await context.new_page()
    await page.goto(stack.api_url)
    rows = page.locator("main [data-clip-id]")
    await expect(rows.nth(15)).to_be_attached(timeout=SOON_MS)
    in_sight = await rows.evaluate_all("(rows) => rows.filter((row) => row.getBoundingClientRect().top < 800).length")
    assert 8 <= await page.evaluate("() => window.firstRows") <= in_sight + 1


async def test_the_list_waits_for_no_storage(
    start_stack: StartStack, local_parts: Parts, launch_browser: Launch
) -> None:
    many.put(local_parts, 5)
    stack = start_stack(local_parts, "api", "realtime")
    context = await (await launch_browser()).new_context(service_workers="block")
    await context.add_init_script(HANGING_STORAGE)
    page = await context.new_page()
    await page.goto(stack.api_url)
    await expect(page.locator("main [data-clip-id]").first).to_be_visible(timeout=SOON_MS)


async def test_a_kept_page_holds_nobodys_list_and_asks_for_it(
    start_stack: StartStack, local_parts: Parts, launch_browser: Launch, page_form: Mapping[str, str]
) -> None:
    many.put(local_parts, 5)
    stack = start_stack(local_parts, "api", "realtime", **page_form)
    await begin_events(stack)
    here = await DictaphonePage.open(await launch_browser(), stack.api_url, service_worker=True)
    await here.page.evaluate("async () => { await navigator.serviceWorker.ready }")
    kept = await here.page.evaluate(
        """async () => {
            const name = (await caches.keys()).find((key) => key.startsWith("shell-"));
            return (await (await (await caches.open(name)).match("/")).text());
        }"""
    )
    assert "<title>" in kept
    assert 'id="first-list"' not in kept
    asked: list[str] = []
    here.page.on("request", lambda request: asked.append(request.url.removeprefix(stack.api_url)))
    for place in ("/", f"/clips/{(await here.ids())[0]}", "/settings"):
        asked.clear()
        await here.page.goto(f"{stack.api_url}{place}")
        await expect(here.page.locator("main [data-clip-id]").first).to_be_attached(timeout=SOON_MS)
        assert len([path for path in asked if path == "/api/clips?form=short"]) == 1, place
    assert here.errors == []


async def test_a_part_that_does_not_come_is_said_and_comes_the_next_time(
    start_stack: StartStack, local_parts: Parts, launch_browser: Launch, page_form: Mapping[str, str]
) -> None:
    many.put(local_parts, 3)
    stack = start_stack(local_parts, "api", "realtime", **page_form)
    here = await DictaphonePage.open(await launch_browser(), stack.api_url)
    is_away = True
    part = re.compile(r"/search[-/]finding\.js")
    await here.page.route(part, lambda route: route.abort() if is_away else route.continue_())
    find = here.page.get_by_role("searchbox")
    await find.focus()
    await expect(here.page.get_by_text("The server cannot be reached")).to_be_visible(timeout=SOON_MS)
    is_away = False
    await find.blur()
    await find.focus()
    await here.page.get_by_role("button", name="Filter").click()
    await expect(here.page.get_by_role("combobox", name="Order")).to_be_visible(timeout=SOON_MS)


async def test_a_page_whose_script_another_release_was_asked_for_loads_itself_anew(
    start_stack: StartStack, local_parts: Parts, launch_browser: Launch, bundle: Path
) -> None:
    """While a release is replaced, two machines answer, and each has its own bundle."""
    many.put(local_parts, 3)
    stack = start_stack(local_parts, "api", "realtime", BUNDLE_DIR=str(bundle))
    context = await (await launch_browser()).new_context(service_workers="block")
    page = await context.new_page()
    turns: list[str] = []

    async def answer(route: Route) -> None:
        turns.append(route.request.url)
        await (route.fulfill(status=404, body="") if len(turns) < 3 else route.continue_())

    await page.route(re.compile(r"/js/main\.js"), answer)
    await page.goto(stack.api_url)
    await expect(page.locator("main [data-clip-id]").first).to_be_visible(timeout=SOON_MS)
    assert len(turns) == 3
    assert await page.evaluate("() => sessionStorage.length") == 0
