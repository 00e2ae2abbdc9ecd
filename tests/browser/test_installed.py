"""The page as an app: it starts without a server, takes what others share, and changes only when a person says so."""

from pathlib import Path
from typing import cast

import httpx
import pytest
from playwright.async_api import Browser, Page, expect

from tests import speech
from tests.browser.page import SOON_MS, DictaphonePage, title_of
from tests.conftest import Launch, Parts, StartStack
from tests.servers.stack import Stack

KEPT = """async () => {
    await navigator.serviceWorker.ready;
    while (!navigator.serviceWorker.controller) await new Promise(resolve => setTimeout(resolve, 20));
}"""


async def installed(page: Page) -> None:
    """Wait until the browser keeps the page; no reload is needed for it."""
    await page.evaluate(KEPT)


@pytest.fixture
def doomed_stack(start_stack: StartStack, local_parts: Parts) -> Stack:
    """Api and realtime for one test, which stops them."""
    return start_stack(local_parts, "api", "realtime")


@pytest.fixture
async def speaker(launch_browser: Launch, tmp_path: Path) -> Browser:
    return await launch_browser(speech.microphone(tmp_path / "speech.wav", lead_s=0))


def next_version(stack: Stack) -> None:
    """Have the server serve another version of the page: its policy is a part of it."""
    environment = cast("dict[str, str]", stack.environment)
    environment["REALTIME_URL"] = f"ws://127.0.0.1:{stack['realtime'].port}/websocket"
    stack.restart("api")


async def look_for_update(page: Page) -> None:
    await page.evaluate("async () => (await navigator.serviceWorker.getRegistration()).update()")


async def test_the_page_starts_and_records_without_a_server(doomed_stack: Stack, speaker: Browser) -> None:
    here = await DictaphonePage.open(speaker, doomed_stack.api_url, service_worker=True)
    await installed(here.page)
    doomed_stack.kill("api")
    await here.page.goto(doomed_stack.api_url)
    await expect(here.button("Record")).to_be_enabled()
    await here.record("Said to nobody", seconds=2)
    await expect(here.rows()).to_contain_text("Kept on this device")
    await here.page.reload()
    await expect(here.rows()).to_contain_text("Kept on this device")
    doomed_stack.start("api")
    await expect(here.page.locator("[data-clip-id][data-status=waiting]")).to_have_count(1, timeout=SOON_MS)
    assert here.errors == []


async def test_a_new_version_is_offered_and_waits_for_a_person_and_for_the_end_of_a_recording(
    doomed_stack: Stack, speaker: Browser
) -> None:
    here = await DictaphonePage.open(speaker, doomed_stack.api_url, service_worker=True)
    await installed(here.page)
    other = await DictaphonePage.open(here.page.context, doomed_stack.api_url)
    for page in (here, other):
        await page.mark()
    await here.button("Record").click()
    await here.has_recorded(1)
    next_version(doomed_stack)
    await look_for_update(other.page)
    # The other tab sees it, so it is there; this one is recording.
    await expect(other.button("Reload")).to_be_visible(timeout=SOON_MS)
    await expect(here.button("Reload")).not_to_be_visible()
    await here.button("Stop").click()
    await expect(here.page.get_by_text("A new version is ready.")).to_be_visible()
    assert await here.was_never_reloaded()

    await here.button("Reload").click()
    await here.page.wait_for_function("() => !window.neverReloaded")
    await expect(here.rows()).to_have_count(1, timeout=SOON_MS)
    await expect(here.button("Reload")).not_to_be_visible()
    # The other tab goes on as it is, with files of its own version, until it is reloaded.
    assert await other.was_never_reloaded()
    versions = await other.page.evaluate("async () => (await caches.keys()).filter(name => name.startsWith('shell-'))")
    assert len(versions) == 2
    assert await other.page.evaluate("async () => (await fetch('/static/words/de.js')).ok")
    await other.page.reload()
    await expect(other.rows()).to_have_count(1, timeout=SOON_MS)
    assert here.errors == other.errors == []


SHARE = """async ([bytes, names]) => {
    const form = new FormData();
    for (const name of names) form.append("files", new File([new Uint8Array(bytes)], name, { type: "audio/webm" }));
    const { status, redirected, url } = await fetch("/share", { method: "POST", body: form });
    if (status !== 200 || !redirected) throw new Error(`${status} ${url}`);
    return url;
}"""
"""As the browser of a phone does it: a form that is posted to the address that the manifest names."""

