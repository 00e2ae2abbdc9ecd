"""`make screenshots`: the README's picture, and every place of the page in every look, of real recorded speech.

A new place is one line of `STATES`; a new look one of `MORE_LOOKS`. `python -m tests.browser.screenshots settings bin
phone-dark` takes these states alone, in this look alone.
"""

import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Any, Literal

from playwright.async_api import Browser, Page, async_playwright, expect

from tests import speech
from tests.browser.page import SOON_MS, WORDS_MS, DictaphonePage
from tests.browser.sample_library import fill
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


INTERRUPTED = "On the train"

AFTERNOON = f"Etc/GMT{max(-14, datetime.now(UTC).hour - 16):+d}"
"""A place where it is about four o'clock: nobody's clips are all of the dead of night."""

SETTLE_MS = 250
"""What comes late into a place that is shown: a style sheet, the outline of a sound."""

AT_ONCE = 4
"""Pages that record side by side."""

GOTO = """(path) => {
  history.pushState(null, "", path);
  dispatchEvent(new PopStateEvent("popstate"));
}"""
"""Goes to a place as Back does: the page stays."""

WORD = """async ([part, key]) => (await import("/static/shared/words.js")).words[part][key]"""
"""What the page calls something in its language."""


async def trim(page: Page) -> None:
    """Open the trim view, and mark a stretch."""
    await page.locator(".clip-page [data-part=menu]").click()
    await page.get_by_role("menuitem", name=await page.evaluate(WORD, ["trim", "title"])).click()
    await page.locator("[data-part=trim-from]").fill("9000")
    await page.locator("[data-part=trim-to]").fill("21500")
    await expect(page.locator("[data-part=trim] canvas")).to_be_visible()


async def search(page: Page) -> None:
    await page.locator("[data-part=find]").fill("amiable")
    await expect(page.locator("[data-part=finding]")).to_be_visible()


async def find(page: Page) -> None:
    await page.locator("[data-part=find-open]").click()
    await page.locator("[data-part=find-what]").fill("more")


async def edit(page: Page) -> None:
    await page.locator("[data-part=edit]").click()


async def compare(page: Page) -> None:
    await page.locator("[data-key^=compare]").first.click()
    await expect(page.locator(".compared ins").first).to_be_visible()


async def ask_for_menu(page: Page) -> None:
    await page.locator(".clip-page [data-part=menu]").click()


async def timed(page: Page) -> None:
    await expect(page.locator(".moment").first).to_be_visible(timeout=SOON_MS)


@dataclass(frozen=True)
class State:
    """What is to be seen at an address, after something was done there; `{name}` stands for the id of a clip."""

    path: str
    place: str
    then: Callable[[Page], Awaitable[None]] | None = None


STATES = {
    "list": State("/", "list"),
    "search": State("/", "list", search),
    "clip-short": State("/clips/{short}", "clip"),
    "clip-hour": State("/clips/{hour}?t=1098", "clip", timed),
    "clip-rtl": State("/clips/{rtl}", "clip"),
    "clip-failed": State("/clips/{failed}", "clip"),
    "clip-gaps": State("/clips/{gaps}", "clip"),
    "clip-menu": State("/clips/{page}", "clip", ask_for_menu),
    "notes": State("/clips/{hour}?tab=notes", "clip"),
    "history": State("/clips/{norland}?tab=history", "clip", compare),
    "find": State("/clips/{page}", "clip", find),
    "edit": State("/clips/{page}", "clip", edit),
    "trim": State("/clips/{page}", "clip", trim),
    "settings": State("/settings", "settings"),
    "bin": State("/bin", "bin"),
}
"""Each is taken on a page that has just been opened."""

BY_HAND = ("readme", "empty", "recording", "meeting", "offline")
"""States that need more than an address: each has a function below."""


