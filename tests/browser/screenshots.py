"""`make screenshots`: the README's picture, and every place of the page in every look, of real recorded speech.

A new place is one line of `STATES`; a new look one of `MORE_LOOKS`. `python -m tests.browser.screenshots settings bin`
takes these states alone.
"""

import asyncio
import sys
import tempfile
import uuid
from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, Literal

import httpx
from playwright.async_api import Browser, Page, async_playwright, expect

from tests import speech
from tests.browser.page import SOON_MS, WORDS_MS, DictaphonePage, clip_page
from tests.recordings import WEBM_HEAD
from tests.servers import chromium
from tests.servers.stack import ROOT, Stack
from tests.servers.valkey import Valkey

README = ROOT / "infra" / "screenshot.png"
RESULTS = ROOT / "tests" / "results"

Scheme = Literal["light", "dark"]
Look = tuple[str, Scheme]

SCREENS: dict[str, dict[str, Any]] = {
    "desktop": {"viewport": {"width": 1440, "height": 900}},
    "tablet": {"viewport": {"width": 768, "height": 1024}, "has_touch": True},
    "phone": {
        "viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "is_mobile": True, "has_touch": True,
    },
}  # fmt: skip
SCHEMES: tuple[Scheme, ...] = ("light", "dark")

LOOKS = tuple(product(SCREENS, SCHEMES))
EACH_ONCE = (("desktop", SCHEMES[0]), ("phone", SCHEMES[1]))
"""The fewest looks that show a wide screen, a small one, and each scheme."""

MORE_LOOKS: dict[str, dict[str, Any]] = {
    "desktop-forced": {**SCREENS["desktop"], "forced_colors": "active", "color_scheme": "dark"},
    "phone-forced": {**SCREENS["phone"], "forced_colors": "active", "color_scheme": "light"},
    "desktop-german": {**SCREENS["desktop"], "locale": "de-DE"},
    "phone-german": {**SCREENS["phone"], "locale": "de-DE"},
    "desktop-arabic": {**SCREENS["desktop"], "locale": "ar-EG"},
    "phone-arabic": {**SCREENS["phone"], "locale": "ar-EG"},
    # What a browser shows at 200 % of a window of 1440 × 900.
    "desktop-200": {"viewport": {"width": 720, "height": 450}, "device_scale_factor": 2},
}
"""Looks beside `LOOKS`, as Playwright's options of a context."""

SAID = {
    "Board meeting: the review of procedures": ("LJ050-0131.wav",),
    "A last thought on John": ("austen-0930.wav",),
    "Norland, first draft": ("austen-0870.wav",),
    "What she might have made of him": ("austen-0920.wav",),
}
"""Names of clips, the oldest first, and what is said in them."""

RIGHT_TO_LEFT = "اجتماع الصباح", "نبدأ اليوم بمراجعة الخطة. ثم نتكلم عن الميزانية، وعن موعد Launch في آذار."
SENTENCES = 700
"""As many as are said in an hour."""

SETTLE_MS = 250
"""What comes late into a place that is shown: a style sheet, the outline of a sound."""

GOTO = """(path) => {
  history.pushState(null, "", path);
  dispatchEvent(new PopStateEvent("popstate"));
}"""
"""Goes to a place as Back does: the page stays."""


@dataclass(frozen=True)
class State:
    """What is to be seen at an address; `{name}` stands for the id of a clip in `CLIPS`."""

    path: str
    place: str


