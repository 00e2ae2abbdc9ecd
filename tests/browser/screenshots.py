"""`make screenshots`: the README's picture, and the page's states on phone and desktop, of real recorded speech."""

import asyncio
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import product
from pathlib import Path
from typing import Any, Literal

import httpx
from playwright.async_api import Browser, Playwright, async_playwright, expect

from tests import speech
from tests.browser.page import SOON_MS, WORDS_MS, DictaphonePage, heard
from tests.recordings import WEBM_HEAD
from tests.servers import chromium
from tests.servers.stack import ROOT, Stack
from tests.servers.valkey import Valkey

README = ROOT / "infra" / "screenshot.png"
RESULTS = ROOT / "tests" / "results"

Scheme = Literal["light", "dark"]
Look = tuple[str, Scheme]

SCREENS: dict[str, dict[str, Any]] = {
    "desktop": {"viewport": {"width": 1280, "height": 800}},
    "phone": {
        "viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "is_mobile": True, "has_touch": True,
    },
}  # fmt: skip
SCHEMES: tuple[Scheme, ...] = ("light", "dark")

LOOKS = tuple(product(SCREENS, SCHEMES))
EACH_ONCE = (("desktop", SCHEMES[0]), ("phone", SCHEMES[1]))
"""The fewest looks that show each screen and each scheme."""

SAID = {
    "Review of procedures": ("LJ050-0131.wav",),
    "A last thought on John": ("austen-0930.wav",),
    "Norland, first draft": ("austen-0870.wav",),
    "What she might have made of him": ("austen-0920.wav",),
}
"""Names of recordings, the oldest first, and what is said in them."""

LEAD_S = 0.5
"""Silence until the recorder runs."""


class Camera:
    """Takes each state in each look."""

    def __init__(self, browser: Browser, url: str) -> None:
        self.browser = browser
        self.url = url

    @asynccontextmanager
    async def looks(self, looks: Iterable[Look] = LOOKS) -> AsyncIterator[dict[str, DictaphonePage]]:
        """The page as each look shows it; every one is another device."""
        async with AsyncExitStack() as held:
            pages = {}
            for screen, scheme in looks:
                context = await self.browser.new_context(
                    **SCREENS[screen], base_url=self.url, color_scheme=scheme, locale="en-US", timezone_id="UTC"
                )
                held.push_async_callback(context.close)
                pages[f"{screen}-{scheme}"] = await DictaphonePage.open(context, self.url)
            yield pages

    @staticmethod
    async def take(state: str, pages: dict[str, DictaphonePage]) -> None:
        for look, here in pages.items():
            await here.page.screenshot(path=RESULTS / f"{look}-{state}.png", animations="disabled")


async def record_all(playwright: Playwright, url: str, folder: Path) -> None:
    """Speak every recording into a browser of its own, and wait for the words."""
    for number, (name, files) in enumerate(SAID.items()):
        microphone = speech.microphone(folder / f"{number}.wav", files, lead_s=LEAD_S)
        seconds = len(speech.samples(files, lead_s=LEAD_S, tail_s=0)) / speech.RATE
        browser = await chromium.launch(playwright, microphone)
        here = await DictaphonePage.open(browser, url)
        await heard(here.row(await here.record(name, seconds=int(seconds) + 1)))
        await browser.close()


async def start_recording(here: DictaphonePage, title: str) -> None:
    await here.button("Record").click()
    await expect(here.button("Stop")).to_be_visible()
    field = here.page.get_by_role("textbox", name="Title of this recording")
    await field.fill(title)
    await field.press("Enter")


async def stop_recording(here: DictaphonePage) -> None:
    """Stop, and wait for the words."""
    await here.button("Stop").click()
    await expect(here.button("Record")).to_be_visible()
    await heard(here.rows().first)


async def break_one(url: str) -> str:
    """Store a file that begins like WebM and is none: it will fail, and say so. Return its id."""
    id = str(uuid.uuid4())
    async with httpx.AsyncClient(base_url=url, trust_env=False) as api:
        answer = await api.put(
            f"/api/clips/{id}", params={"name": "Half a download"},
            content=WEBM_HEAD + bytes(4000), headers={"Content-Type": "audio/webm"},
        )  # fmt: skip
        answer.raise_for_status()
    return id