class Camera:
    """Takes each state in each look; `wanted` names the states and looks, where not all are."""

    def __init__(self, browser: Browser, url: str, wanted: Iterable[str] = ()) -> None:
        self.browser = browser
        self.url = url
        looks = {f"{screen}-{scheme}": {**SCREENS[screen], "color_scheme": scheme} for screen, scheme in LOOKS}
        looks |= MORE_LOOKS
        self.all_looks = {look: looks[look] for look in wanted if look in looks} or looks
        self.states = {name for name in wanted if name not in looks} or {*STATES, *BY_HAND}

    @asynccontextmanager
    async def looks(self, looks: Iterable[Look] = LOOKS) -> AsyncIterator[dict[str, DictaphonePage]]:
        """The page as each look shows it; every one is another device."""
        named = {f"{screen}-{scheme}": {**SCREENS[screen], "color_scheme": scheme} for screen, scheme in looks}
        async with self.opened(named) as pages:
            yield pages

    @asynccontextmanager
    async def opened(self, looks: Mapping[str, Mapping[str, Any]]) -> AsyncIterator[dict[str, DictaphonePage]]:
        async with AsyncExitStack() as held:
            yield {look: await held.enter_async_context(self.look(options)) for look, options in looks.items()}

    @asynccontextmanager
    async def look(self, options: Mapping[str, Any]) -> AsyncIterator[DictaphonePage]:
        """The page on a device of its own."""
        context = await self.browser.new_context(
            **{"base_url": self.url, "locale": "en-US", "timezone_id": AFTERNOON, "service_workers": "block", **options}
        )
        page = await context.new_page()
        await page.goto(self.url)
        await expect(page.locator("[data-part=library]")).to_have_attribute("aria-busy", "false")
        yield DictaphonePage(page)
        await context.close()


async def show(page: Page, state: State, clips: Mapping[str, str]) -> None:
    """Go to a place, wait until it is there, and do what is to be done there."""
    await page.evaluate(GOTO, state.path.format(**clips))
    await expect(page.locator(f".detail-pane > [data-place={state.place}]")).to_have_attribute("data-shown", "")
    await page.wait_for_timeout(SETTLE_MS)
    if state.then:
        await state.then(page)
        await page.wait_for_timeout(SETTLE_MS)


async def take(page: Page, look: str, state: str) -> None:
    await page.screenshot(path=RESULTS / f"{look}-{state}.png", animations="disabled")


async def start_recording(here: DictaphonePage, title: str) -> None:
    """Press Record, whatever it is called in the page's language, and name the recording."""
    await here.page.locator("[data-part=record]").click()
    await name_recording(here, title)


async def name_recording(here: DictaphonePage, title: str) -> None:
    field = here.page.locator("[data-part=recording-title]")
    await expect(field).to_be_visible()
    await field.fill(title)
    await field.press("Enter")


async def stop(here: DictaphonePage) -> None:
    await here.page.locator("[data-part=record]").click()
    await expect(here.page.get_by_role("article")).to_be_visible(timeout=SOON_MS)


async def record_with_gap(camera: Camera) -> str:
    """Close the tab of a recording and go on in another one; return the clip's id."""
    async with camera.look(SCREENS["desktop"]) as here:
        await start_recording(here, INTERRUPTED)
        await here.has_recorded(8)
        await here.page.close(run_before_unload=False)
        here.page = await here.page.context.new_page()
        await here.page.goto("/")
        await here.page.get_by_role("button", name="Continue").first.click(timeout=SOON_MS)
        await here.has_recorded(20)
        await stop(here)
        await expect(here.page.get_by_role("group", name="Transcript")).to_be_visible(timeout=WORDS_MS)
        return here.page.url.split("/clips/")[1].split("?")[0]


async def take_empty(camera: Camera) -> None:
    for look, options in camera.all_looks.items():
        async with camera.look(options) as here:
            await here.page.wait_for_timeout(SETTLE_MS)
            await take(here.page, look, "empty")