STATES = {
    "list": State("/", "list"),
    "clip-short": State("/clips/{short}", "clip"),
    "clip-hour": State("/clips/{hour}", "clip"),
    "clip-rtl": State("/clips/{rtl}", "clip"),
    "clip-failed": State("/clips/{failed}", "clip"),
    "clip-gaps": State("/clips/{gaps}", "clip"),
    "settings": State("/settings", "settings"),
    "bin": State("/bin", "bin"),
}


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
                options = {**SCREENS[screen], "color_scheme": scheme}
                pages[f"{screen}-{scheme}"] = await held.enter_async_context(self.look(options))
            yield pages

    @asynccontextmanager
    async def look(self, options: Mapping[str, Any]) -> AsyncIterator[DictaphonePage]:
        """The page on a device of its own."""
        context = await self.browser.new_context(
            **{"base_url": self.url, "locale": "en-US", "timezone_id": "UTC", "service_workers": "block", **options}
        )
        page = await context.new_page()
        await page.goto(self.url)
        await expect(page.locator("[data-part=library]")).to_have_attribute("aria-busy", "false")
        yield DictaphonePage(page)
        await context.close()


async def show(page: Page, state: State, clips: Mapping[str, str]) -> None:
    """Go to a place, and wait until it is there."""
    await page.evaluate(GOTO, state.path.format(**clips))
    await expect(page.locator(f".detail-pane > [data-place={state.place}]")).to_have_attribute("data-shown", "")
    await page.wait_for_timeout(SETTLE_MS)


async def take(page: Page, look: str, state: str) -> None:
    await page.screenshot(path=RESULTS / f"{look}-{state}.png", animations="disabled")


async def put(api: httpx.AsyncClient, name: str, body: bytes, mime: str = "audio/wav") -> str:
    id = str(uuid.uuid4())
    stored = await api.put(f"/api/clips/{id}", params={"name": name}, content=body, headers={"Content-Type": mime})
    stored.raise_for_status()
    return id


async def break_one(url: str) -> str:
    """Store a file that begins like WebM and is none: it will fail, and say so. Return its id."""
    async with httpx.AsyncClient(base_url=url, trust_env=False) as api:
        return await put(api, "Half a download", WEBM_HEAD + bytes(4000), "audio/webm")