async def bin_some(url: str) -> None:
    """Delete the two oldest clips."""
    async with httpx.AsyncClient(base_url=url, trust_env=False) as api:
        for clip in (await api.get("/api/clips")).json()["clips"][-2:]:
            (await api.delete(f"/api/clips/{clip['id']}")).raise_for_status()


async def leave_one(here: DictaphonePage) -> None:
    """Close the tab of a recording, and open another one on the same device."""
    await start_recording(here, "Where the tab was closed")
    await here.has_recorded(7)
    await here.page.close(run_before_unload=False)
    here.page = await here.page.context.new_page()
    await here.page.goto("/")
    await expect(here.button("Continue")).to_be_visible(timeout=SOON_MS)


async def shoot(stack: Stack, playwright: Playwright, folder: Path) -> None:
    loop = speech.microphone(folder / "loop.wav", lead_s=0, tail_s=0)
    camera = Camera(await chromium.launch(playwright, loop, once=False), stack.api_url)

    async with camera.looks() as pages:
        await camera.take("empty", pages)
    await record_all(playwright, stack.api_url, folder)
    async with camera.looks() as pages:
        await camera.take("clips", pages)
        for look, here in pages.items():
            await start_recording(here, "Notes for the second chapter")
            await here.has_recorded(8)
            await expect(here.page.get_by_label("What was heard so far")).not_to_be_empty(timeout=SOON_MS)
            await camera.take("recording", {look: here})
            if look == "desktop-light":
                await here.page.screenshot(path=README, animations="disabled")
            await here.button("Pause").click()
            await expect(here.button("Resume")).to_be_visible()
            await camera.take("paused", {look: here})
            await stop_recording(here)
    recorder = await DictaphonePage.open(camera.browser, stack.api_url)
    await start_recording(recorder, "The other end of the house")
    async with camera.looks() as pages:
        for here in pages.values():
            await expect(here.page.get_by_text("Recording now")).to_be_visible(timeout=SOON_MS)
            await expect(here.rows().first.locator(".heard > i")).not_to_be_empty(timeout=2 * SOON_MS)
        await camera.take("elsewhere", pages)
        await recorder.button("Stop").click()
        for here in pages.values():
            await leave_one(here)
        await camera.take("left", pages)
        *others, latest = pages.values()
        for here in others:
            await here.button("Finish").click()
        await latest.button("Continue").click()
        await latest.has_recorded(11)
        await stop_recording(latest)
        for here in pages.values():
            await heard(here.rows().first)
            await here.rows().first.get_by_role("button", name="Play").click()
        await camera.take("gaps", pages)
    await bin_some(stack.api_url)
    async with camera.looks() as pages:
        for here in pages.values():
            await here.page.get_by_role("link", name="Bin", exact=True).click()
            await expect(here.button("Restore").first).to_be_visible()
        await camera.take("bin", pages)
    await break_one(stack.api_url)
    async with camera.looks() as pages:
        for here in pages.values():
            await expect(here.page.locator("[data-status=failed]")).to_be_visible(timeout=WORDS_MS)
        await camera.take("failed", pages)
        stack.kill("api")
        for here in pages.values():
            await start_recording(here, "Spoken in a tunnel")
        for look, here in pages.items():
            await expect(here.page.get_by_text("kept here, sent later")).to_be_visible(timeout=2 * SOON_MS)
            await camera.take("behind", {look: here})
            await here.button("Stop").click()
            await expect(here.page.locator("[data-status=kept]")).to_be_visible(timeout=SOON_MS)
            await expect(here.page.locator("[data-part=offline]")).to_be_visible(timeout=SOON_MS)
        await camera.take("offline", pages)
    await camera.browser.close()


async def main() -> None:
    RESULTS.mkdir(exist_ok=True)
    with (
        Valkey() as valkey,
        tempfile.TemporaryDirectory() as folder,
        Stack({"DATA_DIR": folder, "REDIS_URL": valkey.url()}) as stack,
    ):
        async with async_playwright() as playwright:
            await shoot(stack, playwright, Path(folder))
    print(f"{README.relative_to(ROOT)} ({README.stat().st_size:,} bytes), and more in {RESULTS.relative_to(ROOT)}/")


if __name__ == "__main__":
    asyncio.run(main())