async def take_states(camera: Camera, clips: Mapping[str, str]) -> None:
    """Every state in every look, one device after the other."""
    for look, options in camera.all_looks.items():
        async with camera.look(options) as here:
            for name, state in STATES.items():
                if name in camera.states:
                    await here.page.goto("/")
                    await expect(here.page.locator("[data-part=library]")).to_have_attribute("aria-busy", "false")
                    await show(here.page, state, clips)
                    await take(here.page, look, name)


async def take_readme(camera: Camera, clips: Mapping[str, str]) -> None:
    """The list, and the page of an hour whose first minute was heard."""
    async with camera.look({**SCREENS["desktop"], "color_scheme": SCHEMES[0]}) as here:
        await show(here.page, State("/clips/{hour}?t=50", "clip", timed), clips)
        await here.page.screenshot(path=README, animations="disabled")


async def take_recording(camera: Camera) -> None:
    """A recording that runs, with a marker and notes, and one that is paused."""
    looks = list(camera.all_looks.items())
    for start in range(0, len(looks), AT_ONCE):
        async with camera.opened(dict(looks[start : start + AT_ONCE])) as pages:
            for here in pages.values():
                await start_recording(here, "Notes for the second chapter")
            for look, here in pages.items():
                await here.page.bring_to_front()
                await here.has_recorded(6)
                await here.page.locator("[data-part=recorder] [data-part=mark]").click()
                await here.page.locator("[data-part=recording-markers] input").fill("The sisters")
                await here.page.locator("[data-part=recording-notes]").fill("- [ ] Ask Anna about the cottage")
                await take(here.page, look, "recording")
                await here.page.locator("[data-part=pause]").click()
                await expect(here.page.locator("body")).to_have_attribute("data-recorder", "paused")
                await take(here.page, look, "paused")
                await stop(here)


async def take_meeting(camera: Camera) -> None:
    """The sound of a tab beside the microphone: the stand-in for Chromium's dialog shares a beep."""
    for look, options in camera.all_looks.items():
        if not look.startswith("desktop"):
            continue
        async with camera.look(options) as here:
            await here.page.locator("[data-part=sources]").click()
            await take(here.page, look, "sources")
            meeting = await here.page.evaluate(WORD, ["sources", "meeting"])
            await here.page.get_by_role("menuitem", name=meeting).click()
            await name_recording(here, "Weekly meeting")
            await here.has_recorded(6)
            await take(here.page, look, "meeting")
            await stop(here)


async def take_offline(camera: Camera) -> None:
    """A recording whose network goes, its page, and the list."""
    for look, options in camera.all_looks.items():
        async with camera.look(options) as here:
            await start_recording(here, "Spoken in a tunnel")
            await here.has_recorded(4)
            await here.page.context.set_offline(True)
            await here.has_recorded(15)
            await take(here.page, look, "behind")
            await stop(here)
            await here.page.wait_for_timeout(SETTLE_MS)
            await take(here.page, look, "kept")
            await here.page.evaluate(GOTO, "/")
            await expect(here.page.locator("[data-part=offline]")).to_be_visible(timeout=SOON_MS)
            await here.page.wait_for_timeout(SETTLE_MS)
            await take(here.page, look, "offline")


async def shoot(stack: Stack, browser: Browser, wanted: Iterable[str]) -> None:
    camera = Camera(browser, stack.api_url, wanted)
    if "empty" in camera.states:
        await take_empty(camera)
    if camera.states == {"empty"}:
        return
    clips = await fill(stack.api_url)
    if camera.states & {"readme", "list", "clip-gaps"}:
        clips["gaps"] = await record_with_gap(camera)
    if "readme" in camera.states:
        await take_readme(camera, clips)
    await take_states(camera, clips)
    if "recording" in camera.states:
        await take_recording(camera)
    if "meeting" in camera.states:
        await take_meeting(camera)
    if "offline" in camera.states:
        await take_offline(camera)


async def main(wanted: Iterable[str]) -> None:
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