async def fill(url: str) -> dict[str, str]:
    """Store clips of every kind, two of them in the bin, and wait for their words. Return ids by their kind."""
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=60) as api:
        hour = speech.samples(("austen-0870.wav", "austen-0920.wav"))
        clips = {"hour": await put(api, "Planning the year", speech.encode(speech.repeated(hour, 60)))}
        clips["rtl"] = await put(api, RIGHT_TO_LEFT[0], speech.encode(speech.samples(("austen-0930.wav",))))
        clips["failed"] = await break_one(url)
        for number, (name, files) in enumerate(SAID.items()):
            clips["short"] = id = await put(api, name, speech.encode(speech.samples(files)))
            await api.patch(
                f"/api/clips/{id}", json={"tags": ["work", "reading"][: number % 3], "starred": number == 1}
            )
        for name in ("A shopping list", "Trying the microphone"):
            await api.delete(f"/api/clips/{await put(api, name, speech.encode(speech.samples(('austen-0930.wav',))))}")
        async with asyncio.timeout(WORDS_MS / 1000):
            while any(
                clip["status"] not in {"done", "failed"} for clip in (await api.get("/api/clips")).json()["clips"]
            ):
                await asyncio.sleep(0.3)
        text = speech.words(("austen-0870.wav",))
        long = "\n\n".join(" ".join([text] * 4) for _ in range(SENTENCES // 8))
        for id, words in ((clips["hour"], long), (clips["rtl"], RIGHT_TO_LEFT[1])):
            (await api.patch(f"/api/clips/{id}", json={"text": words})).raise_for_status()
    return clips


async def start_recording(here: DictaphonePage, title: str) -> None:
    await here.button("Record").click()
    await expect(here.button("Stop")).to_be_visible()
    field = here.page.get_by_role("textbox", name="Title of this recording")
    await field.fill(title)
    await field.press("Enter")


async def record_with_gap(camera: Camera) -> str:
    """Close the tab of a recording and go on in another one; return the clip's id."""
    async with camera.look(SCREENS["desktop"]) as here:
        await start_recording(here, "Where the tab was closed")
        await here.has_recorded(4)
        await here.page.close(run_before_unload=False)
        here.page = await here.page.context.new_page()
        await here.page.goto("/")
        await here.page.get_by_role("button", name="Continue").first.click(timeout=SOON_MS)
        await here.has_recorded(7)
        await here.button("Stop").click()
        await here.page.wait_for_timeout(1_000)
        return await first_id(camera.url, "Where the tab was closed")


async def first_id(url: str, name: str) -> str:
    async with httpx.AsyncClient(base_url=url, trust_env=False) as api:
        clips = (await api.get("/api/clips")).json()["clips"]
    return str(next(clip["id"] for clip in clips if clip["name"] == name))


async def take_states(camera: Camera, clips: Mapping[str, str], wanted: Collection[str]) -> None:
    """Every state in every look, one device after the other."""
    looks = {f"{screen}-{scheme}": {**SCREENS[screen], "color_scheme": scheme} for screen, scheme in LOOKS}
    for look, options in {**looks, **MORE_LOOKS}.items():
        async with camera.look(options) as here:
            for name, state in STATES.items():
                if not wanted or name in wanted:
                    await show(here.page, state, clips)
                    await take(here.page, look, name)
                    if (look, name) == ("desktop-light", "clip-short"):
                        await here.page.screenshot(path=README, animations="disabled")


async def take_recording(camera: Camera, stack: Stack) -> None:
    """What changes while somebody records, and what a server that is away changes."""
    looks = (*EACH_ONCE, ("tablet", SCHEMES[0]))
    async with camera.looks(looks) as pages:
        for look, here in pages.items():
            await start_recording(here, "Notes for the second chapter")
            await here.has_recorded(8)
            await take(here.page, look, "recording")
            await here.button("Pause").click()
            await expect(here.button("Resume")).to_be_visible()
            await take(here.page, look, "paused")
            await here.button("Stop").click()
            await expect(clip_page(here.page)).to_be_visible()
            await here.page.evaluate(GOTO, "/")
        stack.kill("api")
        for here in pages.values():
            await start_recording(here, "Spoken in a tunnel")
        for look, here in pages.items():
            await here.has_recorded(12)
            await take(here.page, look, "behind")
            await here.button("Stop").click()
            await here.page.evaluate(GOTO, "/")
            await expect(here.page.locator("[data-part=offline]")).to_be_visible(timeout=SOON_MS)
            await take(here.page, look, "offline")


async def shoot(stack: Stack, browser: Browser, wanted: Collection[str]) -> None:
    camera = Camera(browser, stack.api_url)
    if not wanted or "empty" in wanted:
        looks = {f"{screen}-{scheme}": {**SCREENS[screen], "color_scheme": scheme} for screen, scheme in LOOKS}
        for look, options in {**looks, **MORE_LOOKS}.items():
            async with camera.look(options) as here:
                await here.page.wait_for_timeout(SETTLE_MS)
                await take(here.page, look, "empty")
    clips = await fill(stack.api_url)
    clips["gaps"] = await record_with_gap(camera)
    await take_states(camera, clips, wanted)
    if not wanted or "recording" in wanted:
        await take_recording(camera, stack)


async def main(wanted: Collection[str]) -> None:
    RESULTS.mkdir(exist_ok=True)
    with (
        Valkey() as valkey,
        tempfile.TemporaryDirectory() as folder,
        Stack({"DATA_DIR": folder, "REDIS_URL": valkey.url()}) as stack,
    ):
        async with async_playwright() as playwright:
            loop = speech.microphone(Path(folder) / "loop.wav", lead_s=0, tail_s=0)
            browser = await chromium.launch(playwright, loop, once=False)
            await shoot(stack, browser, wanted)
            await browser.close()
    print(f"{README.relative_to(ROOT)} ({README.stat().st_size:,} bytes), and more in {RESULTS.relative_to(ROOT)}/")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