NONE_WAITS = "async () => (await (await caches.open('dictaphone-shared')).keys()).length === 0"


async def test_what_another_app_shares_becomes_a_clip_when_a_person_keeps_it(
    doomed_stack: Stack, launch_browser: Launch
) -> None:
    here = await DictaphonePage.open(await launch_browser(), doomed_stack.api_url, service_worker=True)
    await installed(here.page)
    sound = list(speech.encode(speech.samples()))
    await here.page.evaluate(SHARE, [sound, ["From elsewhere.webm", "Junk.webm"]])
    await here.page.goto(f"{doomed_stack.api_url}/?shared")
    await expect(here.page.get_by_text("Another app shares “Junk.webm”")).to_be_visible(timeout=SOON_MS)
    await here.page.reload()
    wanted = here.page.get_by_text("Another app shares “From elsewhere.webm”")
    await wanted.get_by_role("button", name="Keep").click(timeout=SOON_MS)
    await expect(here.rows()).to_have_count(1, timeout=SOON_MS)
    await expect(title_of(here.rows())).to_have_text("From elsewhere")
    await expect(wanted).not_to_be_visible()
    await here.button("Discard").click()
    await here.page.wait_for_function(NONE_WAITS, timeout=SOON_MS)
    await here.page.reload()
    await expect(here.rows()).to_have_count(1, timeout=SOON_MS)
    await expect(here.button("Keep")).not_to_be_visible()
    # Nobody can fill the device with what nobody keeps.
    assert (await here.page.evaluate(SHARE, [sound[:100], [f"{n}.webm" for n in range(25)]])).endswith("/?shared=full")
    await here.page.goto(f"{doomed_stack.api_url}/?shared=full")
    await expect(here.page.get_by_text("There is no room for all that the other app shares")).to_be_visible()
    await expect(here.button("Keep")).to_have_count(20)
    assert here.errors == []


async def test_another_sites_page_plants_no_clip(doomed_stack: Stack, launch_browser: Launch) -> None:
    """Its form reaches the service worker before any guard of the server's."""
    here = await DictaphonePage.open(await launch_browser(), doomed_stack.api_url, service_worker=True)
    await installed(here.page)
    evil = f"""<form method="post" enctype="multipart/form-data" action="{doomed_stack.api_url}/share">
        <input type="file" name="files"></form><script>
        const files = new DataTransfer();
        const bytes = new Uint8Array({list(speech.encode(speech.samples()))});
        files.items.add(new File([bytes], "Planted.webm", {{ type: "audio/webm" }}));
        document.querySelector("input").files = files.files;
        document.querySelector("form").submit();
        </script>"""
    await here.page.route("http://evil.example/", lambda route: route.fulfill(body=evil, content_type="text/html"))
    await here.page.goto("http://evil.example/", wait_until="commit")
    await expect(here.page.get_by_text("Another app shares “Planted.webm”")).to_be_visible(timeout=SOON_MS)
    await expect(here.rows()).to_have_count(0)
    await here.button("Discard").click()
    await here.page.wait_for_function(NONE_WAITS, timeout=SOON_MS)
    async with httpx.AsyncClient(base_url=doomed_stack.api_url) as client:
        assert (await client.get("/api/clips")).json()["clips"] == []


async def test_the_shortcut_has_the_button_at_hand_and_records_nothing(
    doomed_stack: Stack, launch_browser: Launch
) -> None:
    here = await DictaphonePage.open(await launch_browser(), f"{doomed_stack.api_url}/?record", service_worker=True)
    await expect(here.button("Record")).to_be_focused()
    assert here.page.url == f"{doomed_stack.api_url}/"


async def test_the_server_can_take_the_kept_page_away(doomed_stack: Stack, launch_browser: Launch) -> None:
    here = await DictaphonePage.open(await launch_browser(), doomed_stack.api_url, service_worker=True)
    await installed(here.page)
    cast("dict[str, str]", doomed_stack.environment)["SERVICE_WORKER"] = "off"
    doomed_stack.restart("api")
    await look_for_update(here.page)
    await here.page.wait_for_function(
        """async () => !(await caches.keys()).some(name => name.startsWith("shell-"))
            && !(await navigator.serviceWorker.getRegistration())""",
        timeout=SOON_MS,
    )
