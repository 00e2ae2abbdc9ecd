"""The page as a person sees it: by role and name."""

import asyncio
import re
from collections.abc import Sequence

import pytest
from playwright.async_api import Browser, BrowserContext, Error, Locator, Page, expect

WORDS_MS = 60_000
"""Time for a transcript: the model is loaded once, on a machine that may be busy."""

SOON_MS = 15_000
"""Time for what should be there within a second, on a machine that may be busy."""


CRASH_S = 2
"""Time for Chromium to notice that a process died."""

IDS = "() => [...document.querySelectorAll('[data-clip-id]')].map(row => row.dataset.clipId)"


class DictaphonePage:
    """One open page. What goes wrong in its scripts is kept in `errors`."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.errors: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    @classmethod
    async def open(cls, where: Browser | BrowserContext, url: str, *, service_worker: bool = False) -> "DictaphonePage":
        """Open the page; in a browser, as a device of its own.

        Without its service worker, unless that is asked for: it costs as much as the page, and few tests need it.
        """
        context = where
        if isinstance(where, Browser):
            context = await where.new_context(service_workers="allow" if service_worker else "block")
        opened = cls(await context.new_page())
        await opened.page.goto(url)
        await expect(opened.page.locator("[data-part=library]")).to_have_attribute("aria-busy", "false")
        return opened

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    def rows(self) -> Locator:
        return self.page.locator("[data-clip-id]:visible")

    def row(self, clip_id: str) -> Locator:
        return self.page.locator(f"[data-clip-id='{clip_id}']")

    async def record(self, title: str, words: int | None = None, seconds: float = 4) -> str:
        """Record for so long, with a title of our own, and return the new clip's id. Its page is open then."""
        await self.button("Record").click()
        field = self.page.get_by_role("textbox", name="Title of this recording")
        await expect(field).to_be_visible()
        await field.fill(title)
        await self.has_recorded(seconds)
        await self.button("Stop").click()
        await expect(self.button("Record")).to_be_visible()
        await expect(self.page).to_have_url(re.compile("/clips/"))
        return self.page.url.split("/clips/")[1].split("?")[0]

    async def has_recorded(self, seconds: float) -> None:
        """Wait until the timer says at least so much: it is the clock, since a busy machine may start late."""
        await self.page.wait_for_function(
            """least => {
                const [minutes, seconds] = document.querySelector("[role=timer]").textContent.split(":");
                return 60 * Number(minutes) + Number(seconds) >= least;
            }""",
            arg=int(seconds),
            timeout=int(seconds * 1000) + SOON_MS,
        )

    async def crash(self) -> None:
        """Let the tab die. Its service worker dies with it: a navigation before Chromium notices that hangs."""
        with pytest.raises(Error):
            await self.page.goto("chrome://crash")
        await asyncio.sleep(CRASH_S)

    async def ids(self) -> Sequence[str]:
        ids: list[str] = await self.page.evaluate(IDS)
        return ids

    async def mark(self) -> None:
        """Leave something that a reload would take away."""
        await self.page.evaluate("() => { window.neverReloaded = true }")

    async def was_never_reloaded(self) -> bool:
        return bool(await self.page.evaluate("() => window.neverReloaded === true"))


def title_of(row: Locator) -> Locator:
    """The title in a row, which is the link to its page."""
    return row.get_by_role("heading").get_by_role("link")


def clip_page(page: Page) -> Locator:
    """The page of the clip that is open."""
    return page.get_by_role("article")


def words_of(clip: Locator) -> Locator:
    """All words on a clip's page, as they are read."""
    return clip.get_by_role("group", name="Transcript")


async def open_clip(here: DictaphonePage, clip_id: str) -> Locator:
    """Open a clip from its row, and return its page."""
    await title_of(here.row(clip_id)).click()
    await expect(here.page).to_have_url(re.compile(f"/clips/{clip_id}"))
    await expect(clip_page(here.page)).to_be_visible()
    return clip_page(here.page)


async def back_to_list(here: DictaphonePage) -> None:
    """Go back from a clip's page, where it lies over the list."""
    await here.page.get_by_role("link", name="Back to the clips").click()
    await expect(here.page.get_by_role("search")).to_be_visible()


async def rename(clip: Locator, name: str) -> None:
    """Give a clip another name, on its page."""
    await clip.get_by_role("button", name="Rename").click()
    field = clip.get_by_role("textbox", name="Name")
    await field.fill(name)
    await field.press("Enter")
    await expect(field).to_be_hidden()


async def edit(clip: Locator) -> Locator:
    """Begin to edit the words on a clip's page, and return the field."""
    await clip.get_by_role("button", name="Edit", exact=True).click()
    field = clip.get_by_role("textbox", name="Transcript")
    await expect(field).to_be_focused()
    return field


async def rewrite(clip: Locator, words: str) -> None:
    """Put other words in the place of a clip's, and leave them."""
    field = await edit(clip)
    await field.fill(words)
    await field.blur()
    await expect(field).to_be_hidden()


async def choose(clip: Locator, menu: str, item: str) -> None:
    """Choose an item of a menu, by the names of its button and of the item."""
    await clip.get_by_role("button", name=menu).click()
    await clip.page.get_by_role("menuitem", name=item).click()


async def delete(here: DictaphonePage, clip_id: str) -> None:
    """Put a clip into the bin by the menu of its row."""
    await choose(here.row(clip_id), "More for", "Delete")
    await expect(here.row(clip_id)).to_be_hidden()


async def heard(row: Locator) -> str:
    """Wait for the first words of a row."""
    words = row.locator(".row-words:not(.heard)")
    await expect(words).to_be_visible(timeout=WORDS_MS)
    return await words.inner_text()


async def plays(page: Page) -> None:
    """Wait until some audio element really advances."""
    await page.wait_for_function("() => window.sounds?.some(sound => !sound.paused && sound.currentTime > 0.3)")


LISTEN = """
window.sounds = [];
window.microphones = 0;
const Sound = window.Audio;
window.Audio = function (...given) { const sound = new Sound(...given); window.sounds.push(sound); return sound; };
const create = document.createElement.bind(document);
document.createElement = (name, ...rest) => {
  const element = create(name, ...rest);
  if (String(name).toLowerCase() === "audio") window.sounds.push(element);
  return element;
};
if (navigator.mediaDevices) {
  const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = (...given) => { window.microphones += 1; return open(...given); };
}
"""
"""Runs before the page's own scripts: knows every sound and counts the microphone streams."""
