"""The page as a person sees it: by role and name."""

import asyncio
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
        await expect(opened.page.get_by_role("main")).to_have_attribute("aria-busy", "false")
        return opened

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    def rows(self) -> Locator:
        return self.page.locator("[data-clip-id]:visible")

    def row(self, clip_id: str) -> Locator:
        return self.page.locator(f"[data-clip-id='{clip_id}']")

    async def record(self, title: str, words: int | None = None, seconds: float = 4) -> str:
        """Record for so long, with a title of our own, and return the new clip's id."""
        before = set(await self.ids())
        await self.button("Record").click()
        field = self.page.get_by_role("textbox", name="Title of this recording")
        await expect(field).to_be_visible()
        await field.fill(title)
        await self.has_recorded(seconds)
        await self.button("Stop").click()
        await expect(self.button("Record")).to_be_visible()
        await self.page.wait_for_function(f"before => ({IDS})().some(id => !before.includes(id))", arg=sorted(before))
        [new] = set(await self.ids()) - before
        return new

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


def name_of(row: Locator) -> Locator:
    return row.get_by_role("textbox", name="Name")


def words_of(row: Locator) -> Locator:
    """The words as they are read; of a closed row, their first lines."""
    return row.get_by_role("group", name="Transcript")


async def unfold(row: Locator) -> None:
    """Open a row, if it is not open."""
    details = row.get_by_role("button", name="Details")
    if await details.get_attribute("aria-expanded") == "false":
        await details.click()
    await expect(details).to_have_attribute("aria-expanded", "true")


async def edit(row: Locator) -> Locator:
    """Begin to edit the words of a row, and return the field."""
    await unfold(row)
    await row.get_by_role("button", name="Edit").click()
    field = row.get_by_role("textbox", name="Transcript")
    await expect(field).to_be_focused()
    return field


async def rewrite(row: Locator, words: str) -> None:
    """Put other words in the place of a row's, and leave them."""
    field = await edit(row)
    await field.fill(words)
    await field.blur()
    await expect(field).to_be_hidden()


async def heard(row: Locator) -> str:
    """Wait for the row's words."""
    await expect(words_of(row)).to_be_visible(timeout=WORDS_MS)
    return await words_of(row).inner_text()


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
