"""The same few verbs for a page in Chromium, Firefox and WebKit.

What only needs Chromium uses Playwright (`launch_browser`), which can far more.
"""

import contextlib
from contextlib import AsyncExitStack
from functools import cache
from pathlib import Path
from typing import Any, Protocol, Self

import psutil
from playwright.async_api import Download, Error, Page, Playwright, async_playwright

from tests.servers import chromium, debian, firefox, server, webkit


class BrowserPage(Protocol):
    """An open page of a browser of its own, which ends with it: `async with open_page("firefox") as page`."""

    name: str

    @property
    def downloads(self) -> Path:
        """The folder in which it saves what a person downloads."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *_: object) -> None: ...

    async def crash(self) -> None:
        """Kill the browser as a power cut would, and start it again with what it kept; `goto` comes next."""

    async def goto(self, url: str) -> None:
        """Open an address and wait until it is loaded."""

    async def back(self) -> None:
        """Go where the page before in this tab was, as the browser's button does."""

    async def evaluate(self, function: str, *arguments: Any) -> Any:
        """Call a function, written in the page's language, with JSON, and return what its promise gives."""

    async def click(self, selector: str) -> None:
        """Click the middle of an element as a person does."""

    async def click_at(self, x: float, y: float) -> None:
        """Press and release the mouse at a point of the window."""

    async def press(self, chord: str) -> None:
        """Press keys at once: `Enter`, `Control+a`."""

    async def type_text(self, text: str) -> None:
        """Type into what has the focus, letter by letter."""

    async def screenshot(self) -> bytes:
        """A PNG of what is in sight."""


class ChromiumPage:
    """The one page of a Chromium of its own."""

    name = "chromium"

    def __init__(self) -> None:
        self._held = AsyncExitStack()
        self._profile = server.new_folder("chromium")
        self._playwright: Playwright
        self._page: Page

    @property
    def downloads(self) -> Path:
        return self._profile / "downloads"

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as held:
            held.callback(server.remove, self._profile)
            self._playwright = await held.enter_async_context(async_playwright())
            held.push_async_callback(self._close)
            await self._start()
            self._held = held.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._held.aclose()

    async def _start(self) -> None:
        context = await chromium.launch_with_profile(self._playwright, self._profile)
        self._page = context.pages[0] if context.pages else await context.new_page()
        await self._page.set_viewport_size({"width": 1280, "height": 900})
        self._page.on("download", self._save)

    async def _save(self, download: Download) -> None:
        await download.save_as(self.downloads / download.suggested_filename)

    async def _close(self) -> None:
        await self._page.context.close()

    async def crash(self) -> None:
        for process in psutil.process_iter(["cmdline"]):
            if f"--user-data-dir={self._profile}" in (process.info["cmdline"] or []):
                process.kill()
        with contextlib.suppress(Error):  # it is gone already
            await self._close()
        await self._start()

    async def back(self) -> None:
        await self._page.go_back()

    async def goto(self, url: str) -> None:
        await self._page.goto(url)

    async def evaluate(self, function: str, *arguments: Any) -> Any:
        return await self._page.evaluate(f"async (given) => (await ({function})(...given)) ?? null", list(arguments))

    async def click(self, selector: str) -> None:
        await self._page.click(selector)

    async def click_at(self, x: float, y: float) -> None:
        await self._page.mouse.click(x, y)

    async def press(self, chord: str) -> None:
        await self._page.keyboard.press(chord)

    async def type_text(self, text: str) -> None:
        await self._page.keyboard.type(text)

    async def screenshot(self) -> bytes:
        return await self._page.screenshot()


PAGES: dict[str, type[BrowserPage]] = {
    "chromium": ChromiumPage,
    "firefox": firefox.FirefoxPage,
    "webkit": webkit.WebKitPage,
}


def open_page(name: str) -> BrowserPage:
    """A page of one of `PAGES`, to be entered."""
    return PAGES[name]()


@cache
def missing(name: str) -> str | None:
    """Say why a browser cannot be started here; None: it can. Where apt may, it is installed first, as Chromium is."""
    if name == "firefox" and not debian.program(firefox.NAME):
        failure = debian.install(firefox.NAME)
        return failure and f"there is no Firefox (apt install {firefox.NAME}): {failure}"
    if name == "webkit" and not webkit.is_installed():
        failure = debian.install(*webkit.PACKAGES, program_name=webkit.NAME)
        if failure or not webkit.is_installed():
            why = failure or "what was installed does not start"
            return f"there is no WebKitGTK (apt install {' '.join(webkit.PACKAGES)}): {why}"
    return None
